"""A guard after promotion, simulated from the manifest to its end."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from serinus.api.scenario import Scenario
from serinus.api.spec import Spec
from serinus.manifests.owner import Owner
from serinus.simulation.exports import behaviour
from serinus.simulation.simulate import Run, Simulation
from serinus.simulation.traffic import Failing

EXAMPLE = Path(__file__).parents[3] / "examples" / "10-guard.yaml"
ERRORS = {"name": "errors", "errorRate": {}}
SLOW = {"name": "slow", "latency": {}}


def simulated(guard: str, checks: list[dict[str, Any]], scenario: dict[str, Any]) -> Run:
    """A rollout of four pods at 100 requests a second."""
    rollout = {
        "steps": [{"setWeight": 50}],
        "guard": {"duration": guard},
        "analysis": {"interval": "30s", "checks": checks},
    }
    spec = {**yaml.safe_load(EXAMPLE.read_text())["spec"], "replicas": 4, "rollout": rollout}
    simulation = Simulation(
        Owner("n", "loan", "uid"),
        Spec.model_validate(spec),
        "bbbbbbbb",
        Scenario.model_validate(scenario),
    )
    rng = Random("guard")
    return simulation.run(rng, simulation.past(rng))


def test_a_leak_that_the_steps_are_too_short_for_is_found_by_the_guard() -> None:
    leak = {"candidate": {"latency": {"hourlyGrowth": "25%"}}}
    run = simulated("3h", [ERRORS, SLOW], leak)
    assert (run.outcome, run.reason) == ("RolledBack", "GuardFailed")
    assert 3600 < run.after < 2 * 3600
    assert "has become slower by more than tolerated" in run.moments[-1].message


def test_without_a_leak_the_message_at_the_end_says_how_slow_both_were() -> None:
    run = simulated("1h30m", [ERRORS, SLOW], {})
    assert run.reason == "GuardEnded"
    assert "slow: Slower than " in run.moments[-1].message
    assert "not shown to be more than tolerated" in run.moments[-1].message


def test_outages_that_both_revisions_share_take_nothing_back() -> None:
    run = simulated("1h", [ERRORS], {"outages": {"afterPromotion": "15m"}})
    assert run.reason == "GuardEnded"
    assert "errors came in bursts" in run.moments[-1].message


def test_requests_during_outages_are_those_that_arrive_then() -> None:
    failing = Failing(since=100.0, every=60.0, lasting=5.0, errors=0.4)

    def requests(start: float, end: float) -> float:
        return failing.requests(start, end, lambda at: 10 * at)

    assert requests(0, 100) == 0
    assert requests(0, 105) == 50
    assert requests(102, 162) == 50
    assert requests(103, 1000) == pytest.approx(14 * 50 + 20)


def test_requests_take_longer_with_the_age_of_a_pod() -> None:
    model = Scenario.model_validate({"stable": {"latency": {"hourlyGrowth": "50%"}}}).stable
    young = behaviour(model)
    assert young.at_age(0) == young
    longer = {"stable": {"latency": {"median": "160ms"}}}
    twice = behaviour(Scenario.model_validate(longer).stable)
    assert young.at_age(7200).durations == pytest.approx(twice.durations)


def test_an_outage_must_end_before_the_next() -> None:
    with pytest.raises(ValueError, match="lasting must be shorter than every"):
        Scenario.model_validate({"outages": {"every": "5s"}})
