"""Rollouts whose log is not shown end as those whose log is."""

from pathlib import Path
from random import Random

import pytest

from serinus.api.scenario import Scenario
from serinus.cli.files import read_manifest
from serinus.simulation.simulate import Simulation
from tests.support.exhaustive import short

ROOT = Path(__file__).parents[3]
SCENARIOS = {
    "alike": {"values": {"memory": 3e8}},
    "worse": {
        "values": {"memory": 3e8},
        "candidate": {"errors": "4%", "scores": {"mean": 0.6}},
    },
    "worse later": {
        "values": {"memory": 3e8},
        "candidate": {"after": "2m", "latency": {"median": "150ms"}},
    },
}


@pytest.mark.parametrize("name", short(SCENARIOS, ["worse"]))
def test_messages_decide_nothing(name: str) -> None:
    manifest = read_manifest(str(ROOT / "examples/07-analysis.yaml"))
    simulation = Simulation(
        manifest.owner, manifest.spec, manifest.revision, Scenario.model_validate(SCENARIOS[name])
    )
    past = simulation.past(Random("past"))
    for seed in range(3):
        shown = simulation.run(Random(seed), past)
        other = simulation.run(Random(seed), past, explained=False)
        assert (other.reason, other.outcome, other.after, other.requests) == (
            *(shown.reason, shown.outcome, shown.after),
            shown.requests,
        )
        assert [each.reason for each in other.moments] == [each.reason for each in shown.moments]
