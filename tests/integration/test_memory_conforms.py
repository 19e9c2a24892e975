"""The cluster in memory answers as the real one does: each promise is asked of both.

Where memory differs on purpose, nothing here asks: a status has an owner by field there, as under a
definition that is older than ours (tests/campaign/memory/apply.py), and there are no rules in CEL.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from serinus.cluster import ApiError, Cluster, client
from serinus.controller.watching import Watching
from tests.campaign.memory.cluster import MemoryCluster
from tests.stage.gateways import ACCEPTED, public
from tests.support.inprocess import Operator
from tests.support.kubelet import report

Manifest = dict[str, Any]
LABELS = {
    "app.kubernetes.io/managed-by": "serinus",
    "serinus.dev/name": "fraud",
    "serinus.dev/revision": "abc",
}


@dataclass(frozen=True)
class There:
    """A cluster, and what is done in a namespace of it."""

    cluster: Cluster
    namespace: str
    watching: Callable[..., AbstractAsyncContextManager[Any]]

    def model(self, **spec: Any) -> Manifest:
        """A ModelDeployment that no operator looks at."""
        container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
        return {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": "fraud", "namespace": self.namespace},
            "spec": {"template": {"spec": {"containers": [container]}}, **spec},
        }

    def service(self, *ports: int, **metadata: Any) -> Manifest:
        """A Service of a revision."""
        listed = [{"name": f"p{port}", "port": port} for port in ports or (80,)]
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "fraud", "namespace": self.namespace, **metadata},
            "spec": {"selector": dict(LABELS), "ports": listed},
        }

    def deployment(self, replicas: int) -> Manifest:
        """A Deployment of the same revision."""
        pod = {"containers": [{"name": "model", "image": "m:1"}]}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "fraud", "namespace": self.namespace, "labels": dict(LABELS)},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": dict(LABELS)},
                "template": {"metadata": {"labels": dict(LABELS)}, "spec": pod},
            },
        }

    def revision(self, **metadata: Any) -> Manifest:
        """A ControllerRevision."""
        return {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {"name": "fraud", "namespace": self.namespace, **metadata},
            "revision": 1,
            "data": {"a": {"b": 1}},
        }

    async def find(self, kind: str) -> Manifest | None:
        """What is named fraud."""
        return await self.cluster.find(kind, self.namespace, "fraud")

    async def until(self, what: str, look: Callable[[], Any]) -> Any:
        """The first answer that is true."""
        deadline = time.monotonic() + 30
        while not (answer := await look()):
            assert time.monotonic() < deadline, what
            await asyncio.sleep(0.05)
        return answer

    async def pods(self, ready: int) -> list[Manifest]:
        """The pods, once so many are there and are ready."""

        async def look() -> list[Manifest]:
            found = await self.cluster.list("Pod", self.namespace)
            there = [each for each in found if "deletionTimestamp" not in each["metadata"]]
            return there if sum(map(_ready, there)) == ready == len(there) else []

        found: list[Manifest] = await self.until(f"{ready} pods are ready", look)
        return found


def _ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def version(live: Manifest) -> tuple[str, int | None]:
    """What a write that changes something changes."""
    return live["metadata"]["resourceVersion"], live["metadata"].get("generation")


@pytest.fixture
async def memory() -> There:
    """The cluster in memory, in real time."""
    found = MemoryCluster("shop")
    return There(found.access(), "shop", found.watches.open)


@pytest.fixture
async def real(cluster: Cluster, namespace: str) -> There:
    """The real one."""
    return There(cluster, namespace, Watching)


@pytest.fixture(params=["memory", "real"])
def there(request: pytest.FixtureRequest) -> There:
    """One after the other."""
    found: There = request.getfixturevalue(request.param)
    return found


async def test_what_is_created_has_an_identity_and_no_status(there: There) -> None:
    live = await there.cluster.create({**there.model(), "status": {"phase": "Healthy"}})
    assert live["metadata"]["generation"] == 1
    assert live["metadata"]["uid"]
    assert live["metadata"]["creationTimestamp"].endswith("Z")
    assert "status" not in live
    with pytest.raises(ApiError, match='"fraud" already exists') as caught:
        await there.cluster.create(there.model())
    assert caught.value.conflict
    assert await there.find("ModelDeployment") == live


async def test_what_is_not_there_is_absent(there: There) -> None:
    with pytest.raises(ApiError, match='"fraud" not found') as caught:
        await there.cluster.get("ModelDeployment", there.namespace, "fraud")
    assert caught.value.absent


async def test_whoever_updates_what_is_not_the_latest_gets_a_conflict(there: There) -> None:
    read = await there.cluster.create(there.model())
    await there.cluster.update({**read, "spec": {**read["spec"], "replicas": 2}})
    with pytest.raises(ApiError, match="the object has been modified") as caught:
        await there.cluster.update({**read, "spec": {**read["spec"], "replicas": 3}})
    assert caught.value.conflict
    assert not caught.value.refused


async def test_an_update_that_changes_nothing_leaves_the_version(there: There) -> None:
    read = await there.cluster.create(there.model())
    assert version(await there.cluster.update(read)) == version(read)


async def test_the_generation_counts_changes_of_the_spec_alone(there: There) -> None:
    read = await there.cluster.create(there.model())
    labelled = {**read, "metadata": {**read["metadata"], "labels": {"team": "a"}}}
    first = await there.cluster.update(labelled)
    assert first["metadata"]["generation"] == 1
    assert version(first) != version(read)
    second = await there.cluster.update({**first, "spec": {**first["spec"], "replicas": 2}})
    assert second["metadata"]["generation"] == 2


async def test_a_status_is_a_resource_of_its_own(there: There) -> None:
    read = await there.cluster.create(there.model())
    written = await there.cluster.update_status(read, {"phase": "Healthy"})
    assert written["metadata"]["generation"] == 1
    assert written["spec"] == read["spec"]
    other = {**written, "status": {"phase": "Degraded"}}
    other["spec"] = {**written["spec"], "replicas": 2}
    live = await there.cluster.update(other)
    assert live["spec"]["replicas"] == 2
    assert live["status"]["phase"] == "Healthy"


async def test_a_status_is_written_only_over_what_was_read(there: There) -> None:
    read = await there.cluster.create(there.model())
    written = await there.cluster.update_status(read, {"phase": "Healthy"})
    with pytest.raises(ApiError) as caught:
        await there.cluster.update_status(read, {"phase": "Degraded"})
    assert caught.value.conflict
    again = await there.cluster.update_status(written, {"phase": "Healthy"})
    assert version(again) == version(written)
    await there.cluster.delete(written)
    with pytest.raises(ApiError) as caught:
        await there.cluster.update_status(written, {"phase": "Healthy"})
    assert caught.value.absent


async def test_a_status_that_is_only_tried_is_not_written(there: There) -> None:
    read = await there.cluster.create(there.model())
    assert await there.cluster.refusal_of_status(read, {"phase": "Healthy"}) is None
    told = await there.cluster.refusal_of_status(read, {"phase": "Nonsense"})
    assert told is not None
    assert "phase" in told
    assert await there.find("ModelDeployment") == read


async def test_to_apply_the_same_again_leaves_the_version(there: There) -> None:
    for manifest in (there.service(), there.deployment(0)):
        await there.cluster.apply(manifest)
        await asyncio.sleep(0.5)  # controllers have written their status
        before = await there.find(manifest["kind"])
        assert before is not None
        assert version(await there.cluster.apply(manifest)) == version(before)


async def test_what_is_applied_no_more_is_gone(there: There) -> None:
    await there.cluster.apply(there.service(80, 81, labels={"a": "1", "b": "2"}))
    live = await there.cluster.apply(there.service(80, labels={"a": "1"}))
    assert [port["port"] for port in live["spec"]["ports"]] == [80]
    assert live["metadata"]["labels"] == {"a": "1"}


async def test_what_somebody_else_added_stays(there: There) -> None:
    live = await there.cluster.apply(there.service(labels={"a": "1"}))
    await there.cluster.merge(live, {"metadata": {"labels": {"theirs": "yes"}}})
    live = await there.cluster.apply(there.service(labels={"a": "2"}))
    assert live["metadata"]["labels"] == {"a": "2", "theirs": "yes"}


async def test_a_field_of_another_manager_is_a_conflict_unless_it_is_forced(there: There) -> None:
    await _applied_as(there, "theirs", there.service(labels={"a": "1"}))
    with pytest.raises(ApiError, match='conflict with "theirs"') as caught:
        await there.cluster.apply(there.service(labels={"a": "2"}), force=False)
    assert caught.value.conflict
    assert not caught.value.refused
    live = await there.cluster.apply(there.service(labels={"a": "2"}))
    assert live["metadata"]["labels"] == {"a": "2"}


async def test_what_two_managers_apply_alike_stays_when_one_leaves_it_out(there: There) -> None:
    await _applied_as(there, "theirs", there.service(labels={"a": "1"}))
    await there.cluster.apply(there.service(labels={"a": "1"}), force=False)
    live = await there.cluster.apply(there.service())
    assert live["metadata"]["labels"] == {"a": "1"}


async def _applied_as(there: There, manager: str, manifest: Manifest) -> Manifest:
    path = f"/api/v1/namespaces/{there.namespace}/services/fraud"
    query = [("fieldManager", manager), ("force", "true")]
    return await there.cluster._call(
        "apply", "Service", "PATCH", path, manifest, query, "application/apply-patch+yaml"
    )


async def test_a_field_that_the_definition_lacks_is_refused_if_asked_and_else_dropped(
    there: There,
) -> None:
    with pytest.raises(ApiError, match="replcias") as caught:
        await there.cluster.apply(there.model(replcias=2))
    assert caught.value.refused
    live = await there.cluster.create(there.model(replcias=2))
    assert "replcias" not in live["spec"]


async def test_a_gateway_that_no_controller_has_seen_says_so(there: There) -> None:
    made = {**public(there.namespace, "unseen"), "status": ACCEPTED}
    live = await there.cluster.create(made)
    [accepted] = [each for each in live["status"]["conditions"] if each["type"] == "Accepted"]
    assert (accepted["status"], accepted["reason"]) == ("Unknown", "Pending")
    live = await there.cluster.update_status(live, ACCEPTED)
    assert live["status"] == ACCEPTED
    assert live["metadata"]["generation"] == 1


async def test_what_the_definition_defaults_is_filled_in(there: There) -> None:
    live = await there.cluster.create(there.model())
    assert live["spec"]["replicas"] == 1
    assert live["spec"]["template"] == there.model()["spec"]["template"], "it is kept as it is"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"replicas": "two"}, "spec.replicas: Invalid value"),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: .*greater than or equal to 0"),
        ({"rollout": {"steps": [{"setWeight": 20}] * 1000}}, "spec.rollout.steps: Too many"),
        ({"model": {"version": "v" * 64}}, "spec.model.version: Too long"),
        ({"template": None}, "spec.template: "),
    ],
    ids=["type", "bound", "items", "length", "null"],
)
async def test_what_the_definition_does_not_take_is_refused_in_words_that_name_the_field(
    there: There, spec: Manifest, words: str
) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        await there.cluster.create(there.model(**spec))
    assert caught.value.refused
    assert caught.value.status == 422


async def test_a_merge_patch_replaces_lists_and_null_removes(there: There) -> None:
    read = await there.cluster.create(there.service(80, 81, labels={"a": "1", "b": "2"}))
    ports = [{"name": "p90", "port": 90}]
    live = await there.cluster.merge(
        read, {"metadata": {"labels": {"a": None}}, "spec": {"ports": ports}}
    )
    assert live["metadata"]["labels"] == {"b": "2"}
    assert [port["port"] for port in live["spec"]["ports"]] == [90]
    with pytest.raises(ApiError) as caught:
        await there.cluster.merge(read, {"metadata": {"labels": {"c": "3"}}})
    assert caught.value.conflict


async def test_a_json_patch_does_each_of_its_operations_or_none(there: There) -> None:
    await there.cluster.create(there.service(80, 81, labels={"a/x": "1", "b": "2"}))
    operator = Operator(there.cluster, there.namespace)
    live = await operator.patch(
        "Service",
        "fraud",
        [
            {"op": "remove", "path": "/spec/ports/0"},
            {"op": "add", "path": "/spec/ports/-", "value": {"name": "p90", "port": 90}},
            {"op": "replace", "path": "/metadata/labels/a~1x", "value": "3"},
        ],
    )
    assert [port["port"] for port in live["spec"]["ports"]] == [81, 90]
    assert live["metadata"]["labels"] == {"a/x": "3", "b": "2"}
    remove = [{"op": "remove", "path": f"/metadata/labels/{name}"} for name in ("b", "nobody")]
    with pytest.raises(ApiError) as caught:
        await operator.patch("Service", "fraud", remove)
    assert caught.value.refused
    assert await there.find("Service") == live


@pytest.mark.parametrize("kind", ["ControllerRevision", "Deployment"])
async def test_what_must_not_change_is_refused(there: There, kind: str) -> None:
    made = there.revision() if kind == "ControllerRevision" else there.deployment(0)
    await there.cluster.create(made)
    changes: Manifest = {"data": {"a": {"b": 2}}}
    if kind == "Deployment":
        changes = {"spec": {"selector": {"matchLabels": {"serinus.dev/revision": "other"}}}}
    with pytest.raises(ApiError, match="immutable") as caught:
        await Operator(there.cluster, there.namespace).patch(kind, "fraud", changes)
    assert caught.value.refused


async def test_who_has_the_name_of_what_was_to_be_deleted_survives(there: There) -> None:
    old = await there.cluster.create(there.service())
    await there.cluster.delete(old)
    new = await there.cluster.create(there.service())
    await there.cluster.delete(old)
    assert (await there.find("Service") or {})["metadata"]["uid"] == new["metadata"]["uid"]
    await there.cluster.delete(new)
    await there.cluster.delete(new)
    assert await there.find("Service") is None


async def test_a_finalizer_keeps_what_is_deleted(there: There) -> None:
    live = await there.cluster.create(there.revision(finalizers=["example.com/held"]))
    await there.cluster.delete(live)
    kept = await there.find("ControllerRevision")
    assert kept is not None
    assert kept["metadata"]["deletionTimestamp"]
    with pytest.raises(ApiError) as caught:
        await there.cluster.create(there.revision())
    assert caught.value.conflict
    await there.cluster.merge(kept, {"metadata": {"finalizers": []}})
    assert await there.find("ControllerRevision") is None


@pytest.mark.parametrize("late", [False, True], ids=["created before", "created after"])
async def test_what_is_owned_goes_after_its_owner(there: There, late: bool) -> None:
    owner = await there.cluster.create(there.model())
    keys = ("apiVersion", "kind")
    owned = {key: owner[key] for key in keys} | {
        key: owner["metadata"][key] for key in ("name", "uid")
    }
    if late:
        await there.cluster.delete(owner)
    await there.cluster.create(there.revision(ownerReferences=[owned]))
    await there.cluster.delete(owner)

    async def is_gone() -> bool:
        return await there.find("ControllerRevision") is None

    await there.until("it is collected", is_gone)


async def test_lists_are_of_the_labels_asked_for(there: There) -> None:
    for name, labels in (("a", {"mine": "yes"}), ("b", {"mine": "no"}), ("c", {})):
        await there.cluster.create(there.service(name=name, labels=labels))

    async def names(selector: str) -> list[str]:
        found = await there.cluster.list("Service", there.namespace, selector)
        return sorted(each["metadata"]["name"] for each in found)

    assert await names("mine=yes") == ["a"]
    assert await names("mine") == ["a", "b"]
    assert await names("mine,mine=no") == ["b"]
    assert await names("") == ["a", "b", "c"]


async def test_a_list_in_pages_is_of_one_moment(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    for name in ("a", "b", "c"):
        await there.cluster.create(there.service(name=name))
    pages, versions = [], set[int]()
    async for found, seen in there.cluster.pages("Service", there.namespace):
        pages.append([each["metadata"]["name"] for each in found])
        versions.add(seen)
        if len(pages) == 1:
            await there.cluster.create(there.service(name="too-late"))
    assert pages == [["a", "b"], ["c"]]
    assert len(versions) == 1


async def test_a_watch_tells_each_change_in_order_and_nothing_of_a_write_without_one(
    there: There,
) -> None:
    told: list[tuple[str | None, str, int]] = []
    started = asyncio.Event()

    def hear(event: str | None, live: Manifest) -> None:
        metadata = live["metadata"]
        if metadata["namespace"] == there.namespace:
            told.append((event, metadata["name"], int(metadata["resourceVersion"])))

    async with there.watching(hear, started.set, (there.namespace,)) as watching:
        watching.watch(frozenset({"Service"}))
        await asyncio.wait_for(started.wait(), 30)
        labels = {"labels": {"app.kubernetes.io/managed-by": "serinus"}}
        await there.cluster.apply(there.service(name="unlabelled"))
        for port in (80, 80, 81):
            live = await there.cluster.apply(there.service(port, **labels))
        await there.cluster.delete(live)
        await there.until("the deletion is told", lambda: _last(told))
    assert [(event, name) for event, name, _ in told] == [
        ("ADDED", "fraud"),
        ("MODIFIED", "fraud"),
        ("DELETED", "fraud"),
    ]
    versions = [each for *_, each in told]
    assert versions == sorted(set(versions))


async def _last(told: list[tuple[str | None, str, int]]) -> bool:
    return bool(told) and told[-1][0] == "DELETED"


async def test_a_deployment_has_its_pods_and_a_service_those_that_are_ready(there: There) -> None:
    metadata = {"labels": dict(LABELS)}
    await there.cluster.apply(there.service(**metadata))
    await there.cluster.apply(there.deployment(2))
    first, _ = await there.pods(2)

    async def ready(count: int) -> bool:
        live = await there.find("Deployment")
        slices = await there.cluster.list("EndpointSlice", there.namespace)
        endpoints = [each for one in slices for each in one.get("endpoints") or []]
        behind = [each for each in endpoints if each["conditions"]["ready"]]
        status = (live or {}).get("status") or {}
        return bool(status.get("readyReplicas", 0) == count == len(behind))

    await there.until("both are ready", lambda: ready(2))
    live = await there.find("Deployment")
    assert live is not None
    assert live["status"]["observedGeneration"] == live["metadata"]["generation"]
    operator = Operator(there.cluster, there.namespace)
    await report(operator, first, 1, ready=False)
    await there.until("one is not ready", lambda: ready(1))
    await report(operator, first, 1, ready=True)
    await there.until("it is ready again", lambda: ready(2))


async def test_a_pod_that_is_evicted_has_a_successor_and_one_that_is_gone_is_absent(
    there: There,
) -> None:
    await there.cluster.apply(there.deployment(2))
    pod, other = await there.pods(2)
    name = pod["metadata"]["name"]
    await there.cluster.evict(there.namespace, name)

    async def replaced() -> bool:
        names = {each["metadata"]["name"] for each in await there.pods(2)}
        return name not in names and other["metadata"]["name"] in names

    await there.until("another one is there", replaced)

    async def absent() -> bool:
        try:
            await there.cluster.evict(there.namespace, name)
        except ApiError as error:
            return error.absent
        return False

    await there.until("it is gone", absent)


async def test_of_too_many_pods_the_one_that_came_last_goes(there: There) -> None:
    await there.cluster.apply(there.deployment(2))
    before = {each["metadata"]["name"] for each in await there.pods(2)}
    # The controller takes ages for alike whose logarithms to base 2 have the same whole part, and
    # chooses among such pods by their UID: the first two must be more than twice as old.
    await asyncio.sleep(5)
    await there.cluster.apply(there.deployment(3))
    await there.pods(3)
    await there.cluster.apply(there.deployment(2))
    assert {each["metadata"]["name"] for each in await there.pods(2)} == before


async def test_a_pod_that_is_deleted_has_a_successor(there: There) -> None:
    await there.cluster.apply(there.deployment(1))
    [pod] = await there.pods(1)
    await there.cluster.delete(pod)

    async def replaced() -> bool:
        names = {each["metadata"]["name"] for each in await there.pods(1)}
        return pod["metadata"]["name"] not in names

    await there.until("another one is there", replaced)
