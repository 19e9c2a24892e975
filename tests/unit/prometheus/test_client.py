"""The client against a server on loopback that misbehaves in every way we thought of."""

import asyncio
import logging
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from serinus.api.checks import LabelMatcher
from serinus.metrics.batches import MOST_SERIES
from serinus.metrics.queries import (
    Arm,
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    QueryError,
    QueryResult,
    Series,
)
from serinus.prometheus import Config, Prometheus
from tests.support import faulty_prometheus as faulty
from tests.support.faulty_prometheus import Handler, matrix, saying, serving, success

ARM = Arm("team", "fraud-1")
POD = "fraud-1-5d9f7c6b8-x2x4z"
REQUESTS = CounterQuery("model_requests_total")
DURATIONS = CounterQuery("model_request_duration_seconds", native=True)
ERRORS = CounterQuery(
    "model_requests_total", (LabelMatcher(label="code", operator="=~", value="5.."),), part=True
)
LABELS = {"__name__": "model_requests_total", "namespace": "team", "pod": POD}


async def ask(
    url: str, *queries: CounterQuery | ExpressionQuery, timeout: float = 5.0
) -> list[QueryResult]:
    """The answers to questions about ARM, in their order."""
    config = Config(url, timeout=timeout, max_response_bytes=1 << 20)
    async with Prometheus(config) as prometheus:
        return await read(prometheus, *queries)


async def read(
    prometheus: Prometheus, *queries: CounterQuery | ExpressionQuery
) -> list[QueryResult]:
    batch = [ArmQuery(ARM, query, 60) for query in queries]
    answers = await prometheus.read(batch)
    assert set(answers) == set(batch)
    return [answers[asked] for asked in batch]


async def sentence(handler: Handler, timeout: float = 5.0) -> str:
    """What is said of a server that answers so; the same for every kind of question."""
    async with serving(handler) as server:
        counters, value = await ask(
            server.url, REQUESTS, ExpressionQuery("up{$arm}"), timeout=timeout
        )
    assert isinstance(counters, QueryError)
    assert counters == value
    return counters.message


async def test_samples_arrive_as_numbers_with_their_labels() -> None:
    async with serving(saying(matrix((LABELS, [[1.5, "3"], [2.5, "4.25"]])))) as server:
        (answer,) = await ask(server.url, REQUESTS)
    assert answer == (Series(LABELS, ((1.5, 3.0), (2.5, 4.25))),)


async def test_no_series_is_an_empty_answer_and_no_failure() -> None:
    async with serving(saying(matrix())) as server:
        assert await ask(server.url, REQUESTS) == [()]


async def test_a_query_travels_in_the_body_and_not_in_the_address() -> None:
    async with serving(saying(matrix())) as server:
        await ask(server.url + "/prefix/", REQUESTS)
    (request,) = server.requests
    assert (request.method, request.path_qs) == ("POST", "/prefix/api/v1/query")
    assert server.queries == [
        'model_requests_total{namespace=~"team",pod=~"(?:fraud-1)-[a-z0-9]+-[a-z0-9]{5}"}[60s]'
    ]


async def test_prometheus_is_told_when_we_stop_waiting() -> None:
    async with serving(saying(matrix())) as server:
        await ask(server.url, REQUESTS, timeout=3.0)
    assert 2.0 < float(server.forms[0]["timeout"]) <= 3.0


