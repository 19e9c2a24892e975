"""Lists are read in pages, and begun anew where they cannot be continued."""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from serinus.cluster import ApiError, Cluster, Store, client
from serinus.controller.informer import LOOK_AT_ALL, Informer
from serinus.controller.queue import Key, Wake
from serinus.manifests.kinds import KINDS, Kind
from tests.campaign.memory.api import MemoryApi
from tests.campaign.wire import Reply, Request, Wire

NAMES = [f"fraud-{number}" for number in range(5)]


class Api:
    """An API server with five Services of ours, and what it was asked."""

    def __init__(self) -> None:
        self.memory = MemoryApi(itertools.count(1_800_000_000).__next__)
        self.asked: list[Request] = []
        self.before: Callable[[Request], object] = lambda request: None
        self.store = Store()
        for name in NAMES:
            self.create(name)

    def create(self, name: str) -> None:
        labels = {"app.kubernetes.io/managed-by": "serinus", "serinus.dev/name": "fraud"}
        metadata = {"name": name, "namespace": "ns", "uid": name, "labels": labels}
        kind = KINDS["Service"]
        self.memory.put(
            {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": {}}
        )

    async def answer(self, request: Request) -> Reply:
        self.before(request)
        self.asked.append(request)
        return self.memory.answer(request)

    def relist(self) -> bool:
        informer = Informer(Cluster(Wire(self.answer)), self.store, print)  # type: ignore[arg-type]
        return asyncio.run(informer._relist("Service"))

    @property
    def names(self) -> list[str]:
        return sorted(name for _, name in self.store.names("Service"))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(client, "PAGE", 2)
    return Api()


def test_a_list_is_read_page_by_page_with_the_same_selector(api: Api) -> None:
    assert api.relist()
    assert api.names == NAMES
    assert [request.query["limit"] for request in api.asked] == ["2", "2", "2"]
    assert ["continue" in request.query for request in api.asked] == [False, True, True]
    assert len({request.query["labelSelector"] for request in api.asked}) == 1


def test_a_list_whose_moment_is_forgotten_begins_anew(api: Api) -> None:
    api.create("vanishes-before-the-second-list")

    def compacted(request: Request) -> None:
        if len(api.asked) == 2:
            gone = api.memory.find("Service", "ns", "vanishes-before-the-second-list")
            assert gone
            api.memory.drop(gone)
            api.create("new")
            api.memory.compact()

    api.before = compacted
    assert api.relist()
    assert api.names == [*NAMES, "new"]
    assert ["continue" in request.query for request in api.asked] == [
        *(False, True, True),
        *(False, True, True),
    ]


def test_a_list_that_can_never_be_continued_fails_and_changes_nothing(api: Api) -> None:
    api.relist()
    api.asked.clear()
    api.create("new")
    api.before = lambda request: api.memory.compact()
    with pytest.raises(ApiError) as raised:
        api.relist()
    assert raised.value.expired
    assert len(api.asked) == 4, "twice a page, and that it cannot be continued"
    assert api.names == NAMES


def test_a_pass_is_made_for_what_others_change_and_not_for_what_we_do() -> None:
    passes: list[tuple[Key, Wake]] = []
    store = Store()
    informer = Informer(
        Cluster(Wire(Api().answer)),  # type: ignore[arg-type]
        store,
        lambda key, wake: passes.append((key, wake)),
    )
    fraud = Key("ns", "fraud")

    def live(kind: str, name: str, version: int, **parts: Any) -> dict[str, Any]:
        labels = {"serinus.dev/name": "fraud"}
        metadata = {"namespace": "ns", "name": name, "uid": f"{kind}-{name}", "labels": labels}
        return {"kind": kind, "metadata": {**metadata, "resourceVersion": str(version)}, **parts}

    before = live("ModelDeployment", "fraud", 1, spec={"replicas": 2}, status={})
    informer._seen(None, before)
    informer._seen(None, live("Service", "fraud", 2))
    assert passes == [(fraud, Wake.OBJECT), (fraud, Wake.CHILD)]
    passes.clear()
    written = {"phase": "Healthy"}
    with store.expecting({**before, "status": written}):
        informer._seen("MODIFIED", {**before, "status": written, **_at(before, 3)})
    store.remove(live("Service", "fraud", 2))
    informer._seen("DELETED", live("Service", "fraud", 4))
    assert passes == []
    informer._seen("MODIFIED", live("ModelDeployment", "fraud", 5, spec={"replicas": 3}))
    assert passes == [(fraud, Wake.OBJECT)]


def _at(live: dict[str, Any], version: int) -> dict[str, Any]:
    return {"metadata": {**live["metadata"], "resourceVersion": str(version)}}


class _Watches:
    """Watches that never start."""

    forbidden: frozenset[str] = frozenset()

    def watch(self, kinds: frozenset[str]) -> None:
        pass


def test_what_has_an_unseen_spec_comes_first_after_a_start() -> None:
    api, passes = Api(), dict[str, Wake]()
    for name, generation, observed in (("seen", 2, 2), ("changed", 3, 2), ("new", 1, None)):
        metadata = {"name": name, "namespace": "ns", "uid": name, "generation": generation}
        status = {} if observed is None else {"status": {"observedGeneration": observed}}
        kind = KINDS["ModelDeployment"]
        api.memory.put(
            {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **status}
        )
    informer = Informer(
        Cluster(Wire(api.answer)),  # type: ignore[arg-type]
        api.store,
        lambda key, wake: passes.update({key.name: wake}),
    )
    asyncio.run(informer._resync(_Watches()))  # type: ignore[arg-type]
    assert passes == {"changed": Wake.OBJECT, "new": Wake.OBJECT, "seen": Wake.LIST}


def test_what_is_found_to_be_gone_between_two_lists_of_everything_is_forgotten_by_a_pass() -> None:
    api, passes = Api(), list[str]()
    kind = KINDS["ModelDeployment"]
    metadata = {"name": "loan", "namespace": "ns", "uid": "loan"}
    api.memory.put({"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata})
    informer = Informer(
        Cluster(Wire(api.answer)),  # type: ignore[arg-type]
        api.store,
        lambda key, _: passes.append(key.name),
    )
    asyncio.run(informer._resync(_Watches()))  # type: ignore[arg-type]
    gone = api.memory.find("ModelDeployment", "ns", "loan")
    assert gone
    api.memory.drop(gone)
    passes.clear()
    # as when it could not be listed for a while
    asyncio.run(informer._relist("ModelDeployment"))
    assert api.store.names("ModelDeployment") == []
    asyncio.run(informer._resync(_Watches()))  # type: ignore[arg-type]
    assert passes == ["loan"]


class Lists:
    """An informer that knows two ModelDeployments, and over which each list causes a pass."""

    def __init__(self) -> None:
        self.api, self._passes = Api(), list[str]()
        kind = KINDS["ModelDeployment"]
        for name in ("fraud", "loan"):
            self.create(kind, name)
        self.informer = Informer(
            Cluster(Wire(self.api.answer)),  # type: ignore[arg-type]
            self.api.store,
            lambda key, _: self._passes.append(key.name),
        )

    def create(self, kind: Kind, name: str) -> None:
        metadata = {"name": name, "namespace": "ns", "uid": name}
        self.api.memory.put(
            {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": {}}
        )

    def __call__(self) -> list[str]:
        self._passes.clear()
        asyncio.run(self.informer._resync(_Watches()))  # type: ignore[arg-type]
        return sorted(self._passes)


def test_a_list_causes_passes_over_what_it_shows_and_every_tenth_over_everything() -> None:
    listed = Lists()
    assert listed() == ["fraud", "loan"]
    assert listed() == []
    gone = listed.api.memory.find("Service", "ns", NAMES[0])
    assert gone
    listed.api.memory.drop(gone)
    assert listed() == ["fraud"]
    listed.api.create("lost-and-found")
    assert listed() == ["fraud"]
    rest = [listed() for _ in range(LOOK_AT_ALL - 3)]
    assert rest == [[]] * (LOOK_AT_ALL - 4) + [["fraud", "loan"]]


def test_a_list_that_shows_another_gateway_or_kind_causes_passes_over_everything() -> None:
    listed = Lists()
    assert listed() == ["fraud", "loan"]
    listed.create(KINDS["Gateway"], "public")
    assert listed() == ["fraud", "loan"]
    assert listed() == []

    async def without_routes(request: Request) -> Reply:
        if "httproutes" in request.path:
            body = {"reason": "NotFound", "message": "the server could not find the resource"}
            return Reply(404, json.dumps(body).encode())
        return await listed.api.answer(request)

    listed.informer._cluster = Cluster(Wire(without_routes))  # type: ignore[arg-type]
    assert listed() == ["fraud", "loan"]
    assert listed() == []
