"""What a gateway counts is held against the revision, unless the pods may tell more."""

from dataclasses import replace

import pytest

from serinus.api.checks import Check
from serinus.api.status import CheckState, CheckStatus, Comparison, Starts
from serinus.judge.analysis import budget_of, reads
from serinus.judge.checks import kind_of
from serinus.judge.evidence.gateway import OfPods, unless_pods_tell_more
from serinus.judge.evidence.history import served
from serinus.judge.evidence.look import Look
from serinus.metrics.batches import BatchQuery
from serinus.metrics.counters import count
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, Series
from serinus.metrics.results import split
from tests.support.simulated_analysis import SimulatedAnalysis, error_rate

SPEC = {"name": "gateway", "preset": "EnvoyGateway", "errorRate": {}}
(GATEWAY,) = SimulatedAnalysis(SPEC).analysis.checks
PODS = SimulatedAnalysis(error_rate())
BUDGET = budget_of(PODS.analysis, PODS.analysis.checks[0])


def of_pods(errors: int) -> CheckStatus:
    """What a check of the pods has after a look in which so many of 200 requests failed."""
    simulated = SimulatedAnalysis(error_rate())
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    simulated.errors((errors, 200), (10, 1000))
    return simulated.look()


def failed(**state: object) -> CheckStatus:
    found = CheckStatus.model_validate(
        {"name": "gateway", "kind": "errorRate", "verdict": "Fail", "message": "10%"}
    )
    known = CheckState(candidate={"requests": 200.0}, comparisons=[Comparison(name="errors")])
    return found.replace(state=known.replace(**state))


def found(others: CheckStatus, check: Check = GATEWAY) -> CheckStatus:
    return unless_pods_tell_more(check, None, failed(), [OfPods(others, None, BUDGET)])


def test_a_fail_stands_where_the_pods_count_nothing_of_it() -> None:
    assert found(of_pods(errors=2)) == failed()


def test_a_fail_waits_for_pods_that_begin_to_fail_and_loses_no_evidence() -> None:
    waits = found(of_pods(errors=40))
    assert (waits.verdict, waits.state) == ("Inconclusive", failed().state)
    assert waits.message == (
        "A gateway does not count by pod: this check waits while another (errors) may find that "
        "only some pods are bad."
    )


@pytest.mark.parametrize(
    "state", [{"pods_to_blame": ["fraud-1"]}, {"starts": Starts(waits_since=5.0)}]
)
def test_what_was_counted_meanwhile_is_dropped_while_pods_are_blamed_or_start(
    state: dict[str, object],
) -> None:
    before = of_pods(errors=2)
    waits = found(before.replace(state=before.state.replace(**state)))
    assert waits.verdict == "Inconclusive"
    assert waits.state.comparisons == []
    assert waits.state.candidate == {}


def test_however_long_it_waits_for_pods_it_begins_again_with_all_that_was_left() -> None:
    calm = of_pods(errors=2)
    blames = calm.replace(state=calm.state.replace(pods_to_blame=["fraud-1"]))
    counted, left, attempts = SimulatedAnalysis(error_rate()), [], []
    before = pods = None
    for wait in range(60):
        counted.errors((20, 200), (10, 1000))
        counted.scrape()
        known = counted.look()
        before = unless_pods_tell_more(GATEWAY, before, known, [OfPods(blames, pods, BUDGET)])
        pods = blames
        counted.progress = replace(counted.progress, checks=(before,))
        left.append(before.state.held_back)
        attempts.append(before.state.dropped)
        assert (before.verdict, before.state.comparisons) == ("Inconclusive", []), wait
    assert left[-1] == left[0] > 0.01
    assert attempts[-1] == attempts[0]
    calm_again = counted.look()
    last = unless_pods_tell_more(GATEWAY, before, calm_again, [OfPods(calm, blames, BUDGET)])
    assert last.state.comparisons == [], "what began while it waited is none"
    counted.progress = replace(counted.progress, checks=(last,))
    counted.errors((20, 200), (10, 1000))
    found = counted.look()
    assert unless_pods_tell_more(GATEWAY, last, found, [OfPods(calm, calm, BUDGET)]) == found
    assert found.verdict != "Error"


def test_once_the_pods_have_failed_nothing_waits() -> None:
    failing = of_pods(errors=40)
    assert found(failing.replace(verdict="Fail")) == failed()


def test_a_check_of_another_kind_is_not_asked() -> None:
    blames = of_pods(errors=2)
    blames = blames.replace(kind="latency", state=blames.state.replace(pods_to_blame=["fraud-1"]))
    assert found(blames) == failed()


def test_a_check_that_reads_the_pods_waits_for_no_other() -> None:
    assert found(of_pods(errors=40), check=PODS.analysis.checks[0]) == failed()


def test_checks_of_one_counter_at_a_gateway_and_in_pods_learn_from_their_own() -> None:
    requests = {"metric": "envoy_cluster_upstream_rq"}
    errors = [{"label": "envoy_response_code", "operator": "=~", "value": "5..|408|429"}]
    alone = {"name": "x", "errorRate": {"requests": requests, "errors": errors}}
    (check,) = SimulatedAnalysis(alone).analysis.checks
    assert reads(check) != reads(GATEWAY)


def test_all_proxies_are_one_pod_whose_spread_is_assumed() -> None:
    """What proxies differ by says nothing of how pods do."""
    arm, blocks = Arm("shop", "fraud-1"), []
    whole, part = (q for q in kind_of(GATEWAY).queries() if isinstance(q, CounterQuery))
    for minute in range(40):
        answers = {}
        for query, factor in ((whole, 1.0), (part, 0.02)):
            series = [
                Series(
                    {
                        "pod": f"envoy-{proxy}",
                        "instance": "x",
                        "envoy_cluster_name": "service/shop/fraud-1/80/http",
                        "envoy_response_code": "500" if query is part else "200",
                    },
                    tuple((60.0 * n, 1000.0 * n * factor) for n in (minute, minute + 1)),
                )
                for proxy in range(3)
            ]
            (asked,) = [ArmQuery(arm, query, 60)]
            answers[query] = split(series, BatchQuery("", (asked,)))[asked]
        (read,), _ = count((answers,), {}, 60.0 * minute)
        blocks.append(Look(60.0 * (minute + 1), read, read, {}))
    assert [set(block) for block in served(blocks, whole, part)] == [{"fraud-1"}] * 40
    learned = kind_of(GATEWAY).learn(blocks)
    assert learned.of("errors").between_pods == 0.15


def test_nobody_is_told_that_pods_lack_what_a_gateway_counts() -> None:
    simulated = SimulatedAnalysis(SPEC)
    told = simulated.look().message
    assert "with envoy_cluster_name of the candidate Service in the 10s since" in told
    simulated.at += 120
    told = simulated.look().message
    assert "check that the gateway counts each Service apart" in told
