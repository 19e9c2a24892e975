"""The names of revisions, over versions of the operator."""

import asyncio
import copy
from functools import partial
from typing import Any

import pytest

from serinus.manifests import revision
from tests.support.colliding import colliding
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec


def earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator computes hashes as an earlier version does."""
    monkeypatch.setattr(revision, "_SCHEME", "a")
    monkeypatch.setattr(revision, "_LONGEST", 8)


def without_a_model(given: dict[str, Any]) -> dict[str, Any]:
    """A spec of which the template alone makes the hash."""
    return {name: value for name, value in spec("v1", **given).items() if name != "model"}


async def test_an_upgrade_renames_nothing_rolls_nothing_out_and_retries_nothing(
    operator: Operator,
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        earlier(monkeypatch)
        await operator.apply("served", **spec("v1"))
        await operator.apply("rejected", **spec("v1"))
        await operator.until("served", healthy("v1"))
        await operator.until("rejected", healthy("v1"))
        await operator.apply("rejected", **spec("v2"))
        bad = (await operator.until("rejected", lambda s: s["candidate"]))["candidate"]["revision"]
        await operator.command("rejected", f"abort/{bad}")
        await operator.until(
            "rejected", lambda s: s["rejected"] and not s.get("retiring"), moving=5
        )
        await operator.stop()
    before = await operator.cluster.list("Deployment", operator.namespace)
    states = [(await operator.get(name))["status"] for name in ("served", "rejected")]
    assert [len(each["stable"]["revision"]) for each in states] == [8, 8]
    async with operator:
        operator.move(60)
        await asyncio.sleep(1)
        after = await operator.cluster.list("Deployment", operator.namespace)
        assert [one["metadata"]["uid"] for one in after] == [o["metadata"]["uid"] for o in before]
        for name, state in zip(("served", "rejected"), states, strict=True):
            assert (await operator.get(name))["status"]["decisions"] == state["decisions"]
        await operator.apply("served", **spec("v3"))
        status = await operator.until("served", healthy("v3"), moving=5)
        assert len(status["stable"]["revision"]) == 16
        # back to what an earlier version has rolled out, which is kept in the history
        await operator.apply("served", **spec("v1"))
        status = await operator.until("served", healthy("v1"), moving=5)
        assert status["stable"]["revision"] == states[0]["stable"]["revision"]


async def test_a_template_with_the_hash_of_a_revision_that_serves_is_refused(
    operator: Operator,
) -> None:
    """By the hash of an earlier version, which is shorter."""
    harmless, evil = colliding()
    with pytest.MonkeyPatch.context() as monkeypatch:
        earlier(monkeypatch)
        await operator.apply("fraud", **without_a_model(evil))
        await operator.until("fraud", lambda s: s["phase"] == "Healthy")
        await operator.stop()
    async with operator:
        await operator.apply("fraud", **without_a_model(harmless))
        status = await operator.until("fraud", lambda s: s["phase"] == "Degraded")
        assert "another model or template with this hash" in status["message"]
        stalled = next(each for each in status["conditions"] if each["type"] == "Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
        (running,) = await operator.cluster.list("Deployment", operator.namespace)
        image = running["spec"]["template"]["spec"]["containers"][0]["image"]
        assert image == "registry/evil:1", "what the status says serves, until a person decides"


def healthy_but_not(revision: str, status: dict[str, Any]) -> bool:
    done = status["phase"] == "Healthy" and not status.get("retiring")
    return done and status["stable"]["revision"] != revision


async def test_an_undo_leads_to_what_was_stable_and_not_to_what_has_its_name_by_now(
    operator: Operator,
) -> None:
    """The history keeps one revision, so the one to return to is gone, and a template with its hash
    could be stored in its place."""
    harmless, evil = colliding()
    kept = {"revisionHistoryLimit": 1}
    with pytest.MonkeyPatch.context() as monkeypatch:
        earlier(monkeypatch)
        await operator.apply("fraud", **without_a_model(harmless), **kept)
        status = await operator.until("fraud", lambda s: s["phase"] == "Healthy")
        first = status["stable"]["revision"]
        for image in ("registry/fraud:2", "registry/fraud:3"):
            later = copy.deepcopy(without_a_model(harmless))
            later["template"]["spec"]["containers"][0]["image"] = image
            await operator.apply("fraud", **later, **kept)
            served = partial(healthy_but_not, status["stable"]["revision"])
            status = await operator.until("fraud", served, moving=5)
        assert first in status["former"]
        # held for an approval, or for anything else: it would be stored meanwhile
        held = {"rollout": {"paused": True, "steps": [{"setWeight": 5}]}}
        await operator.apply("fraud", **{**without_a_model(evil), **kept, **held})
        status = await operator.until("fraud", lambda s: s["phase"] == "Degraded")
        assert "what was rolled out by it has another model or template" in status["message"]
        await operator.apply("fraud", **{**later, **kept, **held})
        await operator.command("fraud", f"undo/{first}")
        status = await operator.until("fraud", lambda s: "command" in s)
        assert "its ControllerRevision is gone" in status["command"]["outcome"]
        assert status["stable"]["revision"] != first
