"""The example's training Job: what it learns, what it registers, and when it moves the alias."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from aiohttp.test_utils import TestServer

import loans
import regions
import retrain
import scorecard
import server
import train
from bank import LARGE, Bank
from loadgen import Options
from loans import Application
from registry import Registry, RegistryError
from tests.support.fake_mlflow import EXCHANGED, FakeMLflow, exchanged, fake_mlflow

BOSTON = loans.from_package()
WEST = regions.applications_in("west", BOSTON)
PENDING = [replace(each, approved=each.approved and each.values[0] <= LARGE) for each in WEST]


@pytest.fixture
def mlflow() -> Iterator[FakeMLflow]:
    with fake_mlflow() as kept:
        yield kept


def settings(mlflow: FakeMLflow, serving: str | None = None) -> retrain.Settings:
    return retrain.Settings(0, "featureDrift", serving, mlflow.url, "", "loan", "champion")


def trained_on(
    applications: list[Application],
    chosen: retrain.Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[int, dict[str, object]]:
    monkeypatch.setattr(retrain, "recorded_since", lambda url, moment: applications)
    monkeypatch.setattr(retrain, "WAIT", 0)
    return retrain.run(chosen)


def test_the_registry_of_these_tests_answers_as_a_real_one(mlflow: FakeMLflow) -> None:
    assert exchanged(mlflow.url) == EXCHANGED


def test_the_first_version_is_registered_and_gets_the_alias(
    mlflow: FakeMLflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = trained_on(BOSTON, settings(mlflow), monkeypatch)
    assert code == retrain.MOVED
    assert mlflow.aliases == {("loan", "champion"): "1"}
    assert told["version"] == "1" and "serving" not in told
    [run] = mlflow.runs.values()
    assert run["status"] == "FINISHED"
    assert run["metrics"]["accuracy"] == told["accuracy"]


def test_a_model_for_where_applications_come_from_now_replaces_one_for_where_they_came_from(
    mlflow: FakeMLflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on(BOSTON, settings(mlflow), monkeypatch)
    code, told = trained_on(WEST, settings(mlflow, "models:/loan/1"), monkeypatch)
    assert code == retrain.MOVED
    assert mlflow.aliases == {("loan", "champion"): "2"}
    assert told["serving"]["version"] == "1"  # type: ignore[index]
    assert told["accuracy"] > told["serving"]["accuracy"] + 0.1  # type: ignore[index]


def test_a_worse_model_is_registered_and_the_alias_stays(
    mlflow: FakeMLflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on(WEST, settings(mlflow), monkeypatch)
    decisions = [each.approved for each in WEST]
    slipped = [
        replace(each, approved=decision)
        for each, decision in zip(WEST, np.roll(decisions, 1).tolist(), strict=True)
    ]
    fitted, _ = retrain.split(slipped)
    monkeypatch.setattr(retrain, "split", lambda _: (fitted, train.Sample.of(WEST)))
    code, _ = trained_on(slipped, settings(mlflow, "models:/loan/1"), monkeypatch)
    assert code == retrain.WORSE
    assert len(mlflow.models["loan"]) == 2
    assert mlflow.aliases == {("loan", "champion"): "1"}


def test_the_jobs_own_check_does_not_see_what_is_wrong_with_all_records(
    mlflow: FakeMLflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on(WEST, settings(mlflow), monkeypatch)
    code, _ = trained_on(PENDING, settings(mlflow, "models:/loan/1"), monkeypatch)
    assert code == retrain.MOVED, "its held-out decisions have the same fault"
    before, after = (model(mlflow, version) for version in ("1", "2"))
    decided = train.Sample.of(WEST)
    was, now = (train.evaluate(each, decided)["accuracy"] for each in (before, after))
    assert now < was - 0.2, "which the judge can see, from what really became of applicants"


def test_too_few_applications_register_nothing(
    mlflow: FakeMLflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = trained_on(BOSTON[:100] * 10, settings(mlflow), monkeypatch)
    assert code == retrain.TOO_FEW
    assert told == {"applications": 100, "needed": retrain.AT_LEAST}
    assert not mlflow.models


def test_what_serinus_says_is_read() -> None:
    told = {
        "revision": "5d8c7f9b",
        "version": "1",
        "since": "2026-11-30T01:00:00Z",
        "alarms": [{"quantity": "featureDrift", "since": "2026-11-30T01:00:00Z", "message": "…"}],
    }
    needed = {"MLFLOW_TRACKING_URI": "http://mlflow", "DATA_URL": "http://bank"}
    chosen = retrain.Settings.of({**needed, "RETRAINING": json.dumps(told)})
    assert (chosen.since, chosen.cause) == (1796000400.0, "featureDrift")
    assert retrain.Settings.of(needed).since == 0


def test_an_application_is_held_out_from_every_version_or_from_none() -> None:
    rows = [
        {repr(row.tolist()) for row in sample.rows}
        for applications in (WEST, WEST[::-1])
        for sample in retrain.split(applications)
    ]
    assert rows[0] == rows[2] and rows[1] == rows[3]
    assert 0.25 < len(rows[1]) / (len(rows[0]) + len(rows[1])) < 0.35


def test_the_server_reads_its_model_from_the_registry(
    mlflow: FakeMLflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on(BOSTON, settings(mlflow), monkeypatch)
    environment = {"MODEL_URI": "models:/loan/1", "MLFLOW_TRACKING_URI": mlflow.url}
    loaded = server.load(server.Settings.of(environment))
    rows = train.Sample.of(BOSTON).rows
    assert loaded.scores(rows).tolist() == model(mlflow, "1").scores(rows).tolist()


def test_the_server_takes_what_an_init_container_has_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorecard.save(train.train("v2", train.Sample.of(BOSTON)), tmp_path)
    monkeypatch.setattr(server, "MOUNTED", tmp_path)
    environment = {"MODEL_URI": "models:/loan/1", "MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}
    assert server.load(server.Settings.of(environment)).version == "v2"


def test_a_version_that_is_not_there_says_what_the_registry_said(mlflow: FakeMLflow) -> None:
    with pytest.raises(RegistryError, match=r"404 RESOURCE_DOES_NOT_EXIST: Model Version .*loan"):
        Registry(mlflow.url).find("models:/loan/1")


@pytest.mark.parametrize("uri", ["models:/loan", "models:/loan@champion", "s3://loan/1"])
def test_only_the_uri_of_a_version_names_one(uri: str) -> None:
    with pytest.raises(ValueError, match="must be models:/NAME/VERSION"):
        Registry("http://127.0.0.1:1").find(uri)


def model(mlflow: FakeMLflow, version: str) -> scorecard.Scorecard:
    found = Registry(mlflow.url).find(f"models:/loan/{version}")
    return scorecard.loads(Registry(mlflow.url).read(found, scorecard.ARTEFACT))


# --- The bank, which records what the Job learns from


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "applications.csv"
    loans.write(path, BOSTON)
    return path


def test_half_of_the_applicants_are_elsewhere_and_always_the_same() -> None:
    moved = [there != here for there, here in zip(WEST, BOSTON, strict=True)]
    assert 0.49 < sum(moved) / len(moved) < 0.51
    assert [each.approved for each in WEST] == [each.approved for each in BOSTON]
    assert repr(regions.applications_in("boston", BOSTON)) == repr(BOSTON)


def test_the_bank_records_what_it_sends_from_where_it_does_business(rows: Path) -> None:
    bank = Bank(Options(url="", rows=rows))
    at_home = list(islice(bank, len(BOSTON)))
    bank.move("west")
    elsewhere = list(islice(bank, len(BOSTON)))
    assert sorted(map(repr, at_home)) == sorted(map(repr, BOSTON))
    assert sorted(map(repr, elsewhere)) == sorted(map(repr, WEST))
    assert repr(bank.since(0)) == repr([*at_home, *elsewhere])


def test_a_slip_in_the_records_changes_no_decision(rows: Path) -> None:
    bank = Bank(Options(url="", rows=rows))
    bank.move("west")
    bank.records = "pending"
    sent = list(islice(bank, len(BOSTON)))
    assert sorted(map(repr, sent)) == sorted(map(repr, WEST))
    assert sorted(map(repr, bank.since(0))) == sorted(map(repr, PENDING))


async def test_the_bank_hands_out_its_records_and_moves(rows: Path) -> None:
    bank = Bank(Options(url="", rows=rows))
    async with TestServer(bank.app()) as served:
        list(islice(bank, 10))
        url = str(served.make_url("/applications.csv"))
        handed = await asyncio.to_thread(retrain.recorded_since, url, 0)
        later = await asyncio.to_thread(retrain.recorded_since, url, time.time() + 1)
        assert repr(handed) == repr(bank.since(0))
        assert later == []
