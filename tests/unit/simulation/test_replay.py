"""A rollout that has ended, judged again by the same policy and by others."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from serinus.api.reasons import Reason
from serinus.api.spec import Spec
from serinus.api.status import Decision, InEffect, ObeyedCommand, Timeline
from serinus.cli.replay import delay_of
from serinus.manifests.owner import Owner
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.requests import Results
from serinus.simulation.replay import Replay, Replayed

OWNER = Owner("team", "loan", uid="")
NEW, OLD = "bbbbbbbb", "aaaaaaaa"
START = 1_000_000.0
SCRAPED_EVERY = 5.0
RATE = 400.0
"""Requests a second to each revision."""


@dataclass
class HourBefore:
    """A rollout that was, and what was counted in it."""

    weights: list[InEffect] = field(default_factory=lambda: [effect(5, 12), effect(50, 72)])
    measured_since: float | None = None
    """Seconds after the start, where it took traffic before its weight was in effect."""
    errors: float = 0.01
    """Share of the candidate's requests; of stable's 1% fail."""
    guarded_since: float | None = None
    """Seconds after the start."""
    guard: dict[str, Any] | None = None
    errors_in_the_guard: float = 0.01
    until: float | None = 130.0
    promoted: bool = True
    commands: list[ObeyedCommand] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"setWeight": 5},
            {"pause": {"duration": "20s"}},
            {"setWeight": 50},
        ]
    )

    def replayed(self, **analysis: Any) -> Replayed:
        """What a policy makes of it."""
        return self.replay(**analysis).run()

    def replay(self, **analysis: Any) -> Replay:
        """By a policy."""
        given = {
            "template": {"spec": {"containers": []}},
            "replicas": 4,
            "traffic": {"gateway": {"parentRefs": [{"name": "public"}]}},
            "rollout": {
                "steps": self.steps,
                "guard": self.guard,
                "analysis": {
                    "interval": "10s",
                    "onWrongSplit": "Ignore",
                    "checks": [{"name": "errors", "errorRate": {}}],
                    **analysis,
                },
            },
        }
        return Replay(
            owner=OWNER,
            spec=Spec.model_validate(given),
            timeline=Timeline(
                revision=NEW,
                stable=OLD,
                since=START,
                measured_since=self.measured_since and START + self.measured_since,
                weights=self.weights,
                commands=self.commands,
                guarded_since=self.guarded_since and START + self.guarded_since,
                until=None if self.until is None else START + self.until,
            ),
            promoted=self.promoted,
            end=START + (self.until or 200.0),
            source=self,
        )

    def read(self, queries: Iterable[ArmQuery], now: float) -> Results:
        """What Prometheus had; of a history nothing."""
        return {one: () if one.every else self._answer(one, now) for one in queries}

    def _answer(self, asked: ArmQuery, now: float) -> QueryResult:
        first = START + (self.measured_since or self.weights[0].since - START)
        scrapes = int((now - START) / SCRAPED_EVERY) + 1
        times = [START + SCRAPED_EVERY * scrape for scrape in range(scrapes)]
        errors = 0.01 if asked.arm.workload == OWNER.child(OLD) else self.errors
        share = errors if isinstance(asked.query, CounterQuery) and asked.query.part else 1.0
        later, since = share, START + (self.guarded_since or math.inf)
        if share == self.errors and asked.arm.workload == OWNER.child(NEW):
            later = self.errors_in_the_guard
        counts = tuple(
            (
                at,
                round(RATE * (share * max(min(at, since) - first, 0) + later * max(at - since, 0))),
            )
            for at in times
        )
        pod = f"{asked.arm.workload}-5d9f7c6b8-x2x4z"
        labels = {"namespace": asked.arm.namespace, "pod": pod}
        return (Series(labels, counts),)


def effect(weight: float, since: float, until: float | None = None) -> InEffect:
    ended = None if until is None else START + until
    return InEffect(weight=weight, since=START + since, until=ended)


def story(found: Replayed) -> list[tuple[str, float]]:
    return [(each.reason, each.at - START) for each in found.decisions]


def test_weights_take_effect_when_they_did_and_promotion_comes_when_it_came() -> None:
    found = HourBefore().replayed()
    assert story(found) == [
        ("RolloutStarted", 0),
        ("WeightRaised", 32),
        ("Promoting", 90),
        ("Promoted", 130),
    ]
    assert found.outcome == "Promoted"
    weights = {look.at - START: look.weight for look in found.looks}
    assert (weights[20], weights[70], weights[80]) == (5, 5, 50)


def guarded(**changes: Any) -> HourBefore:
    weights = [effect(5, 12), effect(50, 72), effect(95, 132)]
    guard = {"duration": "5m"}
    return HourBefore(weights=weights, guarded_since=130, guard=guard, until=430, **changes)


def test_a_guard_begins_and_ends_when_it_did() -> None:
    found = guarded().replayed()
    assert story(found)[-2:] == [("Promoted", 130), ("GuardEnded", 430)]
    assert found.outcome == "Promoted"
    assert found.looks[-1].weight == 95


def test_a_recording_that_ends_in_the_guard_is_one_of_a_promotion() -> None:
    found = replace(guarded(), until=200).replayed()
    assert (found.outcome, story(found)[-1]) == ("Promoted", ("Promoted", 130))


def test_a_guard_finds_what_goes_bad_after_the_promotion_and_a_policy_without_one_does_not() -> (
    None
):
    bad = guarded(errors_in_the_guard=0.05, promoted=False)
    found = bad.replayed()
    assert (found.outcome, story(found)[-1][0]) == ("RolledBack", "GuardFailed")
    assert 130 < story(found)[-1][1] < 430
    without = replace(bad, guard=None).replayed()
    assert (without.outcome, story(without)[-1]) == ("Promoted", ("Promoted", 130))


def test_looks_are_where_the_operator_has_them_and_count_every_sample_once() -> None:
    looks = HourBefore().replayed().looks
    assert [look.at - START for look in looks] == list(range(20, 131, 10))
    counts = [look.checks[0].state.candidate["requests"] for look in looks]
    assert counts == [RATE * (look.at - START - 12) for look in looks]


def test_requests_count_from_when_they_did_also_before_a_weight_was_in_effect() -> None:
    past = HourBefore(measured_since=12, weights=[effect(5, 62)], errors=0.05, promoted=False)
    found = past.replayed()
    assert story(found)[-1][0] == "CheckFailed"
    assert found.looks[0].at == START + 20
    assert found.looks[-1].at < START + 62
    past.weights = []
    assert story(past.replayed()) == story(found), "also where it never came into effect"


def test_a_stricter_policy_shows_when_it_would_have_rolled_back() -> None:
    past = HourBefore(errors=0.0135)
    lax = past.replayed(checks=[{"name": "errors", "errorRate": {"tolerance": 1.5, "margin": 2}}])
    strict = past.replayed(
        checks=[{"name": "errors", "errorRate": {"tolerance": 1, "absoluteTolerance": "0%"}}]
    )
    assert lax.outcome == "Promoted"
    assert strict.outcome == "RolledBack"
    assert strict.decisions[-1].reason == "CheckFailed"
    assert ", stable " in strict.decisions[-1].message


def test_where_the_record_ends_nothing_is_decided() -> None:
    found = HourBefore(until=40.0, promoted=False).replayed(minRequests=1_000_000)
    assert found.outcome == "Undecided"
    assert story(found) == [("RolloutStarted", 0)]
    assert found.looks[-1].at == START + 40


def test_a_policy_that_is_sooner_waits_for_the_weight_to_come() -> None:
    past = HourBefore(steps=[{"setWeight": 5}, {"setWeight": 50}])
    assert story(past.replayed())[1:3] == [("WeightRaised", 20), ("Promoting", 90)]


def test_a_policy_that_is_later_finds_the_weight_there() -> None:
    past = HourBefore(steps=[{"setWeight": 5}, {"pause": {"duration": "95s"}}, {"setWeight": 50}])
    assert story(past.replayed())[1:3] == [("WeightRaised", 107), ("Promoting", 120)]


def test_a_weight_that_never_was_is_judged_by_the_traffic_that_was() -> None:
    past = HourBefore(steps=[{"setWeight": 30}, {"setWeight": 60}])
    found = past.replayed()
    assert story(found)[1:] == [("WeightRaised", 20), ("Promoting", 30), ("Promoted", 130)]
    assert found.looks[0].weight == 5


def test_pods_that_were_lost_are_lost_again() -> None:
    past = HourBefore(weights=[effect(5, 10, until=15), effect(5, 60), effect(50, 90)])
    assert story(past.replayed())[:3] == [
        ("RolloutStarted", 0),
        ("WeightLowered", 15),
        ("WeightRaised", 80),
    ]


def test_what_a_person_commanded_is_commanded_again() -> None:
    advance = ObeyedCommand(command=f"advance/{NEW}", outcome="done", at=START + 66)
    past = HourBefore(
        commands=[advance], steps=[{"setWeight": 5}, {"pause": {}}, {"setWeight": 50}]
    )
    assert story(past.replayed())[1:4] == [
        ("WeightRaised", 66),
        ("CommandObeyed", 66),
        ("Promoting", 90),
    ]


def test_an_undo_that_ended_it_hides_not_how_late_samples_were() -> None:
    @dataclass
    class Late(HourBefore):
        def _answer(self, asked: ArmQuery, now: float) -> QueryResult:
            return super()._answer(asked, now - 0.3)

    replay = Late(until=45.0, promoted=False, weights=[effect(5, 12)]).replay()
    decided = [
        one
        for one in replace(replay, delay=0.5).run().decisions
        if one.reason in ("RolloutStarted", "WeightRaised")
    ]
    assert delay_of(replay, decided) == 0.5
    undone = Decision(at=START + 45, reason=Reason.UNDONE, revision=NEW, message="Replaced.")
    assert delay_of(replay, [*decided, undone]) == 0.5


def test_what_a_person_approved_is_approved_again_at_the_same_step_alone() -> None:
    approve = ObeyedCommand(
        command=f"approve/{NEW}/2/digest/1/ann", outcome="approve: done", at=START + 66
    )
    steps: list[dict[str, Any]] = [{"setWeight": 5}, {"approval": {}}, {"setWeight": 50}]
    past = HourBefore(commands=[approve], steps=steps)
    assert story(past.replayed())[1:4] == [
        ("Approved", 66),
        ("CommandObeyed", 66),
        ("WeightRaised", 66),
    ]
    other = HourBefore(commands=[approve], steps=[steps[0], steps[2], steps[1]])
    assert "Approved" not in dict(story(other.replayed()))


def test_what_a_step_waits_for_has_the_name_that_it_has_in_a_cluster() -> None:
    steps: list[dict[str, Any]] = [{"setWeight": 5}, {"approval": {}}, {"setWeight": 50}]
    told = {each.reason: each.message for each in HourBefore(steps=steps).replayed().moments}
    assert f"use serinus approve {OWNER.name}, which" in told["AwaitingApproval"]
    container = {"name": "main", "image": "checks:1"}
    checked = {"job": {"template": {"spec": {"containers": [container]}}}}
    past = HourBefore(steps=[steps[0], checked, steps[2]])
    [raised] = [each for each in past.replayed().decisions if each.reason == "WeightRaised"]
    assert raised.message.startswith(f"Weight 5% -> 50%. Job {OWNER.name}-")


def test_waiting_for_the_record_is_no_trouble_of_pods_or_route() -> None:
    told = {moment.reason for moment in HourBefore().replayed().moments}
    assert not told & {"AwaitingPods", "AwaitingRoute", "RouteRefused"}


@dataclass
class RoutesBefore(HourBefore):
    """On one route 1% of the requests fail, and on the other 10%: as many with either revision, of
    which the candidate serves more of the latter."""

    def _answer(self, asked: ArmQuery, now: float) -> QueryResult:
        stable = asked.arm.workload == OWNER.child(OLD)
        shares = {"/fast": 0.8 if stable else 0.5, "/slow": 0.2 if stable else 0.5}
        whole = ArmQuery(asked.arm, CounterQuery("requests_total"), asked.window)
        answer = HourBefore._answer(self, whole, now)
        assert not isinstance(answer, QueryError)
        (all_,) = answer
        failed = isinstance(asked.query, CounterQuery) and asked.query.part
        return tuple(
            Series(
                {**all_.labels, "route": route},
                tuple((at, round(n * shares[route] * (bad if failed else 1))) for at, n in counts),
            )
            for route, bad, counts in (("/fast", 0.01, all_.samples), ("/slow", 0.1, all_.samples))
        )


def test_recorded_series_keep_the_labels_that_another_policy_compares_within() -> None:
    past = RoutesBefore()
    assert past.replayed().decisions[-1].reason == "CheckFailed"
    found = past.replayed(stratify=["route"])
    assert found.outcome == "Promoted"
    assert ", compared within each route; within" in found.looks[-1].checks[0].message
