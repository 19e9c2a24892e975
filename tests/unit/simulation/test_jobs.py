"""The Jobs of steps in a simulation: they pass, unless the scenario says how they end."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from serinus.api.scenario import Scenario
from serinus.api.spec import Spec
from serinus.manifests.owner import Owner
from serinus.simulation.simulate import Run, Simulation

EXAMPLE = Path(__file__).parents[3] / "examples" / "11-validation.yaml"


def simulated(**job: Any) -> Run:
    raw = yaml.safe_load(EXAMPLE.read_text())["spec"]
    raw["rollout"]["analysis"]["interval"] = "1m"
    spec = Spec.model_validate(raw)
    scenario = Scenario.model_validate({"requestsPerSecond": 50, "job": job})
    simulation = Simulation(Owner("shop", "loan", "uid"), spec, "candidate", scenario)
    rng = Random(1)
    return simulation.run(rng, simulation.past(rng))


def test_they_pass_if_the_scenario_says_nothing() -> None:
    assert simulated().outcome == "Promoted"


@pytest.mark.parametrize(
    ("job", "ends"),
    [
        ({"exitCode": 1}, ("RolledBack", "JobFailed")),
        ({"exitCode": 3}, ("Held", "ValidationUnfinished")),
        ({"result": {"accuracy": 0.9}}, ("Held", "ValidationUnfinished")),
        (
            {"result": {"accuracy": 0.6, "failed": 0, "stable": {"accuracy": 0.9}}},
            ("RolledBack", "JobFailed"),
        ),
    ],
)
def test_a_candidate_that_they_do_not_pass_gets_no_request(
    job: dict[str, Any], ends: tuple[str, str]
) -> None:
    run = simulated(**job)
    assert (run.outcome, run.reason) == ends
    assert run.requests == 0


def test_one_whose_result_is_within_the_limits_is_promoted() -> None:
    found = {"accuracy": 0.92, "failed": 0, "stable": {"accuracy": 0.86}}
    assert simulated(result=found).outcome == "Promoted"
