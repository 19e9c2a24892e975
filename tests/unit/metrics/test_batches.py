"""From questions to queries, and back from pods to arms."""

import re

import pytest

from serinus.api.checks import LabelMatcher
from serinus.metrics.batches import MAX_TEXT, BatchQuery, halves, plan
from serinus.metrics.pod_names import MAX_WORKLOAD, pods
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, ExpressionQuery, Query, QueryError

REQUESTS = CounterQuery("model_requests_total")
ERRORS = CounterQuery("model_requests_total", (LabelMatcher(label="code", value="500"),), part=True)


def about(*arms: Arm, query: Query = REQUESTS, window: float = 30) -> list[ArmQuery]:
    return [ArmQuery(arm, query, window) for arm in arms]


def texts(batch: list[ArmQuery], late: float = 0) -> list[str]:
    return [query.text for query in plan(batch, late).queries]


def test_one_query_asks_for_all_arms_and_namespaces() -> None:
    batch = about(Arm("b", "y-2"), Arm("a", "x-1"), Arm("a", "y-2"))
    assert texts(batch) == [
        'model_requests_total{namespace=~"a|b",pod=~"(?:x-1|y-2)-[a-z0-9]+-[a-z0-9]{5}"}[30s]'
    ]
    assert set(plan(batch, 0).queries[0].asked) == set(batch)


def test_the_longest_window_rules_and_is_rounded_up() -> None:
    x, y = Arm("a", "x"), Arm("a", "y")
    (text,) = texts([*about(x, window=34), *about(y, window=44.2)])
    assert text.endswith("[45s]")


def test_one_rollout_that_looks_far_back_does_not_make_the_others_do_so() -> None:
    arms = [Arm("a", f"x-{i}") for i in range(100)]
    batch = [ArmQuery(arm, REQUESTS, 61 + i / 2) for i, arm in enumerate(arms)]
    near, far = texts([*batch, ArmQuery(Arm("a", "y"), REQUESTS, 3600)])
    assert near.endswith("[111s]")
    assert (far.count("y"), far[-7:]) == (1, "[3600s]")


def test_however_much_windows_differ_queries_are_few() -> None:
    batch = [ArmQuery(Arm("a", f"x-{i}"), REQUESTS, i) for i in range(3601)]
    assert len(texts(batch)) <= 6


def test_a_history_is_a_query_of_its_own_with_samples_so_far_apart() -> None:
    arm = Arm("a", "x")
    near, history = texts([*about(arm, window=3600), ArmQuery(arm, REQUESTS, 3600, every=60)])
    assert (near[-7:], history[-11:]) == ("[3600s]", "}[3600s:60s]"[-11:])


def test_a_part_reaches_back_as_much_further_as_it_may_be_read_later() -> None:
    batch = [*about(Arm("a", "x")), *about(Arm("a", "x"), query=ERRORS)]
    (whole,) = plan(batch, late=10).queries
    (part,) = plan(whole.then, late=10).queries
    assert (whole.text[-5:], part.text[-5:]) == ("[30s]", "[40s]")


def test_parts_wait_for_their_own_whole_and_go_where_its_arms_go() -> None:
    x, y = Arm("a", "x"), Arm("b", "y")
    batch = [*about(x, y), *about(x, y, query=ERRORS), *about(x, query=CounterQuery("b_total"))]
    whole, other = plan(batch, 0).queries
    assert whole.then == tuple(about(x, y, query=ERRORS))
    assert other.then == ()
    assert [half.then for half in halves(whole, 0)] == [
        tuple(about(arm, query=ERRORS)) for arm in (x, y)
    ]


def test_a_part_whose_whole_is_not_asked_for_waits_for_nothing() -> None:
    (query,) = plan(about(Arm("a", "x"), query=ERRORS), 0).queries
    assert query.then == ()


def test_questions_with_other_matchers_are_other_queries() -> None:
    other = CounterQuery(
        "model_requests_total", (LabelMatcher(label="code", value="501"),), part=True
    )
    arm = Arm("a", "x")
    assert len(texts([*about(arm, query=ERRORS), *about(arm, query=other)])) == 2


def test_a_question_asked_twice_is_asked_once() -> None:
    assert len(texts(about(Arm("a", "x"), Arm("a", "x")))) == 1


def test_nothing_asked_is_nothing_sent() -> None:
    assert plan([], 0).queries == ()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('x"} or secret{a="', '"x\\"} or secret{a=\\""'),
        ("5\\d\\d", '"5\\\\d\\\\d"'),
        ("a\nb", '"a\\x0ab"'),
        ("größe", '"größe"'),
    ],
)
def test_a_matcher_cannot_break_out_of_its_string(value: str, written: str) -> None:
    query = CounterQuery("up", (LabelMatcher(label="a", operator="!~", value=value),))
    (text,) = texts(about(Arm("a", "x"), query=query))
    assert text.startswith(f"up{{a!~{written},namespace=~")


def test_dots_in_names_are_dots_and_nothing_else() -> None:
    (text,) = texts(about(Arm("a", "x.y-1")))
    assert "(?:x\\\\.y-1)-" in text


