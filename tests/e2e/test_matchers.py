"""A matcher that matches nothing lets no bad candidate pass: no failure could be seen by it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.stage.broken_servers import failing
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live


def _analysis(**matcher: str) -> dict[str, Any]:
    """By the errors that a code names."""
    errors = {"errors": [{"label": "code", **matcher}]}
    return {"interval": "2s", "checks": [{"name": "errors", "errorRate": errors}]}


def _is_held(status: Status) -> bool:
    hold = (status.get("candidate") or {}).get("hold") or {}
    return hold.get("reason") == "MetricsUnavailable" and "The matcher" in hold["message"]


def test_a_candidate_that_fails_is_held_with_the_remedy_and_rolled_back_once_it_is_set(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        container=failing(0.0),
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        analysis=_analysis(value="5xx"),
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    stable = loan.until_healthy("v1")["stable"]["revision"]
    target = Target(product.gateway_url, model.host, rate=20)
    with Load(product.api, product.model_image, namespace, target) as load:
        bad = replace(model, version="v2", container=failing(0.1))
        product.api.apply(bad.manifest())
        status = loan.until("held for the matcher", _is_held)
        message = status["candidate"]["hold"]["message"]
        assert 'The matcher code="5xx" can select nothing of model_requests_total' in message
        assert "the values of code are 200, 400, 500." in message
        assert 'Set {label: code, operator: "=~", value: "5..|408|429"} instead.' in message
        verdicts = {each["name"]: each["verdict"] for each in status["candidate"]["checks"]}
        assert verdicts["errors"] == "Error"
        mended = replace(bad, analysis=_analysis(operator="=~", value="5..|408|429"))
        product.api.apply(mended.manifest())
        status = loan.until_rejected()
        assert status["rejected"]["reason"] == "CheckFailed"
        assert status["stable"]["revision"] == stable
        assert not load.stop().unexplained, load.unexplained_at
    promoted = [each["revision"] for each in status["decisions"] if each["reason"] == "Promoted"]
    assert promoted == [stable], "the first deployment"
