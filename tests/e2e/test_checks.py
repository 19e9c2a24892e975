"""Each check rolls a candidate back that has its fault, and lets one pass that has none."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = [pytest.mark.live, pytest.mark.quiet]

_WINDOW: Final = "[20s]"
_ERRORS: Final = {"name": "errors", "errorRate": {}}
_DRIFT: Final = {"name": "drift", "predictionDrift": {}}
_SLOW: Final = {"name": "slow", "latency": {}}
_GROUPS: Final = {
    "name": "groups",
    "fairness": {"favourable": [{"label": "class", "value": "approve"}]},
}
_USERS: Final = {"name": "users", "feedback": {"after": "0s"}}
_APPROVALS: Final = {
    "name": "approvals",
    "threshold": {
        "query": f'sum(rate(model_predictions_total{{$arm,class="approve"}}{_WINDOW})) '
        f"/ sum(rate(model_predictions_total{{$arm}}{_WINDOW}))",
        "min": 0.75,
        "for": "5s",
    },
}
_PAUSES: Final = {"fine": {"duration": "100s"}}
"""Long enough for clients of another kind to come meanwhile; the others go no further."""
_MONITORING: Final = {
    "interval": "2s",
    "featureDrift": {"reference": {"recordFor": "10s", "minValues": 300}},
    "errorRate": {"limit": "1%"},
}


_LATELY: Final = r"(?: in recent requests: .+)?\. "
_RISK: Final = (
    r"False-alarm risk at most 1% per rollout, all looks and checks included\."
    r"(?: Stable's .+ came in bursts \(\S+ times the variance of independent events\), "
    r"so each counts for less\.)?"
)
"""How evidence ends. A server on a busy machine is slow in bursts, and the message says so."""


@dataclass(frozen=True)
class Fault:
    """A candidate with one fault, the checks that look at it, and what the last of them says."""

    stable: str
    candidate: str
    checks: tuple[Mapping[str, Any], ...]
    evidence: str
    rate: float
    """Requests a second: some faults need more evidence than others."""
    feedback: bool = False
    """Whether clients tell what became of the answers."""


FAULTS: Final = {
    "slow": Fault(
        "v1",
        "v5",
        (_ERRORS, _DRIFT, _SLOW),
        r"Slower than \S+s: candidate \d+/\d+ \(\S+%\), stable \d+/\d+ \(\S+%\); "
        r"worse than tolerated \(1.1 times stable's \+ 0.5%\)" + _LATELY + _RISK,
        rate=10,
    ),
    "unfair": Fault(
        "v1",
        "v6",
        (_ERRORS, _GROUPS),
        r"Favourable answers: (black|hispanic) \d+/\d+ \(\S+%\), white \d+/\d+ \(\S+%\), "
        r"the clearest difference; white is above what is tolerated "
        r"\(1.25 times the rate of (black|hispanic)\)\. " + _RISK,
        rate=50,
    ),
    "disliked": Fault(
        "v2",
        "v7",
        (_ERRORS, _DRIFT, _USERS),
        r"Candidate negative feedback \d+/\d+ \(\S+%\), stable \d+/\d+ \(\S+%\); "
        r"worse than tolerated \(1.1 times stable's \+ 1%\)" + _LATELY + _RISK,
        rate=20,
        feedback=True,
    ),
    "strict": Fault(
        "v1",
        "v4",
        (_ERRORS, _APPROVALS),
        r".* is 0\.\d+, out of bounds \(min 0\.75\) for \d+s\. .*",
        rate=10,
    ),
}


@dataclass(frozen=True)
class Rollout:
    """A ModelDeployment whose candidate was applied, and its clients."""

    model: Model
    deployed: Deployed
    load: Load


@pytest.fixture(scope="module")
def rollouts(product: Stage, namespace: str) -> Iterator[Mapping[str, Rollout]]:
    """All of them beside each other, since most of their time goes by waiting; `fine` has a
    candidate without a fault."""
    faults = {**FAULTS, "fine": Fault("v1", "v2", (_ERRORS, _DRIFT), "", rate=50)}
    models = {name: _model(product, namespace, name, fault) for name, fault in faults.items()}
    deployed = {name: Deployed(product.api, namespace, name) for name in faults}
    for name, model in models.items():
        product.api.apply(model.manifest())
        deployed[name].until_healthy(model.version)
    with ExitStack() as stack:
        loads = {
            name: stack.enter_context(
                _load(product, model, faults[name].rate, feedback=faults[name].feedback)
            )
            for name, model in models.items()
        }
        for name, model in models.items():
            product.api.apply(replace(model, version=faults[name].candidate).manifest())
        yield {name: Rollout(models[name], deployed[name], loads[name]) for name in faults}


def _model(product: Stage, namespace: str, name: str, fault: Fault) -> Model:
    return Model(
        namespace,
        name,
        product.model_image,
        version=fault.stable,
        gateway=product.gateway,
        steps=[{"setWeight": 50}, {"pause": _PAUSES.get(name, {})}],
        analysis={"interval": "5s", "checks": [dict(check) for check in fault.checks]},
        rollout={"scaleDownDelay": "1s"},
        spec={"monitoring": _MONITORING} if name == "fine" else {},
    )


def _load(product: Stage, model: Model, rate: float, **clients: Any) -> Load:
    target = Target(product.gateway_url, model.host, rate, **clients)
    return Load(product.api, product.model_image, model.namespace, target)


def test_a_world_that_moves_for_all_is_told_of_and_no_fault_of_the_candidate(
    product: Stage, namespace: str, rollouts: Mapping[str, Rollout]
) -> None:
    fine = rollouts["fine"]
    within = fine.deployed.until("inputs compared", lambda s: _drifted(s)["status"] == "False")
    assert _drifted(within)["reason"] == "WithinReference"
    fine.deployed.until_weight(50)
    with _load(product, fine.model, rate=50, income=0.5) as poorer:
        fine.load.stop()
        moved = fine.deployed.until("a drift", lambda s: _drifted(s)["status"] == "True")
        assert moved["candidate"]["weight"]["actual"] == 50
        assert re.search(
            r"income: (up to|above) \d+ \d+/\d+ \(\S+%\) in the last \S+, \S+% in the "
            r"reference, the greatest difference; beyond the tolerance \(1\.25 times the "
            r"reference's share \+ 2%\)\.",
            _drifted(moved)["message"],
        )
        shown = '{.status.conditions[?(@.type=="Drifted")].message}'
        assert product.api.run("get", "mdep", "fine", f"-n={namespace}", f"-o=jsonpath={shown}")
        errors = next(e for e in moved["conditions"] if e["type"] == "ErrorsAboveLimit")
        assert (errors["status"], errors["reason"]) == ("False", "WithinLimit")
        fine.deployed.until_healthy("v2")
        assert poorer.seen.requests("v2") > 500
    events = product.api.list("Event", namespace)
    assert "FeaturesDrifted" in [event["reason"] for event in events]


@pytest.mark.parametrize("name", FAULTS)
def test_a_candidate_is_rolled_back_by_the_check_for_its_fault_and_by_no_other(
    rollouts: Mapping[str, Rollout], name: str
) -> None:
    rejected = rollouts[name].deployed.until_rejected()["rejected"]
    assert rejected["reason"] == "CheckFailed"
    failed = re.fullmatch(r"Check (\w+): (.*)", rejected["message"])
    assert failed, rejected
    assert failed[1] == FAULTS[name].checks[-1]["name"]
    assert re.fullmatch(FAULTS[name].evidence, failed[2]), failed[2]
    assert not re.search(r"Check \w+:", failed[2])


def test_no_fault_showed_in_any_answers_code(rollouts: Mapping[str, Rollout]) -> None:
    for name in FAULTS:
        clients = rollouts[name].load.stop()
        assert set(clients.versions) == {FAULTS[name].stable, FAULTS[name].candidate}
        assert not +clients.model_failures


def _drifted(status: Status) -> Mapping[str, Any]:
    """The condition Drifted."""
    return next(each for each in status["conditions"] if each["type"] == "Drifted")
