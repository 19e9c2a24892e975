"""Revisions lost, come back, and unable to share one Service."""

from itertools import product
from typing import Any

import pytest

from serinus.cluster import Cluster
from tests.support.exhaustive import short
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import (
    healthy,
    in_mid_rollout,
    rolls_out,
    serves_only,
    spec,
)


async def _forget(operator: Operator, revision: str) -> None:
    await operator.delete("ControllerRevision", f"fraud-{revision}")


async def _until_written(operator: Operator, revision: str) -> None:
    """The status is written first, and the revision right after it."""
    await operator.until_there("ControllerRevision", f"fraud-{revision}")


def _degraded_by(reason: str) -> Any:
    def holds(status: Manifest) -> bool:
        ready = next(each for each in status["conditions"] if each["type"] == "Ready")
        return bool(ready["reason"] == reason)

    return holds


async def _pods(cluster: Cluster, namespace: str, revision: str) -> Any:
    deployment = await cluster.get("Deployment", namespace, f"fraud-{revision}")
    return deployment["spec"]["template"]


async def test_a_bad_candidate_is_rolled_back_though_stables_history_is_gone(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    runs = await _pods(operator.cluster, operator.namespace, stable)
    await _forget(operator, stable)
    gone = f"ControllerRevision fraud-{stable} is missing"
    await operator.until("fraud", lambda s: gone in s["message"], moving=5)
    operator.traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.05}
    await operator.until("fraud", lambda s: s["rejected"], moving=5)
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    await operator.patch("ModelDeployment", "fraud", {"spec": {"replicas": 5}})
    await operator.until("fraud", lambda s: s["stable"]["readyReplicas"] == 5, moving=5)
    assert await _pods(operator.cluster, operator.namespace, stable) == runs
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", lambda s: healthy("v1")(s) and gone not in s["message"], moving=5)
    await _until_written(operator, stable)


