"""Who is asked, how often, and what whoever follows hears of it."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from serinus.api.registry import Reference, Registry
from serinus.api.validation import of_type
from serinus.registries import poller
from serinus.registries.mlflow import MLflow
from tests.support.following import Following, following, until
from tests.support.registries import FakeMLflow, answering

CHAMPION = Reference("models", "fraud", "champion")


def with_seven() -> FakeMLflow:
    mlflow = FakeMLflow()
    mlflow.put("fraud", "7")
    mlflow.put("fraud", "8")
    mlflow.point("fraud", "champion", "7")
    return mlflow


async def test_a_hundred_that_follow_the_same_take_one_request_an_interval_and_all_hear() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        names = {f"m{number}" for number in range(100)}
        for name in names:
            under_test.follow(CHAMPION, name)
        await until(lambda: under_test.follow(CHAMPION, "m0") is not None)
        assert len(mlflow.asked) == 2
        assert {name for _, name in under_test.woken} == names
        answers = {id(under_test.follow(CHAMPION, name)) for name in names}
        assert len(answers) == 1, "and who comes later has it at once"
        mlflow.point("fraud", "champion", "8")
        under_test.now += 70
        under_test.registries.wake()
        await until(lambda: len(under_test.woken) == 200)
        assert len(mlflow.asked) == 4


async def test_nothing_is_asked_before_it_is_due_and_nothing_that_nobody_follows() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        await under_test.idle()
        assert mlflow.asked == []
        await under_test.answer(CHAMPION)
        under_test.now += 50
        under_test.registries.wake()
        await under_test.idle()
        assert len(mlflow.asked) == 2
        under_test.registries.forget("shop", "fraud")
        under_test.now += 5000
        under_test.registries.wake()
        await under_test.idle()
        assert len(mlflow.asked) == 2
        assert under_test.registries.ages() == {}


async def test_who_follows_something_else_leaves_the_first(tmp_path: Path) -> None:
    other = Reference("models", "fraud", "challenger")
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        mlflow.point("fraud", "challenger", "8")
        await under_test.answer(CHAMPION)
        assert under_test.follow(other) is None
        answer = await under_test.answer(other)
        assert answer.version and answer.version.version == "8"
        before = len(mlflow.asked)
        await under_test.later(other, 70)
        await under_test.idle()
        assert len(mlflow.asked) == before + 1


async def test_a_namespace_that_is_not_allowed_is_refused_without_a_request() -> None:
    async with with_seven() as mlflow:
        both = mlflow.configured("MLflow"), mlflow.configured("MLflow", name="lab")
        async with following(*both) as under_test:
            for registry in ("models", "nothing"):
                reference = Reference(registry, "fraud", "champion")
                answer = under_test.registries.follow("evil", "fraud", reference)
                assert answer is not None and answer.refused and answer.version is None
                assert f"may use no registry {registry}" in answer.error
                assert "it has none" in answer.error, "others are not named"
            shop = under_test.registries.follow(
                "shop", "fraud", Reference("nothing", "fraud", "champion")
            )
            assert shop is not None and shop.refused and "models, lab" in shop.error
            under_test.now += 500
            again = under_test.registries.follow(
                "shop", "fraud", Reference("nothing", "fraud", "champion")
            )
            assert again == shop, "since when is not another at each pass"
            await under_test.idle()
            assert mlflow.asked == []


async def test_a_namespace_that_is_refused_from_now_on_follows_no_more() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        await under_test.answer(CHAMPION)
        under_test.follow(Reference("nothing", "fraud", "champion"))
        assert under_test.registries.ages() == {}


async def test_a_registry_that_fails_is_asked_less_and_less_often() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        mlflow.behave = answering(503)
        await under_test.answer(CHAMPION)
        waits = []
        for _ in range(6):
            before, waited = len(mlflow.asked), 0.0
            while len(mlflow.asked) == before:
                waited += 25
                under_test.now += 25
                under_test.registries.wake()
                await under_test.idle()
            waits.append(waited)
        below = [min(each, 270) for each in waits]  # those at the bound differ by chance
        assert waits[0] <= 75 and below == sorted(below)
        assert 270 <= waits[-1] <= 350


@pytest.mark.parametrize(("asked", "least", "most"), [("600", 600, 620), ("86400", 900, 920)])
async def test_retry_after_is_honoured_within_bounds(asked: str, least: int, most: int) -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        mlflow.behave = answering(429, Retry_After=asked)
        await under_test.answer(CHAMPION)
        under_test.now += least - 5
        under_test.registries.wake()
        await under_test.idle()
        assert len(mlflow.asked) == 1
        under_test.now += most - least + 10
        under_test.registries.wake()
        await until(lambda: len(mlflow.asked) == 2)


async def test_an_alias_that_is_missing_is_asked_for_as_often_as_one_that_is_there() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        missing = Reference("models", "fraud", "missing")
        await under_test.answer(missing)
        for _ in range(5):
            await under_test.later(missing, 70)
        mlflow.point("fraud", "missing", "8")
        assert (await under_test.later(missing, 70)).version is not None


async def test_a_clock_that_is_set_back_delays_nothing() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        await under_test.answer(CHAMPION)
        assert (await under_test.later(CHAMPION, -100_000)).version is not None


async def test_a_few_requests_are_made_at_a_time() -> None:
    running = highest = 0
    mlflow = FakeMLflow()

    async def behave(_: web.Request) -> web.Response | None:
        nonlocal running, highest
        running += 1
        highest = max(highest, running)
        await asyncio.sleep(0.01)
        running -= 1
        return None

    mlflow.behave = behave
    for number in range(40):
        mlflow.put(f"m{number}", "1")
        mlflow.point(f"m{number}", "champion", "1")
    async with mlflow, following(mlflow.configured("MLflow")) as under_test:
        for number in range(40):
            under_test.follow(Reference("models", f"m{number}", "champion"), f"m{number}")
        await until(lambda: len(under_test.woken) == 40)
        assert highest == poller.AT_ONCE


async def test_a_registry_that_is_down_delays_no_other() -> None:
    down = FakeMLflow().configured("MLflow", name="down")
    async with with_seven() as mlflow, following(down, mlflow.configured("MLflow")) as under_test:
        for number in range(20):
            under_test.follow(Reference("down", f"m{number}", "champion"), f"m{number}")
        assert (await under_test.answer(CHAMPION)).version is not None


async def test_what_our_own_code_raises_is_reported_and_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        seven = (await under_test.answer(CHAMPION)).version
        read = MLflow.read

        async def broken(*_: Any) -> Any:
            raise KeyError("secret")

        monkeypatch.setattr(MLflow, "read", broken)
        answer = await under_test.later(CHAMPION, 70)
        assert answer.version is seven and "internal error of Serinus (KeyError" in answer.error
        assert "secret" not in answer.error
        assert [each.part.value for each in under_test.faults] == ["registries"]
        monkeypatch.setattr(MLflow, "read", read)
        assert (await under_test.later(CHAMPION, 70)).error == ""


async def test_another_leader_asks_and_this_one_begins_anew_when_it_leads_again() -> None:
    async with with_seven() as mlflow:
        found = Following(mlflow.configured("MLflow"))
        for _ in range(2):
            task = asyncio.create_task(found.registries.run())
            await found.answer(CHAMPION)
            task.cancel()
            await asyncio.wait([task])
            asked = len(mlflow.asked)
            found.now += 5000
            found.registries.wake()
            await asyncio.sleep(0)
            assert len(mlflow.asked) == asked
            found.registries.forget_everything()
            assert found.follow(CHAMPION) is None


async def test_what_was_asked_when_the_lead_ended_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with with_seven() as mlflow:
        found = Following(mlflow.configured("MLflow"))
        held = asyncio.Event()

        async def behave(_: web.Request) -> None:
            await held.wait()

        mlflow.behave = behave
        found.follow(CHAMPION)
        task = asyncio.create_task(found.registries.run())
        await until(lambda: len(mlflow.asked) == 1)
        task.cancel()
        await asyncio.wait([task])
        held.set()
        task = asyncio.create_task(found.registries.run())
        await found.answer(CHAMPION)
        task.cancel()
        await asyncio.wait([task])


async def test_outcomes_and_ages_are_counted() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        assert set(under_test.registries.outcomes().values()) == {0}
        await under_test.answer(CHAMPION)
        mlflow.behave = answering(500)
        await under_test.later(CHAMPION, 70)
        mlflow.behave = answering(404)
        await under_test.later(CHAMPION, 70)
        assert under_test.registries.outcomes() == {
            ("models", "answered"): 1,
            ("models", "unusable"): 1,
            ("models", "failed"): 1,
        }
        assert under_test.registries.ages() == {("models",): 140.0}


def problems(**changed: object) -> str:
    given = {"name": "models", "kind": "MLflow", "url": "https://mlflow", "namespaces": ["shop"]}
    found = of_type(Registry, {**given, **changed}, "registry", secret=True)
    return " ".join(map(str, found))


def test_a_registry_is_configured_in_full() -> None:
    assert problems() == ""
    assert problems(url="https://mlflow.example.com:5000/prefix/") == ""
    assert problems(kind="OCI", tokenUrl="https://auth.example.com/token") == ""
    assert "allowHttp" in problems(url="http://mlflow")
    assert "allowHttp" in problems(kind="OCI", tokenUrl="http://auth/token")
    assert "without a path" in problems(kind="OCI", url="https://registry/v2")
    assert "tokenUrl" in problems(tokenUrl="https://auth/token")
    assert "namespaces" in problems(namespaces=[])
    assert "interval" in problems(interval="10ms")
    for url in ("mlflow", "ftp://mlflow", "https://user:S3CR3T@mlflow", "https://mlflow?a=b"):
        assert "url" in (told := problems(url=url)) and "S3CR3T" not in told


def test_all_namespaces_may_use_a_registry_that_says_so() -> None:
    given = {"name": "models", "kind": "MLflow", "url": "https://mlflow", "namespaces": ["*"]}
    assert Registry.model_validate(given).allows("shop")


async def test_a_certificate_is_checked_against_the_authority_that_is_named(
    tmp_path: Path,
) -> None:
    certificate, key = tmp_path / "ca.crt", tmp_path / "key"
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-days", "2", "-subj", "/CN=registry", "-addext"),
        *("subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    mlflow = with_seven()
    mlflow.tls = context
    folder = tmp_path / "folder"
    folder.mkdir()
    async with mlflow, following(mlflow.configured("MLflow", folder)) as under_test:
        answer = await under_test.answer(CHAMPION)
        assert answer.version is None and "certificate is not trusted" in answer.error
        (folder / "ca.crt").touch()
        answer = await under_test.later(CHAMPION, 400)
        assert "ca.crt is empty" in answer.error, "the system's are not trusted instead"
        (folder / "ca.crt").write_text("S3CR3T")
        answer = await under_test.later(CHAMPION, 400)
        assert "has no valid certificates" in answer.error and "S3CR3T" not in answer.error
        (folder / "ca.crt").write_bytes(certificate.read_bytes())
        assert (await under_test.later(CHAMPION, 400)).version is not None
