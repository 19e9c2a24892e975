"""Ranges are read raw and in pieces, and the pieces make one."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from serinus.api.recording import Recording
from serinus.metrics.labelling import Labelling, matcher
from serinus.metrics.queries import Arm, CounterQuery
from serinus.metrics.results import ResponseError
from serinus.prometheus import Archive, Config, record
from tests.support import faulty_prometheus as faulty
from tests.support.faulty_prometheus import Handler, matrix, saying, serving

LABELS = {"__name__": "model_requests_total", "pod": "fraud-1"}


async def read(handler: Handler, ask: Callable[[Archive], Any]) -> tuple[Any, list[dict[str, str]]]:
    """What an archive makes of a server that answers so, and what the server was asked."""
    async with serving(handler) as server:
        config = Config(server.url, max_response_bytes=1 << 20)

        def asked() -> Any:
            with Archive(config) as archive:
                return ask(archive)

        return await asyncio.to_thread(asked), server.forms


async def samples_each_minute(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    """Both ends of a range are in the answer, as with older servers."""
    window = re.search(r"\[(\d+)s\]$", form["query"])
    assert window
    end = int(float(form["time"]))
    times = range(end - int(window[1]), end + 1, 60)
    return web.json_response(matrix((LABELS, [[at, str(at / 4)] for at in times])))


async def test_long_ranges_are_read_by_the_hour_and_no_sample_is_there_twice() -> None:
    found, forms = await read(
        samples_each_minute, lambda archive: archive.samples("requests{}", 0, 9000)
    )
    assert [form["query"] for form in forms] == [
        *["requests{}[3600s]", "requests{}[3600s]", "requests{}[1800s]"]
    ]
    (series,) = found
    assert series["metric"] == LABELS
    assert [at for at, _ in series["values"]] == list(range(0, 9001, 60))
    assert series["values"][61] == [3660, "915"]


async def test_what_is_too_large_is_read_in_halves() -> None:
    async def handle(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        if form["query"].endswith(("[3600s]", "[1800s]")):
            return await faulty.endless(200)(request, form)
        return await samples_each_minute(request, form)

    found, _ = await read(handle, lambda archive: archive.samples("requests{}", 0, 3600))
    assert [at for at, _ in found[0]["values"]] == list(range(0, 3601, 60))


async def test_values_are_evaluated_at_multiples_of_the_step() -> None:
    _, forms = await read(
        faulty.saying(matrix()), lambda archive: archive.values("max(drift)", 1007, 1100, 15)
    )
    (form,) = forms
    assert (form["start"], form["end"], form["step"]) == ("1005", "1100", "15.000")


async def test_numbers_are_kept_to_the_last_bit() -> None:
    values = [[1.5, "0.1"], [2.5, "1234567890123456"], [3.5, "NaN"], [4.5, "3"]]
    found, _ = await read(
        faulty.saying(matrix((LABELS, values))), lambda archive: archive.samples("m", 0, 10)
    )
    told = [text for _, text in found[0]["values"]]
    assert [float(text) for text in told if text != "nan"] == [0.1, 1234567890123456, 3]
    assert told[2:] == ["nan", "3"]


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (faulty.endless(200), "larger than"),
        (faulty.text("", 401), "check the token"),
        (faulty.saying({"status": "error", "error": "no memory"}, 422), "no memory"),
    ],
)
async def test_what_cannot_be_read_is_said_in_a_sentence(handler: Handler, words: str) -> None:
    with pytest.raises(ResponseError, match=words):
        await read(handler, lambda archive: archive.samples("requests{}", 0, 120))


async def test_nobody_there_is_said_in_a_sentence() -> None:
    with (
        Archive(Config("http://127.0.0.1:1")) as archive,
        pytest.raises(ResponseError, match="cannot be reached"),
    ):
        archive.samples("requests{}", 0, 60)


async def test_a_recording_has_the_usual_labels_and_one_replica_of_each_pod() -> None:
    name = "model_requests_total"
    place = {"ns": "team", "p": "fraud-1-5d9f7c6b8-x2x4z", "instance": "10.0.0.1:80"}
    pair = [
        ({"__name__": name, **place, "replica": "a"}, [[10, "1"], [25, "2"]]),
        ({"__name__": name, **place, "replica": "b"}, [[12, "1"], [27, "2"]]),
    ]
    labelling = Labelling("ns", "p", ("replica",), (matcher('cluster="a"'),))
    arms = (Arm("team", "fraud-2"), Arm("team", "fraud-1"))
    async with serving(saying(matrix(*pair))) as server:

        def recorded() -> Recording:
            with Archive(Config(server.url, labelling=labelling)) as archive:
                return record(archive, {}, [CounterQuery(name)], arms, (0.0, 60.0), 15.0)

        recording = await asyncio.to_thread(recorded)
    assert 'ns=~"team",cluster="a",p=~"' in server.queries[0]
    (counters,) = recording.counters
    labels = {"__name__": name, "instance": "10.0.0.1:80", "namespace": "team"}
    assert counters.result == [
        {"metric": {**labels, "pod": place["p"]}, "values": [[10.0, "1"], [25.0, "2"]]}
    ]
