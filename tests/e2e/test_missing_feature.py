"""A feature store that goes down in mid-canary: a numeric feature is missing in every request, and
a bad candidate is rolled back all the same."""

import math
from dataclasses import replace

import pytest

from tests.stage.broken_servers import failing
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

CHECKS = [{"name": "errors", "errorRate": {}}, {"name": "drift", "predictionDrift": {}}]


def test_a_bad_candidate_is_rolled_back_while_a_feature_is_missing_in_every_request(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 20}, {"pause": {"duration": "10m"}}],
        analysis={"interval": "2s", "checks": CHECKS},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    product.api.apply(replace(model, version="v2", container=failing(0.9)).manifest())
    loan.until_weight(20)
    # nobody's income is known from now on
    target = Target(product.gateway_url, model.host, rate=30, income=math.nan)
    with Load(product.api, product.model_image, namespace, target) as load:
        status = loan.until_rejected(120)
        assert status["rejected"]["reason"] == "CheckFailed"
        assert "Check errors: Candidate errors" in status["rejected"]["message"]
        seen = load.stop()
    assert seen.requests("v1") > 2 * seen.requests("v2") > 0
    assert not seen.unexplained
