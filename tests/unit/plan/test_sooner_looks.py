"""When the next look is due, by what the last one added to the evidence against the candidate."""

from collections.abc import Mapping

import pytest

from serinus.api.status import CheckState, Comparison
from serinus.manifests.owner import Owner
from serinus.metrics.requests import Request
from serinus.plan.analysis import requested
from tests.support.simulated_rollout import B, SimulatedRollout, serving

OWNER = Owner("default", "loan", "uid")
CHECKS = [{"name": "errors", "errorRate": {}}]


def rolling(interval: str = "15s") -> SimulatedRollout:
    analysis = {"checks": CHECKS, "interval": interval}
    return serving().given(steps=[{"setWeight": 5}], analysis=analysis).apply(B)


def due(
    rollout: SimulatedRollout,
    gained: float,
    *,
    scraped_every: float | None = 4.5,
    waits: Mapping[str, object] = {},
) -> float:
    """Seconds between looks, once one has added so much to ln of the evidence, of which there was
    none. `waits`: what the state says of what the check waits for."""
    rollout.judged("Inconclusive")
    candidate = rollout.status.candidate
    assert candidate
    errors = Comparison(name="errors", above=[gained])
    state = {"comparisons": [errors], "held_back": 1e-6, "peak": gained, **waits}
    found = CheckState.model_validate(state)
    checks = [each.replace(state=found) for each in candidate.checks]
    candidate = candidate.replace(checks=checks, scraped_every=scraped_every)
    status = rollout.status.replace(candidate=candidate)
    request = requested(OWNER, rollout.rollout.desired.spec, status)
    assert isinstance(request, Request)
    return request.interval


@pytest.mark.parametrize(("gained", "seconds"), [(-1.0, 15), (0.5, 15), (1.5, 5), (6.0, 5)])
def test_what_shows_much_is_looked_at_again_after_one_scrape(gained: float, seconds: int) -> None:
    assert due(rolling(), gained) == seconds


@pytest.mark.parametrize("scraped_every", [None, 15.0, 60.0])
def test_scrapes_that_are_rare_or_unknown_change_nothing(scraped_every: float | None) -> None:
    assert due(rolling(), 6.0, scraped_every=scraped_every) == 15


@pytest.mark.parametrize("waits", [{"pods_to_blame": ["a"]}, {"starts": {"waits_since": 0.0}}])
def test_a_check_that_waits_for_a_pod_is_looked_at_as_usual(waits: dict[str, object]) -> None:
    assert due(rolling(), 60.0, waits=waits) == 15
    assert due(rolling(), 3.0, waits=waits) == 5, "not proved yet"


def test_looks_are_at_least_a_second_apart() -> None:
    assert due(rolling(), 6.0, scraped_every=0.2) == 1


def test_looks_that_are_as_frequent_as_scrapes_stay_as_they_are() -> None:
    assert due(rolling("3s"), 6.0) == 3
