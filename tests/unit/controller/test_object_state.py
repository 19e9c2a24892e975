"""A status is kept in memory only while it holds evidence that is not written yet."""

import asyncio
import itertools
from math import inf
from typing import Any

import pytest

from serinus.api.stages import Stage
from serinus.api.status import Candidate, Stable, Status, Weight
from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.object_state import ObjectState
from serinus.controller.persisting import persist
from serinus.controller.queue import Key
from serinus.controller.status_writes import SAVE_WITHIN
from tests.campaign.memory.api import MemoryApi
from tests.campaign.wire import Reply, Request, Wire, refusal

Manifest = dict[str, Any]

TEMPLATE = {
    "spec": {"containers": [{"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}]}
}
METADATA = {"namespace": "shop", "name": "fraud", "uid": "4f7c", "generation": 3}


def status(**changes: Any) -> Status:
    weight = Weight(wanted=20, actual=20)
    stable = Stable(revision="old", number=1, since=0.0)
    role = Candidate(
        revision="new",
        number=2,
        stage=Stage.STEPPING,
        weight=weight,
        since=900.0,
        progress_since=900.0,
    )
    return Status(stable=stable, candidate=role.replace(analysis_since=1000.0, **changes))


FOUND = status(counted={"pod@1": 1015.0})
"""With evidence beyond `status()`."""


def live(written: Status, **spec: Any) -> Manifest:
    head = {"apiVersion": "serinus.dev/v1alpha1", "kind": "ModelDeployment", "metadata": METADATA}
    return {**head, "spec": {"template": TEMPLATE, **spec}, "status": written.to_json()}


def test_what_is_written_is_read_and_not_kept() -> None:
    state = ObjectState.begin(live(status()))
    assert state.recall(live(status())) == status()
    assert state.recall(live(FOUND)) == FOUND
    assert state.unsaved is None


def test_evidence_beyond_what_is_written_outlives_a_change_of_the_spec() -> None:
    state = ObjectState.begin(live(status()))
    state.keep(live(status()), FOUND, due=1040.0)
    assert state.recall(live(status(), replicas=3)) == FOUND
    assert state.due == 1040.0


def test_it_ends_when_somebody_else_writes_the_status() -> None:
    state = ObjectState.begin(live(status()))
    state.keep(live(status()), FOUND, due=1040.0)
    restored = status(step=1)
    assert state.recall(live(restored)) == restored
    assert (state.unsaved, state.due) == (None, inf)


def test_what_could_not_be_read_is_told_as_long_as_that_is_what_is_written() -> None:
    newer = live(status())
    newer["status"]["candidate"]["step"] = "the third"
    state = ObjectState.begin(newer)
    read = state.recall(newer)
    [problem] = state.unread
    assert "status.candidate.step" in problem
    state.keep(newer, read, due=1040.0)
    state.recall(newer)
    assert list(state.unread) == [problem]
    state.recall(live(status()))
    assert not state.unread


class Writing:
    """An API server that has the object, and the state of the one who writes it."""

    def __init__(self) -> None:
        self.memory = MemoryApi(itertools.count(1_800_000_000).__next__)
        self.memory.put(live(status()))
        self.state = ObjectState.begin(self.live)
        self.fails = False
        self.writes = 0

    @property
    def live(self) -> Manifest:
        found = self.memory.find("ModelDeployment", "shop", "fraud")
        assert found
        return found

    async def answer(self, request: Request) -> Reply:
        if self.fails:
            return refusal(503, "ServiceUnavailable", "etcd is away")
        self.writes += request.method == "PUT"
        return self.memory.answer(request)

    def persist(self, wanted: Status, now: float) -> float | None:
        cluster = Cluster(Wire(self.answer))  # type: ignore[arg-type]
        _, wait = asyncio.run(
            persist(cluster, Store(), Key("shop", "fraud"), self.live, self.state, wanted, now)
        )
        return wait


def test_evidence_is_kept_until_it_is_written_and_no_longer() -> None:
    writing = Writing()
    assert writing.persist(FOUND, 1000.0) == SAVE_WITHIN
    assert writing.state.recall(writing.live) == FOUND
    assert writing.persist(FOUND, 1010.0) == SAVE_WITHIN - 10
    assert writing.writes == 0
    assert writing.persist(FOUND, 1000.0 + SAVE_WITHIN) is None
    assert (writing.writes, writing.state.unsaved) == (1, None)
    assert writing.state.recall(writing.live) == FOUND


def test_evidence_that_comes_to_nothing_is_not_kept() -> None:
    writing = Writing()
    writing.persist(FOUND, 1000.0)
    assert writing.persist(status(), 1010.0) is None
    assert (writing.writes, writing.state.unsaved) == (0, None)


def test_a_decision_that_could_not_be_written_is_not_kept_but_its_evidence_is() -> None:
    writing = Writing()
    writing.state.keep(writing.live, FOUND, due=inf)
    writing.fails = True
    with pytest.raises(ApiError):
        writing.persist(FOUND.replace(candidate=None), 1000.0)
    assert writing.state.recall(writing.live) == FOUND
    writing.fails = False
    assert writing.persist(FOUND, 1001.0) is None
    assert (writing.writes, writing.state.unsaved) == (1, None)
