"""Restarts in a guard: rates are compared, per pod, time and part of the traffic."""

import math
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from serinus.api.status import Status
from serinus.plan.pod_budget import too_many_restarts, with_restarts_counted
from serinus.plan.situation import PodEnd, SeenPod, Situation, World
from tests.support.exhaustive import short
from tests.support.simulated_rollout import GATEWAY, A, B, SimulatedRollout

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
LISTS = 12
"""Of a guard in which nothing restarts; what restarts is listed at once."""
HELD_BACK = 0.05


class Guard:
    """Pods of both revisions, and when each of their containers restarts."""

    def __init__(
        self,
        seed: str,
        pods: int,
        duration: float,
        *,
        rate: float,
        own_rate: float | None = None,
        by_load: bool = False,
        gateway: bool = True,
        stable_for: float = DAY,
        bad_from: float = 0.0,
        day: float | None = None,
    ) -> None:
        """Rates a day of a pod with its full part of the traffic. `day`: which part of a day has
        passed at the promotion, where restarts are most at noon, twice as many as at midnight."""
        spec = {"steps": [{"setWeight": 50}], "guard": {"duration": f"{duration:.0f}s"}}
        traffic = GATEWAY if gateway else {}
        rollout = SimulatedRollout(spec={"rollout": spec, "replicas": pods, "traffic": traffic})
        rollout.rollout.now = 30 * DAY
        rollout.settle().apply(B).judged("Pass")
        assert rollout.reasons[-1] == "Promoted"
        assert rollout.status.stable
        self.began = rollout.rollout.now
        stable = rollout.status.stable.replace(since=self.began - stable_for)
        self.status: Status = rollout.status.replace(stable=stable)
        self.desired = rollout.rollout.desired
        self.duration, self.until = duration, self.began + duration
        rng, held = Random(seed), pods if gateway else 1
        share = HELD_BACK if gateway else 1 / (pods + 1)
        theirs = share * pods / held if by_load else 1.0
        ours = (1 - share) if by_load else 1.0
        before, began = self.began - stable_for, self.began

        def restarts(rng: Random, per_day: float, since: float, until: float) -> list[float]:
            found = moments(rng, per_day * (1 if day is None else 4 / 3), since, until)
            if day is None:
                return found
            parts = [(at, (at - began) / DAY + day) for at in found]
            return [
                at for at, part in parts if rng.random() < 0.75 - 0.25 * math.cos(math.tau * part)
            ]

        self._restarts: dict[tuple[str, str], list[float]] = {}
        for number in range(held):
            self._restarts[A, f"a-{number}"] = [
                *restarts(rng, rate, before, self.began),
                *restarts(rng, rate * theirs, self.began, self.until),
            ]
        for number in range(pods):
            self._restarts[B, f"b-{number}"] = [
                *restarts(rng, rate * ours, self.began, self.began + bad_from),
                *restarts(
                    rng,
                    (rate if own_rate is None else own_rate) * ours,
                    self.began + bad_from,
                    self.until,
                ),
            ]
        self._created = {A: before, B: self.began}

    def taken_back_after(self) -> float | None:
        """Seconds; None: never."""
        own = {m for (_, name), each in self._restarts.items() if name[0] == "b" for m in each}
        regular = {self.began + self.duration * n / LISTS for n in range(LISTS + 1)}
        s = Situation(self.desired, self.status, World(), self.began)
        for now in sorted({self.began, *(m for m in own if m > self.began), *regular}):
            world = World(pods_seen=tuple(self._listed(now)))
            s = with_restarts_counted(replace(s, world=world, now=now))
            if too_many_restarts(s):
                return now - self.began
        return None

    def _listed(self, now: float) -> Iterator[SeenPod]:
        for (revision, name), moments in self._restarts.items():
            count = sum(moment <= now for moment in moments)
            end = PodEnd(now, "OOMKilled") if count else None
            yield SeenPod(name, revision, self._created[revision], count, end)


def moments(rng: Random, per_day: float, since: float, until: float) -> list[float]:
    """A Poisson process."""
    found, at = [], since
    while per_day and (at := at + rng.expovariate(per_day / DAY)) < until:
        found.append(at)
    return found


def false_alarms(runs: int, pods: int, duration: float, **how: object) -> int:
    guards = (Guard(f"{run}", pods, duration, **how) for run in range(runs))  # type: ignore[arg-type]
    return sum(guard.taken_back_after() is not None for guard in guards)


@pytest.mark.parametrize("by_load", short([False, True], [True]), ids=["by time", "by load"])
@pytest.mark.parametrize(
    "duration", short([20 * MINUTE, DAY, 3 * DAY], [20 * MINUTE, DAY]), ids=["20m", "1d", "3d"]
)
@pytest.mark.parametrize("pods", short([1, 2, 5, 20, 50], [1, 20]))
def test_equal_revisions_keep_their_guard(pods: int, duration: float, by_load: bool) -> None:
    """The budget is one in a thousand: of all 1,260 guards of this test, none is lost."""
    for rate in (0.02, 0.1, 0.2, 0.5):
        for stable_for in (HOUR, 3 * DAY):
            runs = 4 if pods == 50 else 6
            how = {"rate": rate, "by_load": by_load, "stable_for": stable_for}
            assert not false_alarms(runs, pods, duration, **how), how


