"""Webhooks: who may, and what little comes of it."""

import asyncio
import base64
import contextlib
import gzip
import hmac
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from serinus.api.registry import Reference
from serinus.notifications.signature import key, signed
from serinus.registries import listening
from tests.support.following import Following, following, until
from tests.support.ports import free_port
from tests.support.registries import FakeMLflow, answering

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "A" * 32
CHAMPION = Reference("models", "fraud", "champion")
BODY = b'{"entity": "model_version_alias", "action": "created"}'


def with_seven(folder: Path) -> FakeMLflow:
    (folder / "webhook-key").write_text(f"{KEY}\n")
    mlflow = FakeMLflow()
    mlflow.put("fraud", "7")
    mlflow.put("fraud", "8")
    mlflow.point("fraud", "champion", "7")
    return mlflow


def of_mlflow(secret: str, identifier: str, moment: int, body: bytes) -> dict[str, str]:
    """As MLflow 3 signs: with the text of the secret."""
    content = f"{identifier}.{moment}.".encode() + body
    digest = base64.b64encode(hmac.digest(secret.encode(), content, "sha256")).decode()
    return {
        "X-MLflow-Delivery-Id": identifier,
        "X-MLflow-Timestamp": str(moment),
        "X-MLflow-Signature": f"v1,{digest}",
    }


def standard(identifier: str, moment: float, body: bytes = BODY) -> dict[str, str]:
    return signed([key(KEY)], identifier, int(moment), body)


async def post(
    port: int, headers: Mapping[str, str], body: bytes = BODY, path: str = "/registries/models"
) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}{path}", data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_a_signed_webhook_has_the_registry_asked_at_once(tmp_path: Path) -> None:
    mlflow, port = with_seven(tmp_path), free_port()
    registry = mlflow.configured("MLflow", tmp_path, webhook=True)
    async with mlflow, following(registry) as under_test:
        inboxes = under_test.registries.inboxes
        async with listening(inboxes, lambda: True, "127.0.0.1", port):
            await under_test.answer(CHAMPION)
            mlflow.point("fraud", "champion", "8")
            now = int(under_test.now)
            assert await post(port, of_mlflow(KEY, "a", now, BODY)) == 204
            await until(lambda: len(under_test.woken) == 2)
            answer = under_test.follow(CHAMPION)
            assert answer and answer.version and answer.version.version == "8"
            mlflow.point("fraud", "champion", "7")
            under_test.now += 11
            assert await post(port, standard("b", under_test.now)) == 204
            await until(lambda: len(under_test.woken) == 3)


async def test_a_hundred_repeats_cause_one_request_and_a_hundred_others_two(
    tmp_path: Path,
) -> None:
    mlflow = with_seven(tmp_path)
    registry = mlflow.configured("MLflow", tmp_path, webhook=True)
    async with mlflow, following(registry) as under_test:
        await under_test.answer(CHAMPION)
        assert len(mlflow.asked) == 2
        inbox = under_test.registries.inboxes["models"]
        for _ in range(100):
            assert inbox.take(standard("same", under_test.now), BODY, leads=True) == 204
        await until(lambda: len(mlflow.asked) == 3)
        await under_test.idle()
        assert len(mlflow.asked) == 3
        for number in range(100):
            headers = standard(f"other {number}", under_test.now)
            assert inbox.take(headers, BODY, leads=True) == 204
        await under_test.idle()
        assert len(mlflow.asked) == 3, "the moment is not over"
        under_test.now += 11
        under_test.registries.wake()
        await until(lambda: len(mlflow.asked) == 4)
        await under_test.idle()
        assert len(mlflow.asked) == 4
        told = under_test.registries.told()
        assert told["models", "accepted"] == 101 and told["models", "repeated"] == 99


async def test_a_registry_that_asks_to_wait_is_not_asked_sooner_by_its_webhooks(
    tmp_path: Path,
) -> None:
    mlflow = with_seven(tmp_path)
    registry = mlflow.configured("MLflow", tmp_path, webhook=True)
    async with mlflow, following(registry) as under_test:
        mlflow.behave = answering(429, Retry_After="600")
        await under_test.answer(CHAMPION)
        inbox = under_test.registries.inboxes["models"]
        for number in range(20):
            under_test.now += 29
            assert inbox.take(standard(f"{number}", under_test.now), BODY, leads=True) == 204
            await under_test.idle()
        assert len(mlflow.asked) == 1
        under_test.now += 30
        under_test.registries.wake()
        await until(lambda: len(mlflow.asked) == 2)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "a"},
        {"webhook-id": "a", "webhook-timestamp": "now", "webhook-signature": "v1,"},
        {"webhook-id": "a", "webhook-timestamp": "9" * 20, "webhook-signature": "v1,x"},
        {**standard("a", 1795593940.0), "webhook-id": "b"},
        {**standard("a", 1795593940.0), "webhook-timestamp": "1795593941"},
        standard("a", 1795593940.0, b"other"),
        standard("a", 1795593940.0 - 400),
        standard("a", 1795593940.0 + 400),
        signed([key(OTHER)], "a", 1795593940, BODY),
        of_mlflow(OTHER, "a", 1795593940, BODY),
        of_mlflow("", "a", 1795593940, BODY),
        {**standard("a", 1795593940.0), "webhook-signature": "v1,\u00e4"},
    ],
)
async def test_what_is_not_signed_with_the_key_now_is_refused_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    mlflow = with_seven(tmp_path)
    under_test = Following(mlflow.configured("MLflow", tmp_path, webhook=True))
    under_test.follow(CHAMPION)
    for _ in range(3):
        assert under_test.registries.inboxes["models"].take(headers, BODY, leads=True) == 401
    assert len(caplog.records) == 1 and "is refused" in caplog.text
    assert KEY not in caplog.text and OTHER not in caplog.text
    assert under_test.registries.told()["models", "unauthorized"] == 3


