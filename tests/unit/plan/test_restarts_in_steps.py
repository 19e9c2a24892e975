"""Restarts in the steps: those that come with time are forgiven in time, a crash loop is not."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from serinus.api.status import Status
from serinus.plan.pod_budget import too_many_restarts, with_restarts_counted
from serinus.plan.situation import PodEnd, SeenPod, Situation, World
from tests.support.exhaustive import short
from tests.support.simulated_rollout import GATEWAY, A, B, SimulatedRollout
from tests.unit.plan.test_guard_restarts import DAY, HOUR, MINUTE, moments


class Steps:
    """A step of half of the traffic with as many of the candidate's pods as that takes, and when
    each container restarts. Stable has twice as many."""

    def __init__(
        self,
        seed: str,
        pods: int,
        duration: float,
        *,
        rate: float,
        own_rate: float | None = None,
        by_load: bool = False,
        stable_for: float = DAY,
        max_restarts: int = 3,
    ) -> None:
        """Rates a day of a pod with its full part of the traffic."""
        spec = {"steps": [{"setWeight": 50}], "maxRestarts": max_restarts}
        rollout = SimulatedRollout(spec={"rollout": spec, "replicas": 2 * pods, "traffic": GATEWAY})
        rollout.rollout.now = 30 * DAY
        rollout.settle().apply(B)
        assert rollout.status.stable
        self.desired, self.began = rollout.rollout.desired, rollout.rollout.now
        before, self.until = self.began - stable_for, self.began + duration
        self.status: Status = rollout.status.replace(
            stable=rollout.status.stable.replace(since=before)
        )
        rng, theirs = Random(seed), rate / 2 if by_load else rate
        self._created = {A: before, B: self.began}
        self.restarts: dict[tuple[str, str], list[float]] = {}
        for number in range(2 * pods):
            self.restarts[A, f"a-{number}"] = [
                *moments(rng, rate, before, self.began),
                *moments(rng, theirs, self.began, self.until),
            ]
        own = rate if own_rate is None else own_rate
        for number in range(pods):
            self.restarts[B, f"b-{number}"] = moments(rng, own, self.began, self.until)

    def rejected_after(self) -> float | None:
        """Seconds; None: never."""
        self.message = ""
        s = Situation(self.desired, self.status, World(), self.began)
        for now in sorted({self.began, *(m for each in self.restarts.values() for m in each)}):
            if now >= self.began:
                s = replace(s, world=World(pods_seen=tuple(self._listed(now))), now=now)
                s = with_restarts_counted(s)
                self.message = too_many_restarts(s)
                if self.message:
                    return now - self.began
        return None

    def _listed(self, now: float) -> Iterator[SeenPod]:
        for (revision, name), every in self.restarts.items():
            past = [moment for moment in every if moment <= now]
            end = PodEnd(past[-1], "OOMKilled") if past else None
            yield SeenPod(name, revision, self._created[revision], len(past), end)


@pytest.mark.parametrize("by_load", short([False, True], [True]), ids=["by time", "by load"])
def test_equal_revisions_keep_their_rollout_of_a_day(by_load: bool) -> None:
    """At most one in a hundred is lost."""
    rollouts = [
        Steps(f"{seed}", 20, DAY, rate=rate, by_load=by_load, stable_for=stable_for)
        for rate in (0.1, 0.2)
        for stable_for in (0.0, HOUR, 3 * DAY)
        for seed in range(50)
    ]
    rejected = sum(steps.rejected_after() is not None for steps in rollouts)
    assert rejected <= 0.01 * len(rollouts)


@pytest.mark.parametrize("pods", [1, 4, 10])
@pytest.mark.parametrize("stable_for", [5 * MINUTE, DAY])
@pytest.mark.parametrize("bad_from", [0.0, HOUR, DAY], ids=["at once", "1h", "1d"])
def test_a_crash_loop_of_one_container_ends_a_rollout_with_its_fourth_restart(
    pods: int, stable_for: float, bad_from: float
) -> None:
    """The kubelet restarts it at first after 10 s, then 20 s, and so on."""
    steps = Steps("a", pods, 2 * DAY, rate=0.0, stable_for=stable_for)
    crashes = [steps.began + bad_from + after for after in (5, 20, 45, 90, 175, 340)]
    steps.restarts[B, "b-0"] = crashes
    assert steps.rejected_after() == bad_from + 90


def test_a_crash_loop_of_stable_before_it_served_forgives_none_of_the_candidates() -> None:
    """Its pods waited for a database, for example."""
    steps = Steps("a", 4, DAY, rate=0.0, stable_for=HOUR)
    for number in range(8):
        steps.restarts[A, f"a-{number}"] = [steps.began - HOUR - n for n in range(50, 0, -1)]
    steps.restarts[B, "b-0"] = [steps.began + 300 * n for n in range(1, 10)]
    assert steps.rejected_after() == 1200


@pytest.mark.parametrize("stable_for", [HOUR, DAY])
def test_a_rollout_of_an_hour_tolerates_as_many_restarts_as_ever(stable_for: float) -> None:
    """Four in an hour beside a stable that never restarts are too many, whoever has them."""
    for allowed in (0, 3):
        steps = Steps("a", 5, HOUR, rate=0.0, stable_for=stable_for, max_restarts=allowed)
        for number in range(allowed + 1):
            restarted = steps.began + HOUR * (number + 1) / (allowed + 1) - 1
            steps.restarts[B, f"b-{number}"] = [restarted]
        assert steps.rejected_after() == HOUR - 1


@pytest.mark.parametrize("by_load", [False, True], ids=["by time", "by load"])
def test_a_candidate_that_restarts_ten_times_as_often_is_rejected_within_a_day(
    by_load: bool,
) -> None:
    for seed in "abcde":
        steps = Steps(
            seed, 10, 2 * DAY, rate=0.2, own_rate=2.0, by_load=by_load, stable_for=3 * DAY
        )
        took = steps.rejected_after()
        assert took is not None and took <= DAY


def test_what_was_forgiven_is_told_beside_what_is_tolerated() -> None:
    """Once in six hours, and then a crash loop."""
    steps = Steps("a", 4, 2 * DAY, rate=0.0, stable_for=HOUR)
    spread = [steps.began + 6 * HOUR * number for number in range(1, 5)]
    steps.restarts[B, "b-0"] = [*spread, *(steps.began + DAY + HOUR + n for n in range(4))]
    assert steps.rejected_after()
    assert "rollout.maxRestarts tolerates 3 more than the 0 of as many stable pods" in steps.message
    assert "forgiven" in steps.message
