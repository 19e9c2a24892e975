"""The client and the queries against a real Prometheus that scrapes each second."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serinus.api import promql
from serinus.api.checks import LabelMatcher
from serinus.metrics.batches import MOST_SERIES
from serinus.metrics.queries import (
    Arm,
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    Query,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.subquery import stepped
from serinus.prometheus import Config, Prometheus
from tests.support.real_prometheus import PATIENCE, Pods, Server, pod, serving
from tests.unit.prometheus.corpus import RUN, mangled

CANDIDATE, STABLE = Arm("team", "fraud-2"), Arm("team", "fraud-1")
ELSEWHERE = Arm("other-team", "fraud-2")
RESETTING = Arm("team", "resetting-1")
STRANGE = Arm("team", "strange-1")
REQUESTS = CounterQuery("model_requests_total")
DURATIONS = CounterQuery("took_seconds", native=True)
ERRORS = CounterQuery(
    "model_requests_total", (LabelMatcher(label="code", operator="=~", value="5.."),), part=True
)
TIMED = Arm("team", "timed-1")
HISTOGRAM = """# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 3
took_seconds_bucket{le="0.25"} 3
took_seconds_bucket{le="0.5"} 7
took_seconds_bucket{le="+Inf"} 9
took_seconds_sum 5
took_seconds_count 9"""
LABEL_VALUE = 'a "quoted" \\d back\\slash, größe 金 {$arm}\nand a second line'


@pytest.fixture(scope="module")
def pods() -> Iterator[Pods]:
    pods = Pods()
    for arm, requests in ((CANDIDATE, 20.0), (STABLE, 380.0), (ELSEWHERE, 7.0)):
        counts = {"model_requests_total__code_200": requests, "model_requests_total__code_500": 3.0}
        for suffix in ("aaaaa", "bbbbb"):
            pods.set(arm.namespace, pod(arm, suffix), **counts, drift_psi=requests / 1000)
    for bystander in ("fraud-2-extra-5d9f7c6b8-x2x4z", "my-fraud-2-5d9f7c6b8-x2x4z", "fraud-2"):
        pods.set("team", bystander, model_requests_total=1e6, drift_psi=1e6)
    pods.set(RESETTING.namespace, pod(RESETTING), model_requests_total=100.0)
    escaped = LABEL_VALUE.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    pods.set_text("team", pod(STRANGE), f'odd_total{{a="{escaped}"}} 5\nodd_total{{a="x"}} 6')
    crowd = "\n".join(f'crowd_total{{a="{number}"}} 1' for number in range(MOST_SERIES + 1))
    pods.set_text("team", pod(Arm("team", "crowded-1")), crowd)
    pods.set("team", pod(Arm("team", "sparse-1")), crowd_total=1.0)
    pods.set_text(TIMED.namespace, pod(TIMED), HISTOGRAM)
    with serving(pods):
        yield pods


@pytest.fixture(scope="module")
def server(pods: Pods, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prometheus"), pods)
    server.start()
    yield server
    server.stop()


async def read(server: Server, batch: list[ArmQuery]) -> dict[ArmQuery, QueryResult]:
    async with Prometheus(Config(server.url)) as prometheus:
        return dict(await prometheus.read(batch))


async def one(server: Server, arm: Arm, query: Query, window: float = 60) -> QueryResult:
    asked = ArmQuery(arm, query, window)
    return (await read(server, [asked]))[asked]


async def scraped(
    server: Server, arm: Arm, query: Query, enough: Callable[[tuple[Series, ...]], bool]
) -> tuple[Series, ...]:
    """The answer once it is enough, within PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = await one(server, arm, query)
        if not isinstance(answer, QueryError) and answer and enough(answer):
            return answer
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.2)


def three_samples(series: tuple[Series, ...]) -> bool:
    return all(len(one.samples) >= 3 for one in series)


async def test_a_history_has_the_sample_known_at_each_step_of_every_series_and_histogram(
    server: Server,
) -> None:
    await scraped(server, CANDIDATE, REQUESTS, three_samples)
    await scraped(server, TIMED, DURATIONS, three_samples)
    asked = [ArmQuery(CANDIDATE, REQUESTS, 60, every=2), ArmQuery(TIMED, DURATIONS, 60, every=2)]
    answers = await read(server, asked)
    for one in asked:
        answer = answers[one]
        assert not isinstance(answer, QueryError)
        moments = {at for series in answer for at, _ in series.samples}
        assert moments
        assert all(at % 2 == 0 for at in moments)
    raw = await one_answer(server)
    for series in answers[asked[0]]:  # type: ignore[union-attr]
        known = next(each for each in raw if each.labels == series.labels)
        last = series.samples[-1][0]
        both = dict(stepped(known.samples, last, 60, 2))
        assert both == {at: value for at, value in series.samples if at in both}


