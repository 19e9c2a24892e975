"""Two Prometheus that scrape the same pods: one of them is counted, or it is said why none is."""

import random
from collections.abc import Callable, Iterator, Mapping
from math import ceil

import pytest
from aiohttp import web

from serinus.api.checks import LabelMatcher
from serinus.metrics.counters import Growth, count
from serinus.metrics.labelling import Labelling
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.replicas import ALTERNATING, Sources, one_replica, undeclared
from serinus.prometheus import Config, Prometheus
from tests.support.faulty_prometheus import matrix, saying, serving

ARM = Arm("team", "fraud-1")
REQUESTS = CounterQuery("model_requests_total")
ANSWERED = CounterQuery("model_latency_seconds_count")
ERRORS = CounterQuery(
    "model_requests_total", (LabelMatcher(label="code", operator="=~", value="5.."),), part=True
)
SCRAPES = 15.0
RATE = 10.0
LIFE = 5000.0
"""What a pod had served before."""


def series(until: float, phase: float = 0.0, window: float = 90.0, **labels: str) -> Series:
    """What one Prometheus has of a pod that serves RATE requests a second, from 0 on."""
    first = ceil((until - window - phase) / SCRAPES)
    moments = [phase + n * SCRAPES for n in range(first, int(until) + 1)]
    share = 0.1 if labels.get("code") == "500" else 1.0
    samples = tuple((at, share * (LIFE + at * RATE)) for at in moments if 0 <= at <= until)
    named = {"__name__": "model_requests_total", "pod": "fraud-1-5d9f7c6b8-x2x4z"}
    return Series({**named, "instance": "10.0.0.1:80", "code": "200", **labels}, samples)


def looked(
    answers: Callable[[int, float], Mapping[ArmQuery, QueryResult]],
) -> tuple[float, list[str]]:
    """What is counted in 600 s of looks, a look every 15 s, and what was unreadable."""
    counted: dict[str, float] = {}
    total, said = 0.0, []
    for number in range(1, 41):
        for asked, answer in answers(number, number * 15.0).items():
            if isinstance(answer, QueryError):
                said.append(answer.message)
                continue
            (growth,), counted = count(({REQUESTS: answer},), counted, 0.0)
            found = growth[REQUESTS]
            assert isinstance(found, Growth)
            assert asked.arm == ARM
            total += found.total
    return total, said


def asked(window: float = 90.0, query: CounterQuery = REQUESTS) -> ArmQuery:
    return ArmQuery(ARM, query, window)


def alternating(number: int, now: float) -> Mapping[ArmQuery, QueryResult]:
    """Another replica answers at each look."""
    return {asked(): (series(now, phase=7.0 * (number % 2)),)}


def test_replicas_that_answer_in_turn_would_be_counted_as_half_more_than_there_was() -> None:
    """Of the judge as it is: what is told apart here is not told apart there."""
    total, _ = looked(alternating)
    assert 8700 < total < 9000


def test_replicas_that_answer_in_turn_are_an_error_with_the_remedy_and_count_nothing_twice() -> (
    None
):
    sources = Sources()
    total, said = looked(lambda number, now: sources.checked(alternating(number, now), now))
    assert total <= 6000
    assert len(said) > 35
    assert set(said) == {ALTERNATING}
    assert "sessionAffinity: ClientIP" in ALTERNATING


@pytest.mark.parametrize("seed", range(20))
def test_however_replicas_take_turns_nothing_is_counted_twice(seed: int) -> None:
    rng, sources = random.Random(seed), Sources()

    def answers(number: int, now: float) -> Mapping[ArmQuery, QueryResult]:
        phase = rng.choice((0.0, 0.0, 0.0, 7.0))
        return sources.checked({asked(): (series(now, phase=phase),)}, now)

    total, _ = looked(answers)
    assert total <= 6000


def test_a_failover_to_another_replica_costs_at_most_what_grew_between_two_scrapes() -> None:
    sources = Sources()

    def failing_over(number: int, now: float) -> Mapping[ArmQuery, QueryResult]:
        answer = (series(now, phase=7.0 if number > 20 else 0.0),)
        return sources.checked({asked(): answer}, now)

    total, said = looked(failing_over)
    assert said == []
    served = (7.0 + 39 * SCRAPES) * RATE  # up to the last sample
    assert served - SCRAPES * RATE <= total <= served


