"""A candidate that is slow in its first minutes is waited for, and promoted; nothing is set."""

import pytest

from tests.stage.broken_servers import cold
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live


@pytest.mark.parametrize("seconds", [60, 90])
def test_a_cold_start_that_nobody_has_set_is_not_blamed(
    product: Stage, namespace: str, seconds: int
) -> None:
    name = f"loan-{seconds}"
    model = Model(
        namespace,
        name,
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        analysis={
            "interval": "5s",
            "checks": [{"name": "errors", "errorRate": {}}, {"name": "slow", "latency": {}}],
        },
    )
    loan = Deployed(product.api, namespace, name)
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=20)
    with Load(product.api, product.model_image, namespace, target) as load:
        changed = model.manifest()
        changed["spec"]["model"]["version"] = "v2"
        changed["spec"]["template"]["spec"]["containers"][0] |= cold(seconds, 0.4)
        product.api.apply(changed)
        loan.until_weight(50)
        status = loan.until_healthy("v2", within=900.0)
        assert not load.stop().model_failures
    taken = status["decisions"][0]["message"]
    print(f"cold for {seconds} s: {taken}")
    assert "of the candidate's pods do not count" in taken, taken
    product.api.delete("ModelDeployment", namespace, name)