async def test_the_history_of_what_the_spec_asks_for_is_written_again(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await _forget(operator, stable)
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", lambda s: s["candidate"], moving=1)
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", lambda s: healthy("v1")(s) and not s["retiring"], moving=5)
    await _until_written(operator, stable)


async def test_a_retiring_revision_without_history_keeps_nothing_from_being_written(
    operator: Operator,
) -> None:
    status = await in_mid_rollout(operator)
    operator.gateway_answers = False
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", lambda s: len(s["retiring"]) == 1)
    await _forget(operator, status["candidate"]["revision"])
    await operator.apply("fraud", **spec("v1", replicas=3))
    await operator.until("fraud", lambda s: s["stable"]["readyReplicas"] == 3)
    operator.gateway_answers = True
    await operator.until("fraud", lambda s: healthy("v1")(s) and not s["retiring"], moving=5)


async def test_undo_finds_the_last_good_revision_after_many_bad_ones(operator: Operator) -> None:
    kept = {"revisionHistoryLimit": 2, "rollout": {"steps": [], "analysis": {"checks": []}}}
    await operator.apply("fraud", **spec("v1", **kept))
    good = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2", **kept))
    await operator.until("fraud", healthy("v2"), moving=5)
    held = {**kept, "rollout": {"steps": [{"setWeight": 20}, {"pause": {}}]}}
    for number in range(4):
        version = f"bad-{number}"
        await operator.apply("fraud", **spec(version, **held))
        status = await operator.until("fraud", rolls_out(version))
        await operator.command("fraud", f"abort/{status['candidate']['revision']}")
        await operator.until("fraud", lambda s: s["rejected"])
    await operator.until("fraud", lambda s: not s["retiring"], moving=10)
    await operator.command("fraud", f"undo/{good}")
    await operator.until("fraud", lambda s: s["stable"]["revision"] == good, moving=5)


async def test_a_port_that_one_service_cannot_lead_to_is_told_before_anything_starts(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1", traffic={}))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 9090}]}
    moved = {"traffic": {}, "template": {"spec": {"containers": [container]}}}
    await operator.apply("fraud", **spec("v2", **moved))
    status = await operator.until("fraud", _degraded_by("InvalidSpec"), moving=5)
    assert "listens on port 8080 and the candidate on 9090" in status["message"]
    reasons = [each["reason"] for each in status["decisions"]]
    assert reasons == ["Promoted", "FirstDeployment"], "nothing was started"
    before = (await operator.get("fraud"))["metadata"]["resourceVersion"]
    for _ in range(10):
        operator.move(30)
        await operator.until("fraud", _degraded_by("InvalidSpec"))
    live = await operator.get("fraud")
    assert live["metadata"]["resourceVersion"] == before
    await serves_only(operator, stable)
    await operator.apply("fraud", **spec("v2", **moved, rollout={"steps": []}))
    await operator.until("fraud", healthy("v2"), moving=5)


async def _revision_number(operator: Operator, revision: str) -> int:
    live = await operator.cluster.get("ControllerRevision", operator.namespace, f"fraud-{revision}")
    number: int = live["revision"]
    return number


@pytest.mark.parametrize(
    "data", [{}, {"template": None}, {"template": {"spec": {}}}, {"template": "text"}]
)
async def test_a_revision_that_somebody_made_and_that_has_no_template_stops_nothing(
    operator: Operator, data: Manifest
) -> None:
    status = await in_mid_rollout(operator)
    candidate = status["candidate"]["revision"]
    labels = {
        "app.kubernetes.io/managed-by": "serinus",
        "serinus.dev/name": "fraud",
        "serinus.dev/revision": "abcdefgh",
    }
    made: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": "fraud-abcdefgh", "namespace": operator.namespace, "labels": labels},
        "revision": 7,
    }
    await operator.cluster.create({**made, "data": data})
    operator.traffic.errors = {f"fraud-{candidate}": 0.3}
    await operator.until("fraud", lambda s: s["rejected"], moving=5)


async def test_a_number_that_somebody_edits_is_not_given_twice(operator: Operator) -> None:
    status = await in_mid_rollout(operator)
    stable, candidate = status["stable"]["revision"], status["candidate"]["revision"]
    await operator.patch("ControllerRevision", f"fraud-{stable}", {"revision": 41})
    await operator.until("fraud", healthy("v2"), moving=5)
    await operator.apply("fraud", **spec("v3"))
    status = await operator.until("fraud", rolls_out("v3"), moving=1)
    assert status["candidate"]["number"] == 42
    assert await _revision_number(operator, candidate) == 2


async def test_the_revision_of_a_candidate_that_somebody_deletes_is_written_again(
    operator: Operator,
) -> None:
    status = await in_mid_rollout(operator)
    await _forget(operator, status["candidate"]["revision"])
    await _until_written(operator, status["candidate"]["revision"])
    await operator.until("fraud", healthy("v2"), moving=5)


LOST = {
    "owner": "/metadata/ownerReferences",
    "revision": "/metadata/labels/serinus.dev~1revision",
    "labels": "/metadata/labels",
}
FEW = [("owner", "stable"), ("revision", "candidate")]


@pytest.mark.parametrize(("lost", "whose"), short(product(LOST, ["stable", "candidate"]), FEW))
async def test_a_revision_that_lost_its_owner_or_labels_in_a_rollout_can_be_returned_to(
    operator: Operator, lost: str, whose: str
) -> None:
    change = [{"op": "remove", "path": LOST[lost]}]
    status = await in_mid_rollout(operator)
    stable = status["stable"]["revision"]
    await operator.patch("ControllerRevision", f"fraud-{status[whose]['revision']}", change)
    await operator.until("fraud", healthy("v2"), moving=5)
    await operator.command("fraud", f"undo/{stable}")
    await operator.until("fraud", lambda s: s["stable"]["revision"] == stable, moving=5)


async def test_a_copy_of_a_revision_under_another_name_is_none_to_return_to(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    name = f"fraud-{stable}"
    await _until_written(operator, stable)
    live = await operator.cluster.get("ControllerRevision", operator.namespace, name)
    kept = {key: live["metadata"][key] for key in ("namespace", "labels", "ownerReferences")}
    await operator.cluster.create({**live, "metadata": {**kept, "name": f"copy-of-{name}"}})
    await operator.until_there("ControllerRevision", f"copy-of-{name}", there=False)
    found = await operator.cluster.list("ControllerRevision", operator.namespace)
    assert [each["metadata"]["name"] for each in found] == [name]


async def test_a_command_to_an_invalid_spec_is_refused_at_once_and_not_obeyed_later(
    operator: Operator,
) -> None:
    status = await in_mid_rollout(operator)
    candidate = status["candidate"]["revision"]
    unreadable = {"checks": [{"name": "a", "threshold": {"query": "(", "max": 1}}]}
    await operator.apply("fraud", **spec("v2", rollout={"analysis": unreadable}))
    await operator.until("fraud", _degraded_by("InvalidSpec"))
    await operator.command("fraud", f"promote/{candidate}")
    status = await operator.until("fraud", lambda s: bool(s.get("command")))
    assert status["command"]["outcome"].startswith(f"promote/{candidate}: the spec is invalid")
    assert status["decisions"][0]["reason"] == "CommandRefused"
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["phase"] == "Progressing")
    assert (status["candidate"]["revision"], status["candidate"]["stage"]) == (
        candidate,
        "Stepping",
    )