async def test_more_series_than_a_revision_may_have_are_an_error_of_its_own(
    server: Server,
) -> None:
    crowded = Arm("team", "crowded-1")
    query = CounterQuery("crowd_total")
    asked = [ArmQuery(arm, query, 60) for arm in (crowded, Arm("team", "sparse-1"))]
    deadline = time.monotonic() + PATIENCE
    while not isinstance((answers := await read(server, asked))[asked[0]], QueryError):
        assert time.monotonic() < deadline, "it was answered"
        await asyncio.sleep(0.2)
    error = answers[asked[0]]
    assert isinstance(error, QueryError) and f"{MOST_SERIES:,} series" in error.message
    few = answers[asked[1]]
    assert isinstance(few, tuple) and len(few) == 1


async def one_answer(server: Server) -> tuple[Series, ...]:
    """All samples of the candidate's requests."""
    answer = await one(server, CANDIDATE, REQUESTS, 90)
    assert not isinstance(answer, QueryError)
    return answer


async def test_each_scrape_of_each_pod_of_the_arm_arrives_as_it_was(server: Server) -> None:
    series = await scraped(server, CANDIDATE, REQUESTS, three_samples)
    found = {(one.labels["pod"], one.labels["code"]): one for one in series}
    assert set(found) == {
        (pod(CANDIDATE, suffix), code) for suffix in ("aaaaa", "bbbbb") for code in ("200", "500")
    }
    for (_, code), one in found.items():
        assert {value for _, value in one.samples} == {20.0 if code == "200" else 3.0}
        times = [at for at, _ in one.samples]
        assert times == sorted(times)
        assert abs(times[-1] - time.time()) < PATIENCE


async def test_arms_of_one_query_are_kept_apart_and_bystanders_left_out(server: Server) -> None:
    arms = (CANDIDATE, STABLE, ELSEWHERE)
    await scraped(server, CANDIDATE, REQUESTS, three_samples)
    batch = [ArmQuery(arm, REQUESTS, 60) for arm in arms]
    async with Prometheus(Config(server.url)) as prometheus:
        answers = await prometheus.read(batch)
        assert prometheus.queries_sent == 1
    for asked in batch:
        series = answers[asked]
        assert isinstance(series, tuple)
        assert {(one.labels["namespace"], one.labels["pod"]) for one in series} == {
            (asked.arm.namespace, pod(asked.arm, suffix)) for suffix in ("aaaaa", "bbbbb")
        }


async def test_each_sample_of_a_whole_has_its_part(server: Server) -> None:
    await scraped(server, CANDIDATE, ERRORS, three_samples)
    for _ in range(10):
        whole, part = ArmQuery(CANDIDATE, REQUESTS, 3), ArmQuery(CANDIDATE, ERRORS, 3)
        answers = await read(server, [part, whole])
        of_whole, of_part = times(answers[whole]), times(answers[part])
        assert of_whole
        assert of_whole <= of_part


def times(answer: QueryResult) -> set[tuple[str, float]]:
    assert isinstance(answer, tuple)
    return {(series.labels["pod"], at) for series in answer for at, _ in series.samples}


async def test_a_reset_is_seen_as_it_happened(server: Server, pods: Pods) -> None:
    await scraped(server, RESETTING, REQUESTS, lambda series: bool(series[0].samples))
    pods.set(RESETTING.namespace, pod(RESETTING), model_requests_total=2.0)
    (series,) = await scraped(
        server, RESETTING, REQUESTS, lambda series: series[0].samples[-1][1] == 2.0
    )
    values = [value for _, value in series.samples]
    assert values == sorted(values, reverse=True)
    assert set(values) == {100.0, 2.0}


async def test_a_metric_that_nobody_exports_is_an_empty_answer(server: Server) -> None:
    assert await one(server, CANDIDATE, CounterQuery("nobody_exports_total")) == ()
    assert await one(server, Arm("team", "nobody-1"), REQUESTS) == ()
    assert await one(server, Arm("team", "nobody-1"), ExpressionQuery("max(drift_psi{$arm})")) == ()


async def test_a_native_histogram_says_what_its_classic_twin_says(server: Server) -> None:
    classic = CounterQuery("took_seconds_bucket")
    await scraped(server, TIMED, classic, three_samples)
    batch = [ArmQuery(TIMED, query, 60) for query in (classic, DURATIONS)]
    found = []
    for answer in (await read(server, batch)).values():
        assert not isinstance(answer, QueryError)
        (moment,) = {at for series in answer for at, _ in series.samples[:1]}
        found.append({float(s.labels["le"]): s.samples[0][1] for s in answer})
        assert moment > time.time() - PATIENCE
    assert found == [{0.1: 3, 0.25: 3, 0.5: 7, math.inf: 9}] * 2


