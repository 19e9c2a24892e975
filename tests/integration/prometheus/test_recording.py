"""A recording of a real Prometheus that scrapes each second holds what looks read."""

import time
from collections.abc import Iterator

import pytest

from serinus.api.checks import LabelMatcher
from serinus.api.recording import Recording
from serinus.metrics.queries import (
    Arm,
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    Query,
    QueryResult,
    Series,
)
from serinus.metrics.recorded import Recorded
from serinus.metrics.requests import Request
from serinus.prometheus import Archive, Config, Prometheus, record
from tests.support.real_prometheus import Pods, Server, pod, serving

CANDIDATE, STABLE = Arm("team", "fraud-2"), Arm("team", "fraud-1")
FAILED = LabelMatcher(label="code", operator="=~", value="5..")
REQUESTS = CounterQuery("model_requests_total")
ERRORS = CounterQuery("model_requests_total", (FAILED,), part=True)
DURATIONS = CounterQuery("took_seconds", native=True)
DRIFT = ExpressionQuery("max(drift_psi{$arm})")
LIMIT = ExpressionQuery("scalar(vector(7))")
QUESTIONS = (REQUESTS, DURATIONS, DRIFT, LIMIT, ERRORS)
METRICS = """model_requests_total{code="200"} 20
model_requests_total{code="500"} 3
drift_psi 0.25
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 3
took_seconds_bucket{le="0.5"} 7
took_seconds_bucket{le="+Inf"} 9
took_seconds_sum 5
took_seconds_count 9"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pods = Pods()
    for arm in (CANDIDATE, STABLE):
        pods.set_text(arm.namespace, pod(arm), METRICS)
    with serving(pods):
        server = Server(tmp_path_factory.mktemp("prometheus"), pods)
        server.start()
        yield server
        server.stop()


async def read(server: Server) -> dict[Query, QueryResult]:
    """What a look reads of the candidate."""
    async with Prometheus(Config(server.url)) as prometheus:
        asked = [ArmQuery(CANDIDATE, query, 60) for query in QUESTIONS]
        return {one.query: answer for one, answer in (await prometheus.read(asked)).items()}


@pytest.fixture(scope="module")
def began() -> float:
    return time.time()


@pytest.fixture
async def look(server: Server, began: float) -> dict[Query, QueryResult]:
    """A look after at least three scrapes of everything."""
    while True:
        answers = await read(server)
        series = answers[ERRORS]
        if isinstance(series, tuple) and series and len(series[0].samples) >= 3:
            return answers
        assert time.time() < began + 30


@pytest.fixture
def recording(server: Server, began: float, look: dict[Query, QueryResult]) -> Recording:
    """What is there a moment later."""
    with Archive(Config(server.url)) as archive:
        arms, span = (CANDIDATE, STABLE), (began - 10, time.time())
        return record(archive, {}, QUESTIONS, arms, span, step=1.0)


def test_every_sample_that_a_look_read_is_recorded_and_none_between(
    look: dict[Query, QueryResult], recording: Recording
) -> None:
    written = Recording.model_validate(recording.to_json())
    request = Request(1.0, QUESTIONS, CANDIDATE, STABLE, covered_until=recording.since)
    found = request.read(Recorded(written), recording.until + 1)
    for query in (REQUESTS, ERRORS, DURATIONS):
        answer, recorded = look[query], found.candidate[query]
        assert isinstance(answer, tuple)
        assert isinstance(recorded, tuple)
        assert len(answer) == len(recorded) > 0
        for one in answer:
            (same,) = (each for each in recorded if each.labels == one.labels)
            assert within(same, one) == one.samples


def within(series: Series, other: Series) -> tuple[tuple[float, float], ...]:
    """The samples in the time of the other's."""
    first, last = other.samples[0][0], other.samples[-1][0]
    return tuple(sample for sample in series.samples if first <= sample[0] <= last)


def test_queries_are_evaluated_at_each_step(recording: Recording) -> None:
    drift, limit = recording.values
    assert {value for _, value in drift.result[0]["values"]} == {"0.25"}
    times = [at for at, _ in limit.result[0]["values"]]
    assert times == list(range(int(recording.since), int(times[-1]) + 1))
    assert recording.until - times[-1] < 1.5


def test_of_every_sample_it_is_known_how_long_its_scrape_took(recording: Recording) -> None:
    (requests,) = (each for each in recording.counters if each.metric == REQUESTS.metric)
    for series in requests.result:
        (scrapes,) = (
            each for each in recording.scrapes if each["metric"]["pod"] == series["metric"]["pod"]
        )
        took = {at: float(seconds) for at, seconds in scrapes["values"]}
        known = [at for at, _ in series["values"] if at in took]
        assert known[-1] == max(took)
        assert len(known) == len(series["values"])
        assert all(0 < seconds < 10 for seconds in took.values())