def test_a_text_beyond_the_limit_is_several_queries_that_miss_no_arm() -> None:
    batch = about(*(Arm(f"team-{i % 50}", f"model-{i:05}-{'x' * 30}") for i in range(3000)))
    queries = plan(batch, 0).queries
    assert 1 < len(queries) <= 4
    assert all(len(query.text) < MAX_TEXT + 200 for query in queries)
    asked = [asked for query in queries for asked in query.asked]
    assert len(asked) == 3000
    assert set(asked) == set(batch)


def test_five_hundred_rollouts_fit_into_one_query() -> None:
    arms = [Arm(f"team-{i}", f"model-{i}-{'x' * 20}") for i in range(1000)]
    assert len(texts(about(*arms))) == 1


def test_a_value_is_rendered_for_each_arm_and_sent_once_for_equal_texts() -> None:
    x, y = Arm("a", "x"), Arm("a", "y")
    own, shared = ExpressionQuery("max(psi{$arm})"), ExpressionQuery("max(load{$namespace})")
    batch = [asked for q in (own, shared) for asked in about(x, y, query=q)]
    assert texts(batch) == [
        'max(psi{namespace="a",pod=~"x-[a-z0-9]+-[a-z0-9]{5}"})',
        'max(psi{namespace="a",pod=~"y-[a-z0-9]+-[a-z0-9]{5}"})',
        'max(load{namespace="a"})',
    ]


def test_a_value_that_must_not_run_is_refused_with_the_reason() -> None:
    (asked,) = about(Arm("a", "x"), query=ExpressionQuery("up"))
    planned = plan([asked], 0)
    assert planned.queries == ()
    assert planned.refused[asked] == QueryError(
        "The query was not run: at character 1: up would read the series of every namespace: "
        "write up{$arm} or up{$namespace}."
    )


@pytest.mark.parametrize("query", [REQUESTS, ExpressionQuery("max(up{$arm})")])
def test_a_deployment_whose_pods_lose_their_name_is_refused(query: Query) -> None:
    fits, too_long = Arm("a", "x" * MAX_WORKLOAD), Arm("a", "x" * (MAX_WORKLOAD + 1))
    planned = plan(about(fits, too_long, query=query), 0)
    assert [asked.arm for query in planned.queries for asked in query.asked] == [fits]
    ((asked, answer),) = planned.refused.items()
    assert asked.arm == too_long
    assert "longer than 46 characters: shorten it" in answer.message


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("fraud-1-5d9f7c6b8-x2x4z", "fraud-1"),
        ("fraud-1-2-5d9f7c6b8-x2x4z", "fraud-1-2"),
        ("fraud-5d9f7c6b8-x2x4z", "fraud"),
        ("fraud.v2-5d9f7c6b8-x2x4z", "fraud.v2"),
    ],
)
def test_a_series_is_found_by_its_namespace_and_pod(pod: str, workload: str) -> None:
    query = BatchQuery("", ())
    assert query.find({"namespace": "a", "pod": pod}) == Arm("a", workload)


def test_a_series_without_namespace_and_pod_belongs_to_nobody() -> None:
    assert BatchQuery("", ()).find({"job": "x"}) == Arm("", "")


@pytest.mark.parametrize(
    "other",
    [
        "fraud-1",
        "fraud-1-5d9f7c6b8",
        "fraud-1-5d9f7c6b8-x2x4",
        "fraud-1-5d9f7c6b8-x2x4zz",
        "fraud-1-2-5d9f7c6b8-x2x4z",
        "my-fraud-1-5d9f7c6b8-x2x4z",
        "fraud-10-5d9f7c6b8-x2x4z",
    ],
)
def test_the_pods_of_a_deployment_are_told_from_others_of_like_names(other: str) -> None:
    assert re.fullmatch(pods("fraud-1"), "fraud-1-5d9f7c6b8-x2x4z")
    assert not re.fullmatch(pods("fraud-1"), other)


def test_a_query_is_halved_by_its_arms() -> None:
    arms = [Arm("a", f"x-{i}") for i in range(5)]
    (query,) = plan([*about(*arms), *about(*arms, window=9)], 0).queries
    first, second = halves(query, 0)
    assert {asked.arm for asked in first.asked} == set(arms[:2])
    assert {asked.arm for asked in second.asked} == set(arms[2:])
    assert len(first.asked) + len(second.asked) == 10


def test_a_query_for_one_arm_or_value_has_no_halves() -> None:
    x, y = Arm("a", "x"), Arm("a", "y")
    (one,) = plan(about(x), 0).queries
    (value,) = plan(about(x, y, query=ExpressionQuery("max(up{$namespace})")), 0).queries
    assert halves(one, 0) == halves(value, 0) == ()


def test_two_counters_that_make_a_whole_are_one_query() -> None:
    both = CounterQuery("ok_total", (LabelMatcher(label="model", value="m"),), beside="bad_total")
    assert texts(about(Arm("a", "x"), query=both)) == [
        '{__name__=~"ok_total|bad_total",model="m",namespace=~"a",'
        'pod=~"(?:x)-[a-z0-9]+-[a-z0-9]{5}"}[30s]'
    ]
