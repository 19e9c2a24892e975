"""The operator's own process killed in the middle: the end is the same, and nothing is done twice.

Places that are exact to the instruction are in tests/integration; here the real pod dies.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from tests.stage.deployed import Deployed, Status
from tests.stage.manifests import IDLE, Model
from tests.stage.operator import Operator
from tests.stage.stage import Stage

SLOW_TO_BE_READY: Mapping[str, Any] = {
    **IDLE,
    "readinessProbe": {
        "exec": {"command": ["true"]},
        "initialDelaySeconds": 4,
        "timeoutSeconds": 5,
    },
}
"""So that a promotion takes long enough to be interrupted."""

MOMENTS: Mapping[str, Callable[[Status], object]] = {
    "undisturbed": lambda s: True,
    "mid-step": lambda s: (s.get("candidate") or {}).get("effectiveSince"),
    "mid-promotion": lambda s: (s.get("candidate") or {}).get("stage") == "Promoting",
}


@dataclass(frozen=True)
class End:
    """What is left of a rollout."""

    stable: str
    decisions: tuple[str, ...]
    children: Counter[str]
    pods: int


@dataclass(frozen=True)
class Rollout:
    """How it ended, and what was announced on the way."""

    end: End
    events: Counter[str]


@pytest.fixture(scope="module")
def rolled_out(product: Stage, operator: Operator, namespace: str) -> Callable[[str], Rollout]:
    """The same rollout, undisturbed or killed at a moment; each once."""

    @cache
    def rolled_out(moment: str) -> Rollout:
        model = _model(product, operator, namespace, moment)
        product.api.apply(model.manifest())
        deployed = Deployed(product.api, namespace, moment)
        deployed.until_healthy("v1")
        return _roll_out(operator, deployed, model)

    return rolled_out


@pytest.mark.parametrize(
    "moment", [pytest.param("mid-step", marks=pytest.mark.live), "mid-promotion"]
)
def test_a_rollout_whose_operator_was_killed_ends_as_an_undisturbed_one(
    rolled_out: Callable[[str], Rollout], moment: str
) -> None:
    killed, undisturbed = rolled_out(moment), rolled_out("undisturbed")
    assert killed.end == undisturbed.end
    # an Event may be lost with the process that was about to write it
    assert killed.events <= undisturbed.events, "something was announced twice"


def _model(product: Stage, operator: Operator, namespace: str, name: str) -> Model:
    return Model(
        namespace,
        name,
        product.model_image,
        replicas=2,
        container=SLOW_TO_BE_READY,
        steps=[{"setWeight": 33}, {"pause": {"duration": "5s"}}],
        rollout={"scaleDownDelay": "1s"},
        spec={"class": operator.klass},
        grace=1,
    )


def _roll_out(operator: Operator, deployed: Deployed, model: Model) -> Rollout:
    operator.api.apply(replace(model, version="v2").manifest())
    deployed.until(model.name, MOMENTS[model.name])
    if model.name != "undisturbed":
        operator.kill()
    deployed.until_healthy("v2")
    status = deployed.until(
        "old pods are gone", lambda s: not s.get("retiring") and _alone(deployed)
    )
    end = End(
        stable=status["stable"]["version"],
        decisions=tuple(decision["reason"] for decision in status["decisions"]),
        children=Counter(child["kind"] for child in deployed.children()),
        pods=len(deployed.pods()),
    )
    return Rollout(end, deployed.events())


def _alone(deployed: Deployed) -> bool:
    return len(deployed.children("Deployment")) == 1 and len(deployed.pods()) == 2
