"""MLflow: what a version is read from, and bad days."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from serinus.api.registry import Reference
from tests.support.following import following
from tests.support.registries import Behave, FakeMLflow, answering, hang

CHAMPION = Reference("models", "fraud", "champion")


def with_seven() -> FakeMLflow:
    mlflow = FakeMLflow()
    mlflow.put("fraud", "7")
    mlflow.put("fraud", "8")
    mlflow.point("fraud", "champion", "7")
    return mlflow


async def test_an_alias_leads_to_a_version_with_its_files_its_run_and_its_page() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        assert under_test.follow(CHAMPION) is None
        answer = await under_test.answer(CHAMPION)
        version = answer.version
        assert version is not None and answer.error == "" and answer.failing_since is None
        assert (version.version, version.uri) == ("7", "s3://models/fraud/7")
        assert version.run == "run7" and version.digest.startswith("sha256:")
        assert version.link == f"{mlflow.url}/#/models/fraud/versions/7"
        assert under_test.woken == [("shop", "fraud")]


async def test_an_alias_that_stays_takes_one_request_an_interval_and_wakes_nobody() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        before = await under_test.answer(CHAMPION)
        for _ in range(5):
            after = await under_test.later(CHAMPION, 70)
            assert after.version is before.version and after.at == under_test.now
        assert len(mlflow.asked) == 2 + 5
        assert len(under_test.woken) == 1


async def test_an_alias_that_moves_is_another_version_and_back_is_the_same_again() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        seven = (await under_test.answer(CHAMPION)).version
        mlflow.point("fraud", "champion", "8")
        eight = (await under_test.later(CHAMPION, 70)).version
        mlflow.point("fraud", "champion", "7")
        again = (await under_test.later(CHAMPION, 70)).version
        assert eight is not None and eight.version == "8"
        assert again == seven != eight
        assert len(under_test.woken) == 3


async def test_what_changes_about_a_version_later_makes_it_no_other() -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        seven = (await under_test.answer(CHAMPION)).version
        mlflow.versions["fraud", "7"]["last_updated_timestamp"] += 5
        mlflow.versions["fraud", "7"]["tags"] = [{"key": "a", "value": "b"}]
        assert (await under_test.later(CHAMPION, 70)).version == seven
        mlflow.versions["fraud", "7"]["creation_timestamp"] += 5
        other = (await under_test.later(CHAMPION, 70)).version
        assert seven and other and other.digest != seven.digest, "it was deleted and made anew"


@pytest.mark.parametrize(
    ("location", "uri"),
    [
        ("gs://bucket/fraud", "gs://bucket/fraud"),
        ("https://files.example.com/fraud.tar", "https://files.example.com/fraud.tar"),
        ("pvc://claim/fraud", "pvc://claim/fraud"),
        ("hf://org/fraud@main", None),
        ("hf://org/fraud", "hf://org/fraud"),
        ("mlflow-artifacts:/1/abc/artifacts/model", "models:/fraud/7"),
        ("/tmp/mlruns/1/abc", "models:/fraud/7"),
        ("file:///tmp/mlruns", "models:/fraud/7"),
        ("runs:/abc/model", "models:/fraud/7"),
        ("https://user:secret@files.example.com/fraud", None),
        ("pvc://Claim/../x", None),
        ("https://files.example.com/$(AWS_SECRET_ACCESS_KEY)", None),
        ("oci://registry/model tag", None),
        ("s3://" + "a" * 1100, None),
    ],
)
async def test_the_files_are_where_pods_can_get_them(location: str, uri: str | None) -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        mlflow.put("fraud", "7", location)
        answer = await under_test.answer(CHAMPION)
        if uri is None and location != "hf://org/fraud@main":
            assert answer.version is None and "version 7" in answer.error
            assert "secret" not in answer.error
        else:
            assert answer.version and answer.version.uri == (uri or location)


def alias(change: Callable[[dict[str, Any]], Any]) -> Behave:
    """The usual answer about an alias, changed."""

    async def behave(request: web.Request) -> web.Response | None:
        if not request.path.endswith("alias"):
            return None
        found = {"model_version": with_seven().versions["fraud", "8"]}
        return web.Response(text=json.dumps(change(found)), content_type="application/json")

    return behave


def put(**fields: Any) -> Behave:
    return alias(lambda found: {"model_version": {**found["model_version"], **fields}})


async def moved_and_vanished(request: web.Request) -> web.Response | None:
    if request.path.endswith("get-download-uri"):
        text = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "x"})
        return web.Response(status=404, text=text)
    return await put()(request)  # type: ignore[return-value]


BAD_DAYS = {
    "not JSON": (answering(200, "<html>Log in</html>"), "not a JSON object"),
    "JSON of another form": (answering(200, "[1]"), "not a JSON object"),
    "empty": (answering(200, ""), "not a JSON object"),
    "deeply nested": (answering(200, "[" * 100_000), "not a JSON object"),
    "without a version": (alias(lambda _: {}), "no model_version"),
    "a version that is a list": (alias(lambda _: {"model_version": [1]}), "no model_version"),
    "a number for a name": (put(name=7), "no valid name"),
    "another model": (put(name="loan"), "another model"),
    "a version with a slash": (put(version="../8"), "no valid version"),
    "a version that is null": (put(version=None), "no valid version"),
    "a version of 64 characters": (put(version="8" * 64), "no valid version"),
    "no time": (put(creation_timestamp=None), "no valid creation_timestamp"),
    "a source that is a list": (put(source=["s3://x"]), "no valid source"),
    "a run with a line break": (put(run_id="a\nb"), "no valid run_id"),
    "pending": (put(status="PENDING_REGISTRATION"), "its status is PENDING_REGISTRATION"),
    "failed": (put(status="FAILED_REGISTRATION"), "its status is FAILED_REGISTRATION"),
    "no status": (put(status=None), "its status is unknown"),
    "a status that is markup": (put(status="<b>"), "its status is unknown"),
    "too large": (answering(200, "x" * (1 << 20) + "x"), "larger than 1048576 bytes"),
    "vanished": (moved_and_vanished, "version 8 has vanished"),
    "no such alias": (
        answering(400, '{"error_code": "INVALID_PARAMETER_VALUE"}'),
        "no such model or alias",
    ),
    "no such model": (
        answering(404, '{"error_code": "RESOURCE_DOES_NOT_EXIST"}'),
        "no such model or alias",
    ),
    "another server": (answering(404, "Not Found"), "HTTP 404: check its url"),
    "a redirect": (answering(302, Location="http://127.0.0.1:1/"), "not followed"),
    "wrong credentials": (answering(401), "HTTP 401: its credentials"),
    "not allowed": (answering(403), "HTTP 403: its credentials"),
    "overloaded": (answering(429), "HTTP 429"),
    "broken": (answering(500), "HTTP 500"),
}


@pytest.mark.parametrize(("behave", "told"), BAD_DAYS.values(), ids=BAD_DAYS)
async def test_a_bad_day_keeps_the_version_and_says_what_to_do(behave: Behave, told: str) -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        seven = (await under_test.answer(CHAMPION)).version
        mlflow.behave = behave
        bad = await under_test.later(CHAMPION, 70)
        began = under_test.now
        assert bad.version is seven and bad.failing_since == began and not bad.refused
        assert told in bad.error
        assert bad.error.startswith("Registry models, model fraud, alias champion: ")
        again = await under_test.later(CHAMPION, 400)
        assert again.failing_since == began and again.at == began + 400
        assert len(under_test.woken) == 2, "it is said once"
        mlflow.behave = with_seven().behave
        good = await under_test.later(CHAMPION, 400)
        assert good.version == seven and good.failing_since is None and good.error == ""
        assert len(under_test.woken) == 3
        assert not under_test.faults


async def test_a_registry_that_is_down_at_first_has_no_version(tmp_path: Path) -> None:
    mlflow = with_seven()
    async with following(mlflow.configured("MLflow")) as under_test:
        answer = await under_test.answer(CHAMPION)
        assert answer.version is None and "cannot be reached" in answer.error
        async with mlflow:
            assert (await under_test.later(CHAMPION, 70)).version is not None


async def test_a_registry_that_hangs_does_not_answer_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.registries.connection.TIMEOUT", 0.2)
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        mlflow.behave = hang
        assert "did not answer within" in (await under_test.answer(CHAMPION)).error


@pytest.mark.parametrize(
    ("model", "alias_"),
    [
        ("../../admin", "champion"),
        ("fraud?x=1", "champion"),
        ("fraud#", "champion"),
        ("fraud%2f..", "champion"),
        ("fraud/1", "champion"),
        ("fraud\n", "champion"),
        ("", "champion"),
        ("f" * 256, "champion"),
        ("fraud", "a&name=loan"),
        ("fraud", "champion/.."),
        ("fraud", ""),
    ],
)
async def test_no_name_becomes_a_part_of_an_address(model: str, alias_: str) -> None:
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        answer = await under_test.answer(Reference("models", model, alias_))
        assert "correct spec.model.registry" in answer.error
        await under_test.idle()
        assert mlflow.asked == []


async def test_a_name_with_a_space_is_quoted() -> None:
    reference = Reference("models", "fraud v2", "champion")
    async with with_seven() as mlflow, following(mlflow.configured("MLflow")) as under_test:
        mlflow.put("fraud v2", "1", "runs:/x")
        mlflow.point("fraud v2", "champion", "1")
        found = (await under_test.answer(reference)).version
        assert found and found.link.endswith("/#/models/fraud%20v2/versions/1")
        assert all(" " not in each.removeprefix("GET ") for each in mlflow.asked)
