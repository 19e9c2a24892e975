"""How an answer of the API server is read."""

import json

import pytest
import yaml

from serinus.cluster import ApiError
from serinus.cluster.client import _as_yaml, _read, _retry_after


def test_an_object_is_read_as_it_is() -> None:
    assert _read(200, b'{"kind": "Service"}') == {"kind": "Service"}
    assert _read(200, b"") == {}


def test_a_refusal_keeps_the_words_of_the_api_server() -> None:
    with pytest.raises(ApiError) as raised:
        _read(422, b'{"reason": "Invalid", "message": "spec.replicas: must be positive"}')
    assert str(raised.value) == "422 Invalid: spec.replicas: must be positive"
    assert raised.value.reason == "Invalid"


@pytest.mark.parametrize("raw", [b"<html>gateway</html>", b'"a string"', b"null", b"\xff\xfe"])
def test_what_is_no_object_is_an_error_though_it_came_with_200(raw: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        _read(200, raw)
    assert raised.value.status >= 500


def test_an_answer_that_is_nested_too_deep_is_an_error_and_does_not_end_the_operator() -> None:
    with pytest.raises(ApiError, match="nested too deep"):
        _read(200, b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (404, "not found", (True, False, False)),
        (409, "the object has been modified", (False, True, False)),
        (403, "exceeded quota", (False, False, True)),
        (422, "invalid", (False, False, True)),
        (500, "failed to create typed patch object: field not declared in schema", (0, 0, 1)),
        (500, "failed to create typed patch object: .args: expected list, got &{x}", (0, 0, 1)),
        (500, "failed to convert new object: quantities must match", (0, 0, 1)),
        (500, 'duplicate entries for key [containerPort=8080,protocol="TCP"]', (0, 0, 1)),
        (500, "etcdserver: request timed out", (False, False, False)),
        (429, "too many requests", (False, False, False)),
        (401, "unauthorized", (False, False, False)),
        (0, "connection refused", (False, False, False)),
    ],
)
def test_an_error_tells_what_may_help(
    status: int, message: str, told: tuple[bool, bool, bool]
) -> None:
    error = ApiError(status, "", message)
    assert (error.absent, error.conflict, error.refused) == told


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (503, {"Retry-After": "0"}, 0.0),
        (
            503,
            {
                "Retry-After": "Wed, 25 Nov 2026 10:01:30 GMT",
                "Date": "Wed, 25 Nov 2026 10:00:00 GMT",
            },
            90.0,
        ),
        (
            503,
            {
                "Retry-After": "Wed, 25 Nov 2026 09:00:00 GMT",
                "Date": "Wed, 25 Nov 2026 10:00:00 GMT",
            },
            0.0,
        ),
        (503, {"Retry-After": "Wed, 25 Nov 2026 10:01:30 GMT"}, None),
        (429, {"Retry-After": "soon"}, None),
        (429, {"Retry-After": "-1"}, None),
        (429, {}, None),
        (500, {"Retry-After": "7"}, None),
    ],
)
def test_how_long_the_api_server_asks_to_wait_is_read_as_seconds(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    assert _retry_after(status, headers) == seconds


def test_an_error_tells_how_long_to_wait() -> None:
    with pytest.raises(ApiError) as raised:
        _read(429, b'{"reason": "TooManyRequests", "message": "later"}', 7.0)
    assert raised.value.retry_after == 7.0


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "a < b && c",
        "ünïcode 日本",
        "🐦 🧪",
        "\x7f \x85 \u2028 \ufeff \uffff",
        r"\ud83d\udc26",
        "\x00\n\t",
    ],
)
def test_what_is_sent_as_yaml_reads_as_the_same_whatever_is_written_in_it(text: str) -> None:
    body = {"spec": {text: [text, 1, 1.5, True, None]}}
    assert json.loads(_as_yaml(body)) == body
    assert yaml.safe_load(_as_yaml(body)) == body
