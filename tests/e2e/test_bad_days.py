"""Candidates that never come up: rolled back at the deadline, in the pod's own words."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import SERVING, Model
from tests.stage.stage import Stage


@dataclass(frozen=True)
class BadDay:
    """What is wrong with a candidate, and what its pods say about it."""

    changes: Mapping[str, Any]
    words: str


BAD_DAYS = {
    "no-image": BadDay({"image": "localhost/no-such-image:1"}, r"ErrImage|ImagePull"),
    "crash": BadDay(
        {"command": ["python", "-c", "raise SystemExit(3)"]}, r"CrashLoop|code 3|Error"
    ),
    "no-room": BadDay({"resources": {"requests": {"cpu": "1000"}}}, r"Insufficient cpu"),
}


@dataclass(frozen=True)
class Day:
    """A ModelDeployment whose candidate was applied, and the clients of its stable version."""

    deployed: Deployed
    load: Load
    restarts: Mapping[str, int]


@pytest.fixture(scope="module")
def days(product: Stage, namespace: str) -> Iterator[Mapping[str, Day]]:
    """All bad days at once, since each takes until its deadline."""
    models = {name: _model(product, namespace, name) for name in BAD_DAYS}
    for model in models.values():
        product.api.apply(model.manifest())
    found = {name: Deployed(product.api, namespace, name) for name in BAD_DAYS}
    for deployed in found.values():
        deployed.until_healthy("v1")
    with ExitStack() as stack:
        loads = {name: stack.enter_context(_load(product, models[name])) for name in BAD_DAYS}
        for load in loads.values():
            load.begin()
        restarts = {name: _stable_restarts(deployed) for name, deployed in found.items()}
        for name, bad in BAD_DAYS.items():
            container = {**SERVING, **bad.changes}
            broken = replace(models[name], version="v2", container=container)
            product.api.apply(broken.manifest())
        yield {name: Day(found[name], loads[name], restarts[name]) for name in BAD_DAYS}


def _model(product: Stage, namespace: str, name: str) -> Model:
    return Model(
        namespace,
        name,
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        rollout={"progressDeadline": "40s", "scaleDownDelay": "1s", "maxRestarts": 20},
    )


def _load(product: Stage, model: Model) -> Load:
    target = Target(product.gateway_url, model.host, rate=5)
    return Load(product.api, product.model_image, model.namespace, target)


@pytest.mark.parametrize("name", BAD_DAYS)
def test_a_candidate_that_does_not_come_up_is_rolled_back_in_its_pods_own_words(
    days: Mapping[str, Day], name: str
) -> None:
    rejected = days[name].deployed.until_rejected()["rejected"]
    assert rejected["reason"] == "ProgressDeadlineExceeded"
    assert re.search(BAD_DAYS[name].words, rejected["message"]), rejected["message"]


@pytest.mark.parametrize("name", BAD_DAYS)
def test_its_stable_version_is_not_touched_and_clients_see_nothing(
    days: Mapping[str, Day], name: str
) -> None:
    day = days[name]
    status = day.deployed.until("only stable's pods are left", lambda s: not s.get("retiring"))
    assert status["stable"]["version"] == "v1"
    clients = day.load.stop()
    assert set(clients.versions) == {"v1"}
    assert not day.load.unexplained_at
    assert not +clients.model_failures
    assert _stable_restarts(day.deployed) == day.restarts


def _stable_restarts(deployed: Deployed) -> Mapping[str, int]:
    return deployed.restarts(deployed.status()["stable"]["revision"])