@pytest.mark.parametrize("rate", short([0.2, 5.0, 50.0], [0.2, 50.0]))
@pytest.mark.parametrize("pods", short([1, 4, 20], [1, 20]))
def test_equal_revisions_keep_their_guard_without_a_gateway(pods: int, rate: float) -> None:
    """The only pod that is held back has seen one restart or none."""
    for by_load in (False, True):
        how = {"rate": rate, "by_load": by_load, "gateway": False, "stable_for": 6 * HOUR}
        assert not false_alarms(4, pods, DAY / max(rate / 5, 1), **how)


def test_revisions_that_restart_often_keep_their_guard_whatever_their_restarts_come_with() -> None:
    for by_load in (False, True):
        assert not false_alarms(6, 10, DAY, rate=12.0, by_load=by_load, stable_for=2 * HOUR)


@pytest.mark.parametrize("pods", [1, 4, 20])
@pytest.mark.parametrize("bad_from", [0.0, 2 * DAY], ids=["at once", "after two days"])
def test_a_crash_loop_still_ends_it_at_once(pods: int, bad_from: float) -> None:
    """Each container restarts once a minute."""
    for seed in "abc":
        guard = Guard(seed, pods, 3 * DAY, rate=0.05, own_rate=1440.0, bad_from=bad_from)
        took = guard.taken_back_after()
        assert took is not None and took - bad_from <= 12 * MINUTE / math.sqrt(pods)


def test_a_crash_loop_ends_it_soon_where_the_previous_revision_has_served_for_minutes() -> None:
    for seed in "abc":
        guard = Guard(seed, 2, DAY, rate=0.0, own_rate=1440.0, stable_for=10 * MINUTE)
        took = guard.taken_back_after()
        assert took is not None and took <= 12 * MINUTE


@pytest.mark.parametrize("by_load", [False, True], ids=["by time", "by load"])
def test_a_leak_that_ends_each_container_once_an_hour_is_found_within_hours(by_load: bool) -> None:
    for seed in "abc":
        guard = Guard(seed, 4, DAY, rate=0.0, own_rate=24.0, by_load=by_load, stable_for=3 * DAY)
        took = guard.taken_back_after()
        assert took is not None and took <= 4 * HOUR


def test_a_long_guard_does_not_take_idle_pods_of_the_previous_revision_for_proof() -> None:
    """Restarts come with requests, of which the pods that are held back have almost none; what
    they had before the promotion is minutes."""
    alarms = 0
    for seed in range(8):
        guard = Guard(f"{seed}", 20, 3 * DAY, rate=2.0, by_load=True, stable_for=10 * MINUTE)
        alarms += guard.taken_back_after() is not None
    assert not alarms


def test_the_first_restarts_are_tolerated_in_any_case() -> None:
    guard = Guard("a", 4, DAY, rate=0.0, stable_for=20 * DAY)
    guard._restarts[B, "b-0"] = [guard.began + HOUR * (1 + n / 100) for n in range(3)]
    assert guard.taken_back_after() is None


def test_restarts_by_the_quarter_of_an_hour_are_found_where_stable_has_served_for_an_hour() -> None:
    """Stable has not restarted, and in an hour it would have, were it no better."""
    took = []
    for seed in range(12):
        guard = Guard(f"{seed}", 4, 2 * HOUR, rate=0.0, own_rate=96.0, stable_for=70 * MINUTE)
        took.append(guard.taken_back_after() or math.inf)
    assert sorted(took)[6] <= 80 * MINUTE


def test_a_leak_of_both_is_blamed_on_neither_when_an_autoscaler_has_left_few_pods() -> None:
    """Forty pods have served for 115 minutes each, and each container lives for two hours: as the
    time of four pods, that would be 19 hours without a restart."""
    guard = Guard("a", 4, 12 * HOUR, rate=0.0, stable_for=115 * MINUTE)
    for number in range(4):
        guard._restarts[B, f"b-{number}"] = [guard.began + 2 * HOUR * n for n in range(1, 7)]
    gone = [SeenPod(f"a-{n}", A, guard._created[A], 0, None) for n in range(4, 40)]
    world = World(pods_seen=(*guard._listed(guard.began), *gone))
    begun = Situation(guard.desired, guard.status, world, guard.began)
    guard.status = with_restarts_counted(begun).status
    assert guard.taken_back_after() is None


@pytest.mark.parametrize("began", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("stable_for", [HOUR, 6 * HOUR])
def test_more_restarts_by_day_than_by_night_take_nothing_back(
    began: float, stable_for: float
) -> None:
    """They come with requests, and of these noon has twice as many as midnight."""
    for seed in range(6):
        guard = Guard(
            f"{seed}", 10, 12 * HOUR, rate=12.0, by_load=True, stable_for=stable_for, day=began
        )
        assert guard.taken_back_after() is None