def looked_at_two(
    phases: Callable[[int], tuple[float, float]],
) -> tuple[list[float], list[str]]:
    """What is counted of two counters in 600 s of looks, of which each look reads the first and the
    second from the replicas of these phases; and what was unreadable."""
    sources, counted, said = Sources(), dict[str, float](), list[str]()
    totals = dict.fromkeys((REQUESTS, ANSWERED), 0.0)
    for number in range(1, 41):
        now = number * 15.0
        answers = {
            asked(query=query): (series(now, phase),)
            for query, phase in zip(totals, phases(number), strict=True)
        }
        found = sources.checked(answers, now)
        said += [answer.message for answer in found.values() if isinstance(answer, QueryError)]
        read = {query: found[asked(query=query)] for query in totals}
        (growth,), counted = count((read,), counted, 0.0)
        for query, reading in growth.items():
            totals[query] += reading.total if isinstance(reading, Growth) else 0.0
    return [*totals.values()], said


def test_a_failover_between_two_queries_of_a_look_is_one_failover_of_each() -> None:
    totals, said = looked_at_two(
        lambda number: (7.0 if number > 20 else 0.0, 7.0 if number >= 20 else 0.0)
    )
    assert said == []
    served = (7.0 + 39 * SCRAPES) * RATE  # up to the last sample
    for total in totals:
        assert served - 2 * SCRAPES * RATE <= total <= served


@pytest.mark.parametrize("seed", range(20))
def test_however_replicas_take_turns_between_queries_nothing_is_counted_twice(seed: int) -> None:
    rng = random.Random(seed)
    phases = (0.0, 0.0, 0.0, 7.0)
    totals, _ = looked_at_two(lambda _: (rng.choice(phases), rng.choice(phases)))
    assert max(totals) <= 6000


def test_an_answer_that_has_more_old_samples_than_the_one_before_is_of_the_same_prometheus() -> (
    None
):
    sources = Sources()
    whole = series(300, window=90)
    late = Series(whole.labels, whole.samples[:-2])
    for answer in (late, whole, series(315)):
        assert sources.checked({asked(): (answer,)}, 0.0) == {asked(): (answer,)}


def test_a_part_of_another_replica_than_its_whole_is_an_error_at_once() -> None:
    whole: Mapping[ArmQuery, QueryResult] = {asked(): (series(300), series(300, code="500"))}
    parts: Mapping[ArmQuery, QueryResult] = {
        asked(query=ERRORS): (series(300, phase=7.0, code="500"),)
    }
    assert set(Sources().checked({**whole, **parts}, 0.0).values()) == {QueryError(ALTERNATING)}
    parts = {asked(query=ERRORS): (series(315, code="500"),)}
    assert Sources().checked({**whole, **parts}, 0.0) == {**whole, **parts}


def test_replicas_that_answer_in_turn_for_one_tenant_are_no_error_of_another() -> None:
    sources, other = Sources(), ArmQuery(Arm("other", "x-1"), REQUESTS, 90.0)
    for number in range(1, 5):
        now = number * 15.0
        answers = {**alternating(number, now), other: (series(now),)}
        found = sources.checked(answers, now)
    assert found == {asked(): QueryError(ALTERNATING), other: answers[other]}


def pair(now: float) -> Iterator[Series]:
    """What an HA pair without deduplication has."""
    for name, phase in (("a", 0.0), ("b", 7.0)):
        for code in ("200", "500"):
            yield series(now, phase, code=code, replica=name)


def test_an_undeclared_pair_of_replicas_is_an_error_that_names_the_setting() -> None:
    said = undeclared(tuple(pair(300)))
    assert said is not None
    assert "differs in the label replica" in said
    assert "--prometheus-replica-labels=replica" in said


def test_of_a_declared_pair_one_replica_is_counted_and_its_label_is_gone() -> None:
    answers = {asked(): tuple(pair(300)), asked(query=ERRORS): tuple(pair(300))[1::2]}
    found, _ = one_replica(answers, ("replica",))
    assert found == {
        asked(): (series(300), series(300, code="500")),
        asked(query=ERRORS): (series(300, code="500"),),
    }