async def test_a_key_is_read_again_when_it_changes_and_may_have_two_lines(tmp_path: Path) -> None:
    mlflow = with_seven(tmp_path)
    under_test = Following(mlflow.configured("MLflow", tmp_path, webhook=True))
    inbox = under_test.registries.inboxes["models"]
    (tmp_path / "webhook-key").write_text(f"{OTHER}\n{KEY}\n")
    assert inbox.take(standard("a", under_test.now), BODY, leads=True) == 204
    for written in ("", OTHER, "short"):
        (tmp_path / "webhook-key").write_text(written)
        assert inbox.take(standard("b", under_test.now), BODY, leads=True) == 401
    (tmp_path / "webhook-key").unlink()
    assert inbox.take(standard("b", under_test.now), BODY, leads=True) == 401
    assert inbox.take(of_mlflow("", "b", int(under_test.now), BODY), BODY, leads=True) == 401


async def test_a_standby_sends_it_on_to_the_leader_by_having_it_tried_again(
    tmp_path: Path,
) -> None:
    mlflow = with_seven(tmp_path)
    under_test = Following(mlflow.configured("MLflow", tmp_path, webhook=True))
    inbox = under_test.registries.inboxes["models"]
    headers = standard("a", under_test.now)
    assert inbox.take(headers, BODY, leads=False) == 503
    assert inbox.take(headers, BODY, leads=True) == 204


async def test_other_paths_methods_and_large_bodies_are_refused(tmp_path: Path) -> None:
    mlflow, port = with_seven(tmp_path), free_port()
    registries = (
        mlflow.configured("MLflow", tmp_path, webhook=True),
        mlflow.configured("MLflow", tmp_path, name="silent"),
    )
    under_test = Following(*registries)
    inboxes = under_test.registries.inboxes
    async with listening(inboxes, lambda: True, "127.0.0.1", port):
        headers = standard("a", time.time())
        assert await post(port, headers, path="/registries/silent") == 404
        assert await post(port, headers, path="/metrics") == 404
        assert await post(port, headers, body=b"x" * 70_000) == 413
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/registries/models") as answer,
        ):
            assert answer.status == 405
    assert set(under_test.registries.told().values()) == {0}


async def ends(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has ended a connection without an answer."""
    with contextlib.suppress(ConnectionError):
        return await reader.read() == b""
    return True


async def test_a_sender_that_never_finishes_its_headers_or_its_body_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.serving.server.READ_WITHIN", 0.3)
    port = free_port()
    under_test = Following(with_seven(tmp_path).configured("MLflow", tmp_path, webhook=True))
    async with listening(under_test.registries.inboxes, lambda: True, "127.0.0.1", port):
        head = b"POST /registries/models HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
        slow, writer = await asyncio.open_connection("127.0.0.1", port)
        endless, body = await asyncio.open_connection("127.0.0.1", port)
        body.write(head + b"\r\nx")

        async def drip() -> None:
            writer.write(head)
            while True:
                writer.write(b"X-More: y\r\n")
                await asyncio.sleep(0.05)

        task = asyncio.create_task(drip())
        async with asyncio.timeout(20):
            assert await ends(slow)
            assert b" 408 " in await endless.readline()
        task.cancel()
        writer.close()
        body.close()


async def test_a_body_is_not_unpacked_before_its_sender_is_known(tmp_path: Path) -> None:
    """A few kilobytes could take all memory."""
    port = free_port()
    under_test = Following(with_seven(tmp_path).configured("MLflow", tmp_path, webhook=True))
    packed = gzip.compress(bytes(30 << 20))
    async with listening(under_test.registries.inboxes, lambda: True, "127.0.0.1", port):
        told = {**standard("a", under_test.now, packed), "Content-Encoding": "gzip"}
        assert await post(port, told, packed) == 204, "what is signed is what was sent"


async def test_nothing_listens_where_no_registry_has_webhooks() -> None:
    port = free_port()
    async with listening({}, lambda: True, "127.0.0.1", port):
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(port, {})
