"""What is written to a registry, when, and that nothing is without both sides' consent."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from serinus.api.registry import Reference, Registry
from serinus.api.status import Notice, VersionWrite
from serinus.api.validation import of_type
from serinus.notifications.forms import Subject
from serinus.notifications.sender import Outgoing
from serinus.registries.connection import MOST_BYTES
from tests.support.following import Following, until
from tests.support.registries import Behave, FakeMLflow, answering

SUBJECT = Subject("shop", "fraud")


def with_seven() -> FakeMLflow:
    mlflow = FakeMLflow()
    mlflow.put("fraud", "7")
    mlflow.put("fraud", "8")
    mlflow.point("fraud", "champion", "7")
    return mlflow


def notice(alias: str = "", kind: str = "RolledBack", version: str = "8") -> Notice:
    write = VersionWrite(registry="models", model="fraud", version=version, alias=alias)
    given = {
        "id": f"{kind}{version}",
        "kind": kind,
        "at": 1795593940.0,
        "reason": "CheckFailed",
        "message": "Check errors: 12/225.",
        "to": ["registry:models"],
    }
    return Notice.model_validate({**given, "write": write})


@asynccontextmanager
async def writing(mlflow: FakeMLflow, **more: object) -> AsyncIterator[tuple[Outgoing, Following]]:
    """The writer of one registry; another has the same address, and is only read."""
    given = {"writeBack": True, "rollbackAliases": ["rejected"], **more}
    followers = Following(
        mlflow.configured("MLflow", **given),  # type: ignore[arg-type]
        mlflow.configured("MLflow", name="read-only", url=f"{mlflow.url}/"),
    )
    [writer] = followers.registries.writers(lambda *_: None)
    task = asyncio.create_task(writer.run())
    yield writer, followers
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


async def test_the_outcome_is_the_last_of_five_tags_and_the_alias_follows() -> None:
    async with with_seven() as mlflow, writing(mlflow) as (writer, _):
        writer.offer("uid", SUBJECT, [notice("rejected")])
        await until(lambda: writer.outcomes["delivered"] == 1)
        assert list(mlflow.tags["fraud", "8"].items()) == [
            ("serinus.object", "shop/fraud"),
            ("serinus.time", "2026-11-25T08:05:40.000Z"),
            ("serinus.reason", "CheckFailed"),
            ("serinus.message", "Check errors: 12/225."),
            ("serinus.outcome", "rolledBack"),
        ]
        assert mlflow.aliases["fraud", "rejected"] == "8"
        assert mlflow.aliases["fraud", "champion"] == "7"
        assert writer.done_of("uid")


async def test_a_promotion_sets_no_alias() -> None:
    async with with_seven() as mlflow, writing(mlflow) as (writer, _):
        writer.offer("uid", SUBJECT, [notice(kind="Promoted")])
        await until(lambda: writer.outcomes["delivered"] == 1)
        assert mlflow.tags["fraud", "8"]["serinus.outcome"] == "promoted"
        assert set(mlflow.aliases) == {("fraud", "champion")}


@pytest.mark.parametrize("alias", ["production", "champion", "a/../b"])
async def test_an_alias_that_is_not_listed_is_not_set(
    alias: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with with_seven() as mlflow, writing(mlflow) as (writer, _):
        writer.offer("uid", SUBJECT, [notice(alias)])
        await until(lambda: writer.outcomes["refused"] == 1)
        assert "not among the registry's rollbackAliases" in caplog.text
        assert mlflow.aliases == {("fraud", "champion"): "7"}


@pytest.mark.parametrize(
    "theirs", [("models", "rejected"), ("models", "Rejected"), ("read-only", "rejected")]
)
async def test_an_alias_that_somebody_follows_is_never_set_though_it_is_listed(
    theirs: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    name, alias = theirs
    async with with_seven() as mlflow, writing(mlflow) as (writer, followers):
        followers.follow(Reference(name, "fraud", alias), "another")
        writer.offer("uid", SUBJECT, [notice("rejected")])
        await until(lambda: writer.outcomes["refused"] == 1)
        assert "is followed, and so never set" in caplog.text
        assert mlflow.aliases == {("fraud", "champion"): "7"}


async def test_a_namespace_that_may_not_use_it_tells_it_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What it follows stays known when it is taken from the list, and goes on being rolled out."""
    async with with_seven() as mlflow, writing(mlflow) as (writer, _):
        writer.offer("uid", Subject("bank", "fraud"), [notice("rejected")])
        await until(lambda: writer.outcomes["refused"] == 1)
        assert "namespace bank may not use it" in caplog.text
        assert not mlflow.asked