async def test_a_value_is_that_of_its_arm(server: Server) -> None:
    value = ExpressionQuery("max(drift_psi{$arm})")
    (of_candidate,) = await scraped(server, CANDIDATE, value, bool)
    (of_stable,) = await scraped(server, STABLE, value, bool)
    assert (of_candidate.samples[0][1], of_stable.samples[0][1]) == (0.02, 0.38)
    everybody = await scraped(
        server, CANDIDATE, ExpressionQuery("max(drift_psi{$namespace})"), bool
    )
    assert everybody[0].samples[0][1] == 1e6


async def test_a_value_may_be_a_number_or_none_at_all(server: Server) -> None:
    number = await one(server, CANDIDATE, ExpressionQuery("1 + 1"))
    assert isinstance(number, tuple)
    assert number[0].samples[0][1] == 2
    undefined = await one(server, CANDIDATE, ExpressionQuery("vector(0) / 0"))
    assert isinstance(undefined, tuple)
    assert str(undefined[0].samples[0][1]) == "nan"


async def test_a_matcher_finds_exactly_the_value_it_names(server: Server) -> None:
    query = CounterQuery("odd_total", (LabelMatcher(label="a", value=LABEL_VALUE),))
    (series,) = await scraped(server, STRANGE, query, three_samples)
    assert series.labels["a"] == LABEL_VALUE
    assert series.samples[0][1] == 5.0


async def test_a_broken_matcher_is_told_in_prometheus_words_and_spoils_no_other(
    server: Server,
) -> None:
    await scraped(server, CANDIDATE, REQUESTS, three_samples)
    broken = CounterQuery("up", (LabelMatcher(label="a", operator="=~", value="(unclosed"),))
    batch = [ArmQuery(CANDIDATE, broken, 60), ArmQuery(CANDIDATE, REQUESTS, 60)]
    answers = await read(server, batch)
    refused = answers[batch[0]]
    assert isinstance(refused, QueryError)
    assert "Prometheus rejected the query (HTTP 400)" in refused.message
    assert "error parsing regexp: missing closing )" in refused.message
    assert isinstance(answers[batch[1]], tuple)


async def test_three_thousand_arms_are_asked_for_in_few_queries(server: Server) -> None:
    await scraped(server, CANDIDATE, REQUESTS, three_samples)
    crowd = [Arm(f"team-{i}", f"model-with-a-long-name-{i:05}-5d9f7c") for i in range(3000)]
    batch = [ArmQuery(arm, REQUESTS, 60) for arm in [*crowd, CANDIDATE]]
    async with Prometheus(Config(server.url)) as prometheus:
        answers = await prometheus.read(batch)
        assert prometheus.queries_sent <= 3
    assert [asked.arm for asked in batch if answers[asked] != ()] == [CANDIDATE]
    assert isinstance(answers[batch[-1]], tuple)


@pytest.mark.parametrize("query", RUN)
async def test_prometheus_parses_each_query_that_we_run(server: Server, query: str) -> None:
    answer = await one(server, CANDIDATE, ExpressionQuery(query))
    assert not isinstance(answer, QueryError), answer


async def test_prometheus_parses_whatever_we_let_pass(server: Server) -> None:
    """Queries with words dropped, doubled and swapped: few pass us, and all of those pass it."""
    accepted = [query for query in mangled(random.Random(3), 8000) if not promql.problems(query)]
    assert len(accepted) > 100
    batch = [ArmQuery(CANDIDATE, ExpressionQuery(query), 60) for query in accepted]
    answers = await read(server, batch)
    refused = {a.query: said for a, said in answers.items() if isinstance(said, QueryError)}
    parse_errors = {
        query: said for query, said in refused.items() if "HTTP 422" not in said.message
    }
    assert parse_errors == {}


async def test_an_outage_is_told_and_what_comes_after_is_read(pods: Pods, tmp_path: Path) -> None:
    server = Server(tmp_path, pods)
    asked = ArmQuery(CANDIDATE, REQUESTS, 60)
    try:
        server.start()
        await scraped(server, CANDIDATE, REQUESTS, three_samples)
        async with Prometheus(Config(server.url, timeout=5)) as prometheus:
            before = (await prometheus.read([asked]))[asked]
            server.stop()
            during = (await prometheus.read([asked]))[asked]
            server.start()
            after = (await prometheus.read([asked]))[asked]
    finally:
        server.stop()
    assert isinstance(before, tuple)
    assert isinstance(during, QueryError)
    assert f"Prometheus at {server.url} cannot be reached" in during.message
    assert isinstance(after, tuple)
