"""Pods that lose their readiness again and again and stay: a slow model, and what is none."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from serinus.plan.situation import SeenPod
from tests.support.exhaustive import short
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

LOOK = 10.0
BEGAN = 1000.0
HOUR = 3600.0

Seen = Callable[[float], Iterable[SeenPod]]
"""The pods as they are listed so many seconds after the beginning."""


def guarded(replicas: int = 4, **rollout: object) -> SimulatedRollout:
    """B was promoted, and A holds 5% of the traffic."""
    steps = {"steps": [{"setWeight": 50}], "guard": {"duration": "72h"}, **rollout}
    found = SimulatedRollout(spec={"rollout": steps, "replicas": replicas})
    found.settle().apply(B).judged("Pass")
    assert found.reasons[-1] == "Promoted"
    return found


def watched(rollout: SimulatedRollout, seen: Seen, seconds: float, every: float = LOOK) -> float:
    """Lists them again and again until the rollout has ended, and says after how many seconds."""
    began = rollout.rollout.now
    while rollout.status.candidate and rollout.rollout.now < began + seconds:
        rollout.world.pods_seen = tuple(seen(rollout.rollout.now - began))
        rollout.rollout.now += every
        rollout.pass_once()
    rollout.world.pods_seen = None
    return rollout.rollout.now - began


def fleet(revision: str, count: int) -> list[SeenPod]:
    return [SeenPod(f"{revision}-{n}", revision, 0.0, 0) for n in range(count)]


def flapping(
    pods: list[SeenPod], at: float, every: float, down: float = 20.0, listed_every: float = LOOK
) -> list[SeenPod]:
    """They lose their readiness together, and have it again a while later."""
    since = at % every
    lost, down_since = since < listed_every, BEGAN + at - since
    return [
        replace(pod, ready=False, lost_readiness=lost, down_since=down_since)
        if since < down
        else pod
        for pod in pods
    ]


def of_both(stable: list[SeenPod], own: list[SeenPod]) -> list[SeenPod]:
    return [*stable, *own]


def taken_back(rollout: SimulatedRollout) -> bool:
    rejected = rollout.status.rejected
    return rejected is not None and rejected.revision == B


def test_a_promoted_revision_that_loses_its_readiness_again_and_again_is_taken_back_from() -> None:
    rollout = guarded(2)
    took = watched(
        rollout, lambda t: of_both(fleet(A, 2), flapping(fleet(B, 2), t, every=50)), 1200
    )
    assert taken_back(rollout), "a guard of 20 minutes ended over 24 of such times"
    assert took <= 300
    assert rollout.status.rejected
    assert rollout.status.rejected.reason == "GuardFailed"
    message = rollout.status.rejected.message
    assert message.startswith("Pods lost their readiness 8 times in 3m"), message
    assert f"; as many pods of revision {A} lost it 0 times." in message
    assert rollout.weight == 0


def test_a_candidate_that_flaps_in_its_first_step_is_rolled_back() -> None:
    steps = [{"setWeight": 20}, {"pause": {"duration": "24h"}}, {"setWeight": 50}]
    rollout = serving().given(steps=steps).apply(B)
    took = watched(
        rollout, lambda t: of_both(fleet(A, 4), flapping(fleet(B, 1), t, every=40)), HOUR
    )
    assert taken_back(rollout)
    assert rollout.reasons[-1] == "ReadinessLost"
    assert took <= 300


def test_one_that_is_down_for_much_of_the_time_is_taken_back_from_however_seldom_it_flaps() -> None:
    rollout = guarded(2)
    took = watched(
        rollout,
        lambda t: of_both(fleet(A, 2), flapping(fleet(B, 2), t, every=1500, down=600)),
        12 * HOUR,
    )
    assert taken_back(rollout)
    assert took <= HOUR
    assert rollout.status.rejected
    assert "10m for each pod (rollout.progressDeadline)" in rollout.status.rejected.message


def test_what_the_previous_revisions_pods_lose_as_well_is_not_its_fault() -> None:
    rollout = guarded(2)
    watched(
        rollout,
        lambda t: of_both(flapping(fleet(A, 2), t, 50), flapping(fleet(B, 2), t, every=50)),
        2 * HOUR,
    )
    assert rollout.status.candidate


@pytest.mark.parametrize("replicas", short([1, 2, 4, 20], [1, 20]))
def test_a_pod_that_lost_its_readiness_three_times_takes_nothing_back(replicas: int) -> None:
    """As when its node is restarted, or a probe times out."""
    rollout = guarded(replicas)

    def seen(t: float) -> Iterable[SeenPod]:
        own = fleet(B, replicas)
        sick = flapping(own[:1], t, every=60) if t < 180 else own[:1]
        return of_both(fleet(A, replicas), [*sick, *own[1:]])

    watched(rollout, seen, 2 * HOUR)
    assert rollout.status.candidate


def test_one_sick_pod_of_fifty_takes_nothing_back() -> None:
    rollout = guarded(50)

    def seen(t: float) -> Iterable[SeenPod]:
        own = fleet(B, 50)
        return of_both(fleet(A, 50), [*flapping(own[:1], t, every=50), *own[1:]])

    watched(rollout, seen, 4 * HOUR)
    assert rollout.status.candidate


def test_a_rolling_drain_a_preempted_pod_and_more_replicas_take_nothing_back() -> None:
    """Pods that leave and pods that start have not lost their readiness."""
    rollout = guarded(20)

    def seen(t: float) -> Iterable[SeenPod]:
        drained = int(t // 120) % 20
        own = fleet(B, 20)
        leaves = replace(own[drained], ready=False, leaving=True)
        starts = replace(own[drained], name=f"b-new-{t // 120:.0f}", ready=False)
        more = [replace(starts, name=f"b-more-{n}") for n in range(10)]
        return of_both(fleet(A, 20), [*own[:drained], leaves, starts, *own[drained + 1 :], *more])

    watched(rollout, seen, 4 * HOUR)
    assert rollout.status.candidate


def test_a_time_once_in_an_hour_takes_nothing_back_in_three_days() -> None:
    rollout = guarded(1)
    watched(
        rollout,
        lambda t: of_both(fleet(A, 1), flapping(fleet(B, 1), t, HOUR, 120, listed_every=120)),
        71 * HOUR,
        every=120,
    )
    assert rollout.status.candidate


def test_what_was_lost_in_the_steps_does_not_count_in_the_guard() -> None:
    rollout = serving(replicas=2).given(steps=[{"setWeight": 50}], guard={}).apply(B)
    watched(rollout, lambda t: of_both(fleet(A, 2), flapping(fleet(B, 1), t, every=60)), 180)
    rollout.judged("Pass")
    assert rollout.reasons[-1] == "Promoted"
    assert rollout.status.candidate
    assert rollout.status.candidate.lost_readiness is None


def test_the_only_revision_that_serves_is_kept() -> None:
    rollout = guarded(2)
    rollout.world.broken = {A}
    watched(rollout, lambda t: flapping(fleet(B, 2), t, every=50), 1200)
    assert rollout.status.candidate
    assert rollout.weight == 100


def test_readiness_that_is_lost_after_the_clock_was_set_back_counts() -> None:
    rollout = guarded(2)
    watched(rollout, lambda _: of_both(fleet(A, 2), fleet(B, 2)), 60)
    rollout.rollout.now -= HOUR
    watched(rollout, lambda t: of_both(fleet(A, 2), flapping(fleet(B, 2), t, every=50)), 1200)
    assert taken_back(rollout)


def test_pods_that_are_not_ready_after_restarts_lose_no_readiness_in_the_message() -> None:
    rollout = guarded(1)
    down = SeenPod("b-0", B, 0.0, 1, ready=False, down_since=BEGAN)
    watched(rollout, lambda _: of_both(fleet(A, 1), [down]), 1200)
    assert taken_back(rollout)
    assert rollout.status.rejected
    message = rollout.status.rejected.message
    assert message.startswith("Pods were not ready after restarts for too long in 11m"), message