@pytest.mark.parametrize(
    "instead",
    [
        answering(503),
        answering(429, Retry_After="1"),
        answering(409, '{"error_code": "RESOURCE_CONFLICT"}'),
        answering(200, "<html>Maintenance</html>"),
        answering(200),
        answering(302, Location="https://login.example.com"),
        answering(404, "default backend - 404"),
        answering(404, '{"detail": "Not Found"}'),
        answering(405),
        answering(200, " " * (MOST_BYTES + 1)),
    ],
    ids=[
        *("down", "throttles", "conflict", "page", "nothing", "login"),
        *("nobody", "lost", "forbidden", "endless"),
    ],
)
async def test_a_registry_that_does_not_write_is_told_later(
    instead: Behave, caplog: pytest.LogCaptureFixture
) -> None:
    async with with_seven() as mlflow, writing(mlflow) as (writer, _):
        mlflow.behave = instead
        writer.offer("uid", SUBJECT, [notice("rejected").replace(at=time.time())])
        await until(lambda: writer.outcomes["retried"] == 1)
        assert not writer.done_of("uid")
        mlflow.behave = with_seven().behave
        await until(lambda: writer.outcomes["delivered"] == 1)
        assert mlflow.aliases["fraud", "rejected"] == "8"


async def test_what_mlflow_refuses_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async with with_seven() as mlflow, writing(mlflow) as (writer, _):
        mlflow.behave = answering(400, '{"error_code": "BAD_REQUEST"}')
        writer.offer("uid", SUBJECT, [notice().replace(at=time.time())])
        await until(lambda: writer.outcomes["refused"] == 1)
        assert "it answers HTTP 400" in caplog.text and writer.done_of("uid")


async def test_credentials_that_may_only_read_are_told(caplog: pytest.LogCaptureFixture) -> None:
    async with with_seven() as mlflow, writing(mlflow) as (writer, _):
        mlflow.behave = answering(403, '{"error_code": "PERMISSION_DENIED"}')
        writer.offer("uid", SUBJECT, [notice().replace(at=time.time())])
        await until(lambda: writer.outcomes["retried"] == 1)
        assert "its credentials must be valid, and allow to write to this model" in caplog.text


async def test_an_alias_that_mlflow_cannot_have_is_told_by_the_field_that_names_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with with_seven() as mlflow, writing(mlflow, rollbackAliases=["not.good"]) as (writer, _):
        writer.offer("uid", SUBJECT, [notice("not.good")])
        await until(lambda: writer.outcomes["refused"] == 1)
        assert "correct spec.model.registry.tellBack.onRollback.setAlias" in caplog.text


async def test_a_version_that_has_vanished_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async with with_seven() as mlflow, writing(mlflow) as (writer, _):
        writer.offer("uid", SUBJECT, [notice(version="9")])
        await until(lambda: writer.outcomes["refused"] == 1)
        assert "version 9 has vanished" in caplog.text and writer.done_of("uid")


async def test_the_token_is_in_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "token").write_text("S3CR3T")
    caplog.set_level(logging.DEBUG)
    async with with_seven() as mlflow, writing(mlflow, folder=str(tmp_path)) as (writer, _):
        writer.offer("uid", SUBJECT, [notice()])
        await until(lambda: writer.outcomes["delivered"] == 1)
        assert set(mlflow.authorizations) == {"Bearer S3CR3T"}
        assert "S3CR3T" not in caplog.text


async def test_a_registry_that_may_not_be_told_has_no_writer_and_is_only_read() -> None:
    async with with_seven() as mlflow:
        under_test = Following(mlflow.configured("MLflow"))
        assert not under_test.registries.writers(lambda *_: None)
        task = asyncio.create_task(under_test.registries.run())
        await under_test.answer(Reference("models", "fraud", "champion"))
        task.cancel()
        await asyncio.wait([task])
        assert {each.split()[0] for each in mlflow.asked} == {"GET"}


def test_what_cannot_be_told_back_is_refused_where_it_is_configured() -> None:
    given = {"name": "models", "url": "https://a", "namespaces": ["shop"]}

    def said(**more: object) -> str:
        return " ".join(map(str, of_type(Registry, {**given, **more}, "registry")))

    assert "nothing to write into" in said(kind="OCI", writeBack=True)
    assert "need writeBack" in said(kind="MLflow", rollbackAliases=["rejected"])
    assert said(kind="MLflow", writeBack=True, rollbackAliases=["rejected"]) == ""