async def test_parts_are_read_once_all_wholes_are_answered() -> None:
    answered: list[str] = []

    async def slow_for_wholes(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        if "code" not in form["query"]:
            await asyncio.sleep(0.2)
        answered.append("part" if "code" in form["query"] else "whole")
        return web.json_response(matrix())

    async with serving(slow_for_wholes) as server:
        await ask(server.url, ERRORS, REQUESTS)
    assert answered == ["whole", "part"]


async def test_the_number_of_queries_does_not_grow_with_the_number_of_rollouts() -> None:
    arms = [Arm(f"team-{i % 7}", f"model-{i}") for i in range(1000)]
    async with (
        serving(saying(matrix())) as server,
        Prometheus(Config(server.url)) as prometheus,
    ):
        answers = await prometheus.read(
            ArmQuery(a, q, 60) for a in arms for q in (REQUESTS, ERRORS)
        )
        assert prometheus.queries_sent == len(server.forms) == 2
    assert len(answers) == 2000


async def test_connections_are_kept_for_the_next_reading() -> None:
    async with (
        serving(saying(matrix())) as server,
        Prometheus(Config(server.url, concurrency=1)) as prometheus,
    ):
        for _ in range(5):
            await read(prometheus, REQUESTS, ERRORS)
        assert len(server.forms) == 10
    assert len(server.connections) == 1


async def test_no_more_queries_run_at_a_time_than_configured() -> None:
    running, most = 0, 0

    async def counted(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return web.json_response(matrix())

    async with (
        serving(counted) as server,
        Prometheus(Config(server.url, concurrency=3)) as prometheus,
    ):
        await read(prometheus, *(CounterQuery(f"metric_{i}") for i in range(12)))
    assert most == 3


async def test_a_refused_query_leaves_the_others_readable() -> None:
    async def picky(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        if "broken" in form["query"]:
            error = {"status": "error", "errorType": "execution", "error": "no\nsuch thing."}
            return web.json_response(error, status=422)
        return web.json_response(matrix((LABELS, [[1, "1"]])))

    async with serving(picky) as server:
        broken, whole = await ask(server.url, CounterQuery("broken_total"), REQUESTS)
    assert broken == QueryError("Prometheus rejected the query (HTTP 422): no such thing.")
    assert whole == (Series(LABELS, ((1.0, 1.0),)),)


async def test_a_bad_threshold_query_is_answered_without_being_sent() -> None:
    async with serving(saying(matrix())) as server:
        (answer,) = await ask(server.url, ExpressionQuery("sum(secret_total)"))
    assert isinstance(answer, QueryError)
    assert "write secret_total{$arm}" in answer.message
    assert server.forms == []


async def test_a_value_may_be_a_vector_a_number_or_nothing() -> None:
    results = {
        "1": success("scalar", [1.0, "2.5"]),
        "x": success("vector", [{"metric": {"a": "b"}, "value": [1.0, "NaN"]}]),
        "y": success("vector", []),
    }

    async def handle(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        return web.json_response(results[form["query"][0]])

    async with serving(handle) as server:
        number, vector, nothing = await ask(
            server.url, ExpressionQuery("1"), ExpressionQuery("x{$arm}"), ExpressionQuery("y{$arm}")
        )
    assert number == (Series({}, ((1.0, 2.5),)),)
    assert nothing == ()
    assert isinstance(vector, tuple)
    assert vector[0].labels == {"a": "b"}
    assert vector[0].samples[0][1] != vector[0].samples[0][1]


async def test_an_answer_too_large_for_all_arms_is_read_in_smaller_ones() -> None:
    arms = [Arm("team", f"model-{i}") for i in range(8)]

    async def large(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        named = [arm for arm in arms if arm.workload in form["query"]]
        pods = [f"{arm.workload}-5d9f7c6b8-x2x4z" for arm in named]
        series = [({**LABELS, "pod": pod, "filler": "x" * 400_000}, [[1, "1"]]) for pod in pods]
        return web.json_response(matrix(*series))

    async with (
        serving(large) as server,
        Prometheus(Config(server.url, max_response_bytes=1 << 20)) as prometheus,
    ):
        answers = await prometheus.read([ArmQuery(arm, REQUESTS, 60) for arm in arms])
        assert prometheus.queries_sent == len(server.forms) == 1 + 2 + 4
    assert [len(answer) for answer in answers.values() if isinstance(answer, tuple)] == [1] * 8


@pytest.mark.parametrize(
    ("knows_limit", "number"),
    [(True, MOST_SERIES + 1), (True, 3 * MOST_SERIES), (False, MOST_SERIES + 1)],
)
async def test_an_arm_with_too_many_series_is_an_error_of_that_arm_alone(
    knows_limit: bool, number: int
) -> None:
    few, many = Arm("team", "model-1"), Arm("other", "model-2")
    exported = {few: 2, many: number}

    async def answer(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        named = [arm for arm in exported if arm.workload in form["query"]]
        series: list[Any] = [
            (
                {"namespace": arm.namespace, "pod": f"{arm.workload}-5d9f7c6b8-x2x4z", "a": str(i)},
                [],
            )
            for arm in named
            for i in range(exported[arm])
        ]
        limit = int(form["limit"][0])
        found = matrix(*(series[:limit] if knows_limit else series))
        if knows_limit and len(series) > limit:
            found["warnings"] = ["results truncated due to limit"]
        return web.json_response(found)

    async with serving(answer) as server, Prometheus(Config(server.url)) as prometheus:
        answers = await prometheus.read([ArmQuery(arm, REQUESTS, 60) for arm in exported])
    told = {asked.arm: answer for asked, answer in answers.items()}
    sparse = told[few]
    assert isinstance(sparse, tuple) and len(sparse) == 2
    error = told[many]
    assert isinstance(error, QueryError) and error.exported
    assert f"more than {MOST_SERIES:,} series" in error.message
    assert "narrow it with matchers" in error.message


async def test_a_fault_of_ours_while_queries_are_planned_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raising(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("serinus.prometheus.client.plan", raising)
    async with asyncio.timeout(5):
        [answer] = await ask("http://127.0.0.1:9", REQUESTS)
    assert isinstance(answer, QueryError) and answer.fault
    assert "An internal error of Serinus (ZeroDivisionError" in answer.message


async def test_a_server_that_hangs_is_given_up_in_time() -> None:
    started = time.monotonic()
    said = await sentence(faulty.hang, timeout=0.5)
    assert time.monotonic() - started < 5
    assert "did not answer within 0.5s: check whether it is running" in said


async def test_a_server_that_drips_is_given_up_in_time() -> None:
    started = time.monotonic()
    assert "did not answer within 0.5s" in await sentence(faulty.drip, timeout=0.5)
    assert time.monotonic() - started < 5


async def test_a_server_that_drips_its_headers_is_given_up_in_time() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            writer.write(b"X-A: b\r\n")
            await asyncio.sleep(0.1)
        writer.close()

    started = time.monotonic()
    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        (answer,) = await ask(f"http://127.0.0.1:{port}", REQUESTS, timeout=0.5)
        assert time.monotonic() - started < 5
    assert isinstance(answer, QueryError)
    assert "did not answer within 0.5s" in answer.message


async def test_a_hanging_server_bounds_a_reading_of_many_queries_in_two_rounds() -> None:
    queries = [CounterQuery(f"metric_{i}", part=i % 2 == 0) for i in range(20)]
    started = time.monotonic()
    async with serving(faulty.hang) as server:
        answers = await ask(server.url, *queries, timeout=0.5)
    assert time.monotonic() - started < 5
    assert all(isinstance(answer, QueryError) for answer in answers)


async def test_what_comes_after_an_outage_is_read() -> None:
    healthy = False

    async def recovering(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        return await (saying(matrix()) if healthy else faulty.hang)(request, form)

    async with (
        serving(recovering) as server,
        Prometheus(Config(server.url, timeout=0.5, concurrency=1)) as prometheus,
    ):
        assert isinstance((await read(prometheus, REQUESTS))[0], QueryError)
        healthy = True
        deadline = time.monotonic() + 5
        while await read(prometheus, REQUESTS) != [()]:
            assert time.monotonic() < deadline


async def test_a_redirect_is_refused_and_not_followed() -> None:
    async with serving(saying(matrix((LABELS, [[1, "1"]])))) as elsewhere:
        said = await sentence(faulty.text("", 307, Location=elsewhere.url))
    assert "redirect (HTTP 307), which is not followed: give the operator the final" in said
    assert elsewhere.forms == []


async def test_an_endless_redirect_is_given_up() -> None:
    said = await sentence(faulty.endless(302, Location="/"))
    assert "is larger than" in said


@pytest.mark.parametrize("handler", [faulty.endless(200), faulty.bomb])
async def test_an_answer_without_end_is_given_up(handler: Handler) -> None:
    assert "is larger than 1048576 bytes: narrow the check's" in await sentence(handler)


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole() -> None:
    assert "is incomplete" in await sentence(faulty.cut_short)


async def test_nobody_listening_is_said_with_the_address() -> None:
    async with serving(saying(matrix())) as server:
        pass
    (answer,) = await ask(server.url, REQUESTS)
    assert answer == QueryError(
        f"Prometheus at {server.url} cannot be reached: check its address and state "
        "(Connection refused)."
    )


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (faulty.text("<html>Bad gateway</html>", 502), "answered with HTTP 502 without a reason"),
        (faulty.text("upstream \x1b[31mgone", 503), "answered with HTTP 503: upstream [31mgone."),
        (faulty.text("", 500), "answered with HTTP 500 without a reason"),
        (faulty.text("<html>Welcome</html>", 200), "not from a Prometheus API"),
        (faulty.text("", 204), "answered with HTTP 204"),
        (faulty.text("Unauthorized", 401), "refused access (HTTP 401): check the token"),
        (saying({"status": "error", "error": "x" * 5000}, 503), "(HTTP 503): " + "x" * 300 + "…."),
        (saying({"status": "error", "error": "too busy"}), "(HTTP 200): too busy."),
        (saying(matrix(warnings=["store a: gone"])), "may be incomplete: store a: gone."),
        (saying({}), "not from a Prometheus API"),
        (saying([1]), "not from a Prometheus API"),
        (saying({"status": "success"}), "not from a Prometheus API"),
        (saying({"status": "success", "data": {}}), "not from a Prometheus API"),
        (saying(success("matrix", None)), "not from a Prometheus API"),
        (saying(success("matrix", ["x"])), "not from a Prometheus API"),
        (saying(success("matrix", [{"values": [[1, "1"]]}])), "not from a Prometheus API"),
        (saying(matrix((LABELS, [[1, "many"]]))), "not from a Prometheus API"),
        (saying(matrix((LABELS, [[1]]))), "not from a Prometheus API"),
        (saying(success("string", [1, "x"])), "not from a Prometheus API"),
    ],
)
async def test_what_is_no_answer_is_said_in_a_sentence(handler: Handler, words: str) -> None:
    assert words in await sentence(handler)


async def test_a_native_histogram_is_said_to_be_one() -> None:
    native = {"metric": LABELS, "histograms": [[1, {"count": "1", "sum": "1"}]]}
    async with serving(saying(success("matrix", [native]))) as server:
        (answer,) = await ask(server.url, REQUESTS)
    assert isinstance(answer, QueryError)
    assert "is a native histogram: use a counter" in answer.message


async def test_native_histograms_are_answered_as_series_of_classic_ones() -> None:
    sample = {"count": "7", "sum": "9", "buckets": [[0, "0.5", "1", "3"], [0, "1", "2", "4"]]}
    native = {"metric": LABELS, "histograms": [[1, sample]]}
    async with serving(saying(success("matrix", [native]))) as server:
        (answer,) = await ask(server.url, DURATIONS)
    assert answer == tuple(
        Series({**LABELS, "le": le}, ((1.0, count),))
        for le, count in (("0.5", 0.0), ("1", 3.0), ("2", 7.0), ("inf", 7.0))
    )


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ({"metric": LABELS, "values": [[1, "1"]]}, "is not a histogram"),
        ({"metric": LABELS, "histograms": [[1, {"buckets": []}]]}, "in an unknown format"),
        ({"metric": LABELS, "histograms": [[1, []]]}, "in an unknown format"),
    ],
)
async def test_what_is_no_native_histogram_is_told(element: dict[str, object], words: str) -> None:
    async with serving(saying(success("matrix", [element]))) as server:
        (answer,) = await ask(server.url, DURATIONS)
    assert isinstance(answer, QueryError)
    assert words in answer.message


async def test_a_rotated_token_is_used_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    async with (
        serving(saying(matrix())) as server,
        Prometheus(Config(server.url, token_file=token)) as prometheus,
    ):
        await read(prometheus, REQUESTS)
        token.write_text("two\n")
        await read(prometheus, REQUESTS)
    sent = [request.headers["Authorization"] for request in server.requests]
    assert sent == ["Bearer one", "Bearer two"]


async def test_user_name_and_password_are_read_from_their_files(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("serinus")
    (tmp_path / "password").write_text("se:cret\n")
    async with (
        serving(saying(matrix())) as server,
        Prometheus(
            Config(server.url, username_file=tmp_path / "user", password_file=tmp_path / "password")
        ) as prometheus,
    ):
        await read(prometheus, REQUESTS)
    assert server.requests[0].headers["Authorization"] == "Basic c2VyaW51czpzZTpjcmV0"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: FileNotFoundError"),
        (b"", "are empty"),
        (b"1\nx9q8", "contain invalid characters"),
        ("x9q8\u00ef".encode(), "contain invalid characters"),
        (b"\xff", "cannot be read: UnicodeDecodeError"),
    ],
)
async def test_a_bad_secret_is_named_by_its_file_and_never_shown(
    content: bytes | None, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    caplog.set_level(logging.DEBUG)
    async with (
        serving(saying(matrix())) as server,
        Prometheus(Config(server.url, token_file=token)) as prometheus,
    ):
        (answer,) = await read(prometheus, REQUESTS)
    assert isinstance(answer, QueryError)
    assert str(token) in answer.message
    assert words in answer.message
    assert "x9q8" not in answer.message + caplog.text
    assert server.forms == []


async def test_proxies_and_netrc_of_the_environment_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    async with serving(saying(matrix())) as server:
        assert await ask(server.url, REQUESTS) == [()]
    assert "Authorization" not in server.requests[0].headers


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signs itself, and a server's use of it."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=prometheus"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return cert, context


async def test_a_certificate_is_trusted_only_if_its_authority_is(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    ca_file, context = certificate
    async with serving(saying(matrix()), ssl_context=context) as server:
        (distrusted,) = await ask(server.url, REQUESTS)
        async with Prometheus(Config(server.url, ca_file=ca_file)) as prometheus:
            assert await read(prometheus, REQUESTS) == [()]
    assert isinstance(distrusted, QueryError)
    assert "is not trusted: check ca_file and the host name" in distrusted.message
    assert len(server.forms) == 1


async def test_a_missing_authority_is_named_by_its_file(tmp_path: Path) -> None:
    config = Config("https://127.0.0.1:1", ca_file=tmp_path / "ca.pem")
    async with Prometheus(config) as prometheus:
        (answer,) = await read(prometheus, REQUESTS)
    assert isinstance(answer, QueryError)
    assert "ca.pem" in answer.message