async def test_the_client_reads_a_pair_as_its_settings_say() -> None:
    both = [(dict(one.labels) | {"namespace": "team"}, _sent(one)) for one in pair(300)]
    async with (
        serving(saying(matrix(*both))) as server,
        Prometheus(Config(server.url, labelling=Labelling(replicas=("replica",)))) as declared,
        Prometheus(Config(server.url)) as undeclared,
    ):
        (error,) = (await undeclared.read([asked()])).values()
        (answer,) = (await declared.read([asked()])).values()
    assert isinstance(error, QueryError)
    assert "--prometheus-replica-labels=replica" in error.message
    assert not isinstance(answer, QueryError)
    assert [one.labels["code"] for one in answer] == ["200", "500"]


async def test_the_client_notices_replicas_that_answer_in_turn() -> None:
    async def in_turn(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        one = series(300, 7.0 * (len(server.forms) % 2), namespace="team")
        return web.json_response(matrix((dict(one.labels), _sent(one))))

    async with serving(in_turn) as server, Prometheus(Config(server.url)) as prometheus:
        found = [(await prometheus.read([asked()]))[asked()] for _ in range(3)]
    assert found[2] == QueryError(ALTERNATING)


def _sent(one: Series) -> list[list[object]]:
    """As Prometheus sends samples."""
    return [[at, f"{value:g}"] for at, value in one.samples]


def test_of_a_declared_pair_each_request_is_counted_once() -> None:
    def answers(number: int, now: float) -> Mapping[ArmQuery, QueryResult]:
        both = tuple(one for one in pair(now) if one.labels["code"] == "200")
        return one_replica({asked(): both}, ("replica",))[0]

    total, _ = looked(answers)
    assert total == 6000


def test_a_replica_that_was_away_is_read_again_once_its_gap_lies_behind() -> None:
    gap = [s for s in series(300, window=150).samples if not 200 < s[0] < 270]
    back = Series({**series(300).labels, "replica": "a"}, tuple(gap))
    steady = series(300, 7.0, window=150, replica="b")
    found, chosen = one_replica({asked(150): (back, steady)}, ("replica",))
    assert found == {asked(150): (series(300, 7.0, window=150),)}
    assert list(chosen.values()) == [("b",)]


def test_a_replica_that_scrapes_no_more_is_soon_replaced() -> None:
    gone, other = series(255, window=90, replica="a"), series(300, 7.0, window=60, replica="b")
    _, chosen = one_replica({asked(): (gone, other)}, ("replica",))
    assert list(chosen.values()) == [("b",)]


def test_declared_replicas_that_fail_and_return_are_no_error_and_count_nothing_twice() -> None:
    sources = Sources()

    def answers(number: int, now: float) -> Mapping[ArmQuery, QueryResult]:
        first = series(now, replica="a")
        kept = [s for s in first.samples if not 200 < s[0] < 300 and not 400 < s[0] < 450]
        both = (Series(first.labels, tuple(kept)), series(now, 7.0, replica="b"))
        found, chosen = one_replica({asked(): both}, ("replica",))
        return sources.checked(found, now, chosen)

    total, said = looked(answers)
    assert said == []
    assert 6000 - 6 * SCRAPES * RATE <= total <= 6000


def test_a_replica_label_that_appears_is_an_error_and_not_a_pods_whole_life() -> None:
    before = series(300, window=90)
    after = series(360, 7.0, window=55, replica="a")
    said = undeclared((before, after))
    assert said is not None
    assert "--prometheus-replica-labels=replica" in said
    answer = one_replica({asked(): (before, after)}, ("replica",))[0][asked()]
    (growth,), _ = count(({REQUESTS: answer},), {}, 240.0)
    found = growth[REQUESTS]
    assert isinstance(found, Growth)
    assert found.total <= 1200


@pytest.mark.parametrize(
    "others",
    [
        (series(300, code="500"),),
        (series(300, path="/b"), series(300, path="/c")),
        (series(300, job="b"), series(300, phase=7.0, job="c")),
        (Series({**series(300).labels, "code": "500"}, ((290.0, 0.0), (295.0, 3.0))),),
        (Series({**series(300).labels, "code": "500"}, ((310.0, 3.0), (325.0, 6.0))),),
        (series(300, phase=7.0, replica="a", cluster="b"),),
        (series(300, phase=7.0, instance="10.0.0.2:80"),),
    ],
    ids=["codes", "paths", "jobs", "explicit times", "restart", "two labels", "two pods"],
)
def test_what_only_looks_like_two_replicas_is_none(others: tuple[Series, ...]) -> None:
    assert undeclared((series(300), *others)) is None
