"""What a rollout wants measured, and when."""

from typing import Any

from serinus.api.analysis import Analysis
from serinus.api.spec import Spec
from serinus.api.stages import Stage
from serinus.api.status import Candidate, Stable, Status, Weight
from serinus.judge import EffectiveWeight, learn
from serinus.judge.analysis import budget_of
from serinus.manifests.owner import Owner
from serinus.manifests.workloads import Workload
from serinus.metrics.counters import LATE_WITHIN
from serinus.metrics.queries import (
    Arm,
    History,
    Measurement,
    Query,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.requests import LONGEST_WINDOW, OVERLAP, HistoryRequest, Request
from serinus.plan.analysis import in_effect, judged, learned, next_look, requested
from serinus.plan.situation import World
from tests.support.simulated_rollout import TEMPLATE, B, serving

OWNER = Owner("shop", "fraud", "4f7c")
ERRORS = {"analysis": {"interval": "5s", "checks": [{"name": "errors", "errorRate": {}}]}}
STABLE = Stable(revision="old", number=1, since=0.0)


def candidate(analysis_since: float | None = 1000.0) -> Candidate:
    return Candidate(
        revision="new",
        number=2,
        stage=Stage.STEPPING,
        weight=Weight(wanted=20, actual=20),
        since=900.0,
        progress_since=900.0,
        analysis_since=analysis_since,
    )


COUNTED = candidate().replace(counted={"fraud-new-6d5f8c9b7-x2x9z@10.0.0.1": 1000.0})


def spec(**rollout: Any) -> Spec:
    return Spec.model_validate({"template": TEMPLATE, "rollout": rollout or ERRORS})


def test_nothing_is_measured_before_the_analysis_begins_or_without_checks() -> None:
    assert requested(OWNER, spec(), Status(stable=STABLE)) is None
    assert requested(OWNER, spec(), Status(candidate=candidate())) is None
    waiting = Status(stable=STABLE, candidate=candidate(analysis_since=None))
    assert isinstance(requested(OWNER, spec(), waiting), HistoryRequest)
    running = Status(stable=STABLE, candidate=candidate())
    assert requested(OWNER, spec(analysis={"checks": []}), running) is None


def test_both_arms_are_measured_by_the_names_of_their_deployments() -> None:
    asked = requested(OWNER, spec(), Status(stable=STABLE, candidate=candidate()))
    assert isinstance(asked, Request)
    assert (asked.interval, asked.covered_until) == (5.0, 1000.0 - LATE_WITHIN)
    assert asked.candidate == Arm("shop", "fraud-new")
    assert asked.stable == Arm("shop", "fraud-old")
    assert len(asked.queries) > 0


def test_the_window_reaches_back_to_what_was_counted_and_has_an_end() -> None:
    asked = requested(OWNER, spec(), Status(stable=STABLE, candidate=COUNTED))
    assert isinstance(asked, Request)
    assert asked.window(1030.0) == 30.0 + OVERLAP
    assert asked.window(1e6) == LONGEST_WINDOW


def test_a_clock_that_was_set_back_by_an_hour_leaves_a_window_that_reaches_what_was_counted() -> (
    None
):
    asked = requested(OWNER, spec(), Status(stable=STABLE, candidate=COUNTED))
    assert isinstance(asked, Request)
    assert asked.window(1000.0 - 3600) >= 300.0
    assert asked.window(1000.0 - 2) == OVERLAP - 2, "clocks differ a little, always"


def test_stables_history_is_asked_for_before_the_first_traffic_and_never_after() -> None:
    waiting = Status(stable=STABLE, candidate=candidate(analysis_since=None))
    asked = requested(OWNER, spec(), waiting)
    assert isinstance(asked, HistoryRequest)
    assert (asked.stable, asked.interval) == (Arm("shop", "fraud-old"), 1.0)
    known = learned(spec(), waiting, learn(spec().rollout.analysis, History(1.0, {})))
    assert known.candidate
    assert known.candidate.baseline
    assert requested(OWNER, spec(), known) is None
    assert learned(spec(), known, QueryError("It is late.")) == known


def test_a_history_that_cannot_be_read_is_asked_for_again_and_counts_as_a_failed_look() -> None:
    status = Status(stable=STABLE, candidate=candidate(analysis_since=None))
    for errors in (1, 2):
        status = learned(spec(), status, QueryError("Prometheus is down."))
        assert status.candidate
        assert status.candidate.errors_in_a_row == errors
        assert [check.verdict for check in status.candidate.checks] == ["Error"]
        asked = requested(OWNER, spec(), status)
        assert isinstance(asked, HistoryRequest)
        assert asked.interval == 5.0, "once there is trouble, as often as there are looks"
    known = learned(spec(), status, learn(spec().rollout.analysis, History(1.0, {})))
    assert known.candidate
    assert (known.candidate.checks, known.candidate.errors_in_a_row) == ([], 0)


def test_checks_that_ask_nothing_of_stable_wait_for_no_history() -> None:
    threshold = {"name": "psi", "threshold": {"query": "max(psi{$arm})", "max": 1}}
    waiting = Status(stable=STABLE, candidate=candidate(analysis_since=None))
    assert requested(OWNER, spec(analysis={"checks": [threshold]}), waiting) is None


def test_the_window_reaches_back_further_where_pods_have_to_have_warmed_up() -> None:
    slow = {"name": "slow", "latency": {"warmUp": "2m"}}
    asked = requested(
        OWNER, spec(analysis={"checks": [slow]}), Status(stable=STABLE, candidate=COUNTED)
    )
    assert isinstance(asked, Request)
    assert asked.window(1030.0) == 30.0 + 120.0 + OVERLAP


def test_the_split_is_judged_by_what_the_ready_pods_give_and_only_while_it_is_in_effect() -> None:
    weight = Weight(wanted=20, actual=25, since=1010.0)
    rolling = candidate().replace(weight=weight)
    assert in_effect(Status(stable=STABLE, candidate=rolling)) is None
    rolling = rolling.replace(effective_since=1000.0)
    found = in_effect(Status(stable=STABLE, candidate=rolling))
    assert found == EffectiveWeight(0.25, 1010.0)


def test_looks_are_at_multiples_of_the_interval() -> None:
    assert next_look(5.0, 1003.0) == 1005.0
    assert next_look(5.0, 1005.0) == 1010.0, "the look of this very moment has been taken"


def test_pods_that_are_ready_and_report_nothing_are_missed() -> None:
    running = Status(stable=STABLE, candidate=COUNTED)
    world = World(workloads={"new": Workload(2, 2), "old": Workload(2, 2)})
    asked = requested(OWNER, spec(), running)
    assert isinstance(asked, Request)
    for at in range(1010, 1200, 15):
        arms: list[dict[Query, QueryResult]] = [
            {
                query: (
                    Series(
                        {"pod": f"fraud-{arm}-6d5f8c9b7-{n}", "instance": "", "code": "200"},
                        tuple((float(s), float(s)) for s in range(950, at, 15)),
                    ),
                )
                for query in asked.queries
            }
            for arm, n in (("new", "x2x9z"), ("old", "b4b4b"))
        ]
        running = judged(spec(), running, Measurement(float(at), *arms), world)
    assert running.candidate
    [check] = running.candidate.checks
    assert running.candidate.unreported_since == 1010.0
    assert check.verdict == "NoData"
    assert "samples of only 1 of 2 ready candidate pods" in check.message


def looked_at(running: Status, at: float, newest: int) -> Candidate:
    """The candidate after a look; each arm has a sample every 5 s, and 5 requests in between."""
    samples = tuple((float(s), float(s)) for s in range(newest - 200, newest + 1, 5))
    asked = requested(OWNER, spec(), running)
    assert isinstance(asked, Request)
    arms: list[dict[Query, QueryResult]] = [
        {
            query: (Series({"pod": f"fraud-{arm}-x-y", "instance": "", "code": "200"}, samples),)
            for query in asked.queries
        }
        for arm in ("new", "old")
    ]
    found = judged(spec(), running, Measurement(at, *arms)).candidate
    assert found
    return found


def test_requests_count_from_now_once_a_clock_that_was_an_hour_ahead_is_right() -> None:
    ahead = Status(stable=STABLE, candidate=candidate(analysis_since=4600.0))
    found = looked_at(ahead, at=1005.0, newest=1000)
    assert found.analysis_since == 1005
    found = looked_at(Status(stable=STABLE, candidate=found), at=1060.0, newest=1055)
    assert found.checks[0].state.candidate == {"requests": 50.0}


def test_a_clock_that_is_an_hour_behind_leaves_alone_from_when_requests_count() -> None:
    """Samples have the time of Prometheus."""
    behind = Status(stable=STABLE, candidate=candidate(analysis_since=4600.0))
    found = looked_at(behind, at=1055.0, newest=4655)
    assert found.analysis_since == 4600
    assert found.checks[0].state.candidate == {"requests": 55.0}


def test_a_pass_reached_by_fewer_requests_raises_no_weight_once_more_are_asked_for() -> None:
    steps = [{"setWeight": 20}, {"pause": {"duration": "1h"}}, {"setWeight": 50}]
    checks = [{"name": "errors", "errorRate": {}}]
    for asked, policy, weight in (
        (100, "Pause", 50),
        (5000, "Pause", 20),
        (5000, "Promote", 20),
        (5000, "Rollback", 20),
    ):
        analysis = {"checks": checks, "minRequests": 100, "onInconclusive": policy}
        rollout = serving().given(steps=steps, analysis=analysis).apply(B)
        assert rollout.judged("Pass").reason == "AwaitingPause"
        passing = rollout.status.candidate
        assert passing is not None
        given = Analysis.model_validate(analysis)
        budget = budget_of(given, given.checks[0]).digest
        passed = [
            check.replace(state=check.state.replace(budget=budget)) for check in passing.checks
        ]
        rollout.rollout.status = rollout.status.replace(candidate=passing.replace(checks=passed))
        rollout.given(steps=steps, analysis={**analysis, "minRequests": asked}).after(3601)
        assert rollout.weight == weight
