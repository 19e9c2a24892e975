"""What a candidate shows before a client meets it: by copies of requests, and to people."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from serinus.cluster import Cluster
from serinus.manifests.revision import revision_hash
from tests.campaign.memory.cluster import MemoryCluster
from tests.campaign.wire import Request
from tests.support.documents import fenced
from tests.support.exhaustive import short
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, healthy, spec
from tests.support.routes import copies, previewed, weights
from tests.unit.rollouts.conftest import Between

PAGE: Final = Path(__file__).parents[3] / "docs" / "before-clients.md"
BEHIND = {"gateway": {"parentRefs": [{"name": "public"}], "hostnames": ["fraud.example.com"]}}
MIRRORED = {
    "steps": [{"mirror": {"percent": 20}}, {"setWeight": 50}, {"pause": {}}],
    "analysis": ERRORS,
    **PATIENT,
}
TRY = {"headers": [{"name": "x-try", "value": "yes"}]}
AT_A_HOST = {"hostnames": ["try.fraud.example.com"]}
PREVIEWED: Final[dict[str, Any]] = {
    "steps": [{"preview": TRY}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}],
    "analysis": ERRORS,
    **PATIENT,
}
HOSTED = {**PREVIEWED, "steps": [{"preview": AT_A_HOST}, *PREVIEWED["steps"][1:]]}


async def begun(operator: Operator, rollout: dict[str, Any]) -> tuple[str, str]:
    """The revisions v1, which serves, and v2, which is rolled out so."""
    await operator.apply("fraud", **spec("v1", rollout=rollout, traffic=BEHIND))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=rollout, traffic=BEHIND))
    status = await operator.until("fraud", lambda s: bool((s.get("candidate") or {}).get("hold")))
    return status["stable"]["revision"], status["candidate"]["revision"]


async def route(operator: Operator) -> Manifest:
    return await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")


def mirrored(status: Manifest) -> bool:
    return bool(status["candidate"]["weight"].get("mirrored") and status["candidate"]["counted"])


async def test_copies_are_judged_and_then_it_gets_a_weight(operator: Operator) -> None:
    stable, candidate = await begun(operator, MIRRORED)
    status = await operator.until("fraud", mirrored, moving=5)
    assert status["candidate"]["weight"] == {**status["candidate"]["weight"], "wanted": 0}
    assert status["candidate"]["weight"]["actual"] == 0
    assert "mirror 20%" in status["message"]
    assert operator.app
    exported = operator.app.metrics.exposition().decode()
    assert re.search(r'serinus_candidate_weight_percent{.*weight="mirrored"} 20', exported)
    live = await route(operator)
    assert weights(live) == {f"fraud-{stable}": 100}
    assert copies(live) == {f"fraud-{candidate}": 20}
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, moving=5, within=60
    )
    [raised] = [d for d in status["decisions"] if d["reason"] == "WeightRaised"]
    assert raised["message"].startswith("Mirror 20% -> weight 50%. ")
    live = await route(operator)
    assert copies(live) == {}
    assert "mirrored" not in status["candidate"]["weight"]


async def test_a_bad_one_is_rolled_back_before_a_client_meets_it(operator: Operator) -> None:
    stable, candidate = await begun(operator, MIRRORED)
    operator.traffic.errors = {f"fraud-{candidate}": 0.1}
    asked = []

    def rolled_back(status: Manifest) -> bool:
        asked.append((status.get("candidate") or {}).get("weight", {}).get("wanted", 0))
        return bool(status["phase"] == "RolledBack")

    status = await operator.until("fraud", rolled_back, moving=5, within=60)
    assert set(asked) == {0}
    assert status["rejected"]["reason"] == "CheckFailed"
    live = await route(operator)
    assert (weights(live), copies(live)) == ({f"fraud-{stable}": 100}, {})


async def test_one_that_hangs_loses_its_copies_and_resumes_with_them(operator: Operator) -> None:
    _, candidate = await begun(operator, MIRRORED)
    operator.traffic.hanging = f"fraud-{candidate}"
    status = await operator.until(
        "fraud",
        lambda s: (s["candidate"].get("hold") or {}).get("reason") == "CandidateSilent",
        moving=5,
        within=60,
    )
    assert status["candidate"]["stage"] == "Withdrawn"
    assert copies(await route(operator)) == {}
    operator.traffic.hanging = None
    await operator.command("fraud", f"advance/{candidate}")
    status = await operator.until("fraud", mirrored, moving=5)
    assert status["candidate"]["weight"]["wanted"] == 0


async def test_one_that_hangs_meets_no_client_when_the_mirror_is_edited_away(
    operator: Operator,
) -> None:
    stable, candidate = await begun(operator, MIRRORED)
    operator.traffic.hanging = f"fraud-{candidate}"
    await operator.until(
        "fraud", lambda s: s["candidate"]["stage"] == "Withdrawn", moving=5, within=60
    )
    without = {**MIRRORED, "steps": [{"setWeight": 50}, {"pause": {}}]}
    await operator.apply("fraud", **spec("v2", rollout=without, traffic=BEHIND))
    status = await operator.until("fraud", lambda s: s["candidate"]["stage"] == "Stepping")
    weight = status["candidate"]["weight"]
    assert (weight["wanted"], weight["mirrored"]) == (0, 20)
    assert status["decisions"][0]["message"].startswith("Weight 0% -> mirror 20%: ")
    assert weights(await route(operator)) == {f"fraud-{stable}": 100}


async def test_a_first_deployment_gets_no_copies_and_no_preview(operator: Operator) -> None:
    steps = [{"preview": TRY}, {"mirror": {"percent": 20}}]
    for given in (steps, steps[1:]):
        await operator.apply("fraud", **spec("v1", rollout={**MIRRORED, "steps": given}))
        status = await operator.until("fraud", lambda s: bool(s.get("candidate")))
        candidate = status["candidate"]
        assert candidate["stage"] == "FirstDeployment"
        assert candidate["weight"].get("mirrored") is None
        assert candidate["preview"] == []
        await operator.delete("ModelDeployment", "fraud")


async def test_what_only_clients_can_judge_is_not_awaited_from_copies(operator: Operator) -> None:
    negative = [{"label": "code", "value": "500"}]
    told = {"outcomes": {"metric": "model_told_total"}, "negative": negative}
    analysis = {"checks": [{"name": "users", "feedback": told}]}
    _, candidate = await begun(operator, {**MIRRORED, "analysis": analysis})
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, moving=5, within=60
    )
    assert status["candidate"]["revision"] == candidate
    await operator.until("fraud", lambda s: bool(s["candidate"]["checks"]), moving=5, within=60)


async def test_other_header_fields_of_a_preview_end_no_pause(operator: Operator) -> None:
    def tried(value: str) -> dict[str, Any]:
        first = {"preview": {"headers": [{"name": "x-try", "value": value}]}}
        later = {"preview": {"headers": [{"name": "x-all", "value": "yes"}]}}
        steps = [first, {"pause": {}}, later, {"pause": {}}, {"setWeight": 20}]
        return {**MIRRORED, "steps": steps}

    await begun(operator, tried("before"))
    await operator.until("fraud", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingCommand")
    shown = ""

    def has_it(status: Manifest) -> bool:
        return bool(status["candidate"]["preview"][0]["value"] == shown)

    for shown in ("after", "zero"):
        await operator.apply("fraud", **spec("v2", rollout=tried(shown)))
        status = await operator.until("fraud", has_it)
        assert status["candidate"]["step"] == 1
        assert [each["name"] for each in status["candidate"]["preview"]] == ["x-try"]


async def test_people_reach_it_by_a_header_until_it_gets_a_weight(operator: Operator) -> None:
    stable, candidate = await begun(operator, PREVIEWED)
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingCommand"
    )
    assert status["candidate"]["preview"] == TRY["headers"]
    live = await route(operator)
    assert previewed(live) == [({"x-try": "yes"}, [f"fraud-{candidate}"])]
    # the place of the split stays: a gateway may name what is behind a rule by it
    assert weights(live) == {f"fraud-{stable}": 100}
    assert "preview (x-try: yes)" in status["message"]
    assert not status["candidate"].get("counted")
    await operator.command("fraud", f"advance/{candidate}")
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    live = await route(operator)
    assert previewed(live) == []
    assert status["candidate"]["preview"] == []
    assert weights(live) == {f"fraud-{stable}": 80, f"fraud-{candidate}": 20}


async def in_a_preview(operator: Operator, rollout: dict[str, Any]) -> tuple[str, str]:
    """Stable, and the candidate that people try."""
    found = await begun(operator, rollout)
    await operator.until("fraud", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingCommand")
    return found


async def test_people_reach_it_at_a_host_name_until_it_gets_a_weight(
    through: Operator, between: Between
) -> None:
    stable, candidate = await in_a_preview(through, HOSTED)
    clients = await route(through)
    own = await through.cluster.get("HTTPRoute", through.namespace, f"fraud-{candidate}")
    assert own["spec"]["hostnames"] == AT_A_HOST["hostnames"]
    assert own["spec"]["parentRefs"] == clients["spec"]["parentRefs"]
    assert weights(own) == {f"fraud-{candidate}": 1}
    assert weights(clients) == {f"fraud-{stable}": 100}
    status = (await through.get("fraud"))["status"]
    assert "preview (try.fraud.example.com)" in status["message"]
    assert not status["candidate"].get("counted")

    between.requests.clear()
    await through.command("fraud", f"advance/{candidate}")
    await through.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    written = [(each.method, each.path.rpartition("/")[2]) for each in between.requests]
    ended, raised = ("DELETE", f"fraud-{candidate}"), ("PATCH", "fraud")
    routes = [each for each in written if each in (ended, raised)]
    assert routes[:2] == [ended, raised], "what people ask ends before clients are counted"
    assert weights(await route(through)) == {f"fraud-{stable}": 80, f"fraud-{candidate}": 20}
    assert (await through.get("fraud"))["status"]["candidate"]["previewHostnames"] == []


async def test_a_manifest_of_the_page_leads_a_host_name_to_the_candidate(
    operator: Operator,
) -> None:
    [example] = (each for each in fenced(PAGE.read_text(), "yaml") if "try.fraud" in each)
    shown = yaml.safe_load(example)["spec"]
    rollout = {**PREVIEWED, **shown["rollout"]}
    wanted = {"traffic": shown["traffic"], "rollout": rollout}
    await operator.apply("fraud", **spec("v1", **wanted))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", **wanted))
    status = await operator.until("fraud", lambda s: s["candidate"]["step"] == 1)
    name = f"fraud-{status['candidate']['revision']}"
    own = await operator.cluster.get("HTTPRoute", operator.namespace, name)
    assert own["spec"]["hostnames"] == ["try.fraud.example.com"]
    assert weights(own) == {name: 1}


async def aborted(operator: Operator, candidate: str) -> None:
    await operator.command("fraud", f"abort/{candidate}")


async def promoted(operator: Operator, candidate: str) -> None:
    await operator.command("fraud", f"promote/{candidate}")


async def superseded(operator: Operator, candidate: str) -> None:
    await operator.apply("fraud", **spec("v3", rollout=HOSTED, traffic=BEHIND))


async def edited(operator: Operator, candidate: str) -> None:
    await operator.apply("fraud", **spec("v2", rollout=PREVIEWED, traffic=BEHIND))


async def unready(operator: Operator, candidate: str) -> None:
    deployment = f"fraud-{candidate}"
    live = await operator.cluster.get("Deployment", operator.namespace, deployment)
    await operator.cluster.delete(live)


async def deleted(operator: Operator, candidate: str) -> None:
    await operator.delete("ModelDeployment", "fraud")


@pytest.mark.parametrize("ends", [aborted, promoted, superseded, edited, unready, deleted])
async def test_the_route_of_a_preview_ends_with_it(
    operator: Operator, ends: Callable[[Operator, str], Awaitable[None]]
) -> None:
    _, candidate = await in_a_preview(operator, HOSTED)
    await operator.until_there("HTTPRoute", f"fraud-{candidate}")
    await ends(operator, candidate)
    await operator.until_there("HTTPRoute", f"fraud-{candidate}", there=False)
    await operator.until_there("HTTPRoute", "fraud", there=ends is not deleted)


async def test_a_host_name_that_becomes_the_clients_is_no_longer_the_candidates(
    operator: Operator,
) -> None:
    """A paused rollout stays in a preview that its steps no longer have."""
    stable, candidate = await in_a_preview(operator, HOSTED)
    hosts = ["fraud.example.com", *AT_A_HOST["hostnames"]]
    paused = {**HOSTED, "steps": [{"setWeight": 20}, {"pause": {}}], "paused": True}
    traffic = {"gateway": {**BEHIND["gateway"], "hostnames": hosts}}
    await operator.apply("fraud", **spec("v2", rollout=paused, traffic=traffic))
    await operator.until("fraud", lambda s: "paused is true" in s["message"])
    await operator.until_there("HTTPRoute", f"fraud-{candidate}", there=False)
    live = await route(operator)
    assert (live["spec"]["hostnames"], weights(live)) == (hosts, {f"fraud-{stable}": 100})


async def test_the_route_of_a_preview_ends_also_if_the_operator_is_killed_before(
    memory: MemoryCluster, through: Operator, between: Between
) -> None:
    _, candidate = await in_a_preview(through, HOSTED)
    asked = asyncio.Event()

    async def lost(request: Request) -> None:
        if request.method == "DELETE":
            asked.set()
            await asyncio.Event().wait()

    between.before = lost
    await through.command("fraud", f"abort/{candidate}")
    await asked.wait()
    await through.stop()
    between.before = None
    await through.until_there("HTTPRoute", f"fraud-{candidate}")
    await through.start()
    await through.until_there("HTTPRoute", f"fraud-{candidate}", there=False)


async def test_rules_that_are_refused_keep_nobody_at_the_candidate(
    operator: Operator, memory: MemoryCluster
) -> None:
    stable, candidate = await in_a_preview(operator, HOSTED)

    def refused(written: Manifest, _: Manifest | None) -> str | None:
        bad = written["kind"] == "HTTPRoute" and "/bad" in str(written["spec"])
        return "no rule may have /bad" if bad else None

    memory.api.refuse.append(refused)
    rules = [{"matches": [{"path": {"value": "/bad"}}]}]
    traffic = {"gateway": {**BEHIND["gateway"], "rules": rules}}
    await operator.apply("fraud", **spec("v2", rollout=HOSTED, traffic=traffic))
    await operator.until("fraud", lambda s: "no rule may have /bad" in s["message"])
    await operator.command("fraud", f"abort/{candidate}")
    await operator.until_there("HTTPRoute", f"fraud-{candidate}", there=False)
    assert weights(await route(operator)) == {f"fraud-{stable}": 100}


async def test_a_route_of_that_name_that_is_somebody_elses_is_not_taken(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1", rollout=HOSTED, traffic=BEHIND))
    await operator.until("fraud", healthy("v1"))
    wanted = spec("v2", rollout=HOSTED, traffic=BEHIND)
    name = f"fraud-{revision_hash('fraud', wanted)}"
    theirs = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": operator.namespace},
        "spec": {
            "parentRefs": [{"name": "public"}],
            "rules": [{"backendRefs": [{"name": "other", "port": 80}]}],
        },
    }
    before = await operator.cluster.create(theirs)
    await operator.apply("fraud", **wanted)
    status = await operator.until("fraud", lambda s: "is not adopted" in s["message"])
    assert f"HTTPRoute {operator.namespace}/{name} exists" in status["message"]
    assert status["candidate"]["step"] == 0, "nobody can try it yet"
    after = await operator.cluster.get("HTTPRoute", operator.namespace, name)
    assert after["spec"] == before["spec"]
    await operator.cluster.delete(after)
    await operator.until("fraud", lambda s: s["candidate"]["step"] == 1, moving=5)
    taken = await operator.cluster.get("HTTPRoute", operator.namespace, name)
    assert weights(taken) == {name: 1}


EDITS = list(product([{"mirror": {"percent": 20}}, {"setWeight": 20}], [TRY, AT_A_HOST]))


@pytest.mark.parametrize(("before", "tried"), short(EDITS, [EDITS[0], EDITS[-1]]))
async def test_what_people_ask_after_an_edit_back_to_a_preview_is_no_evidence(
    operator: Operator, before: dict[str, Any], tried: dict[str, Any]
) -> None:
    operator.traffic.people = 30
    later = [{"setWeight": 50}, {"pause": {}}]
    weighed = {**MIRRORED, "steps": [before, {"pause": {}}, *later]}
    _, candidate = await begun(operator, weighed)
    await operator.until(
        "fraud", lambda s: bool(s["candidate"]["checks"]) and evidence_in(s) > 0, moving=5
    )
    again = {**weighed, "steps": [{"preview": tried}, {"pause": {}}, *later]}
    await operator.apply("fraud", **spec("v2", rollout=again, traffic=BEHIND))
    await operator.until(
        "fraud", lambda s: s["candidate"]["preview"] or s["candidate"]["previewHostnames"]
    )
    await asyncio.sleep(30)
    before_people = evidence_in((await operator.get("fraud"))["status"])
    for _ in range(20):
        await asyncio.sleep(15)
    assert evidence_in((await operator.get("fraud"))["status"]) == before_people > 0
    await operator.command("fraud", f"advance/{candidate}")
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 50)
    since = operator.now
    status = await operator.until("fraud", lambda s: evidence_in(s) > before_people, moving=5)
    assert evidence_in(status) - before_people <= 500 * (operator.now - since)


def evidence_in(status: dict[str, Any]) -> float:
    """The candidate's requests that its check has compared."""
    return float(status["candidate"]["checks"][0]["requests"]["candidate"])


async def test_whoever_sends_the_header_is_served_by_stable_until_it_is_ready(
    operator: Operator, cluster: Cluster
) -> None:
    _, candidate = await begun(operator, PREVIEWED)
    await operator.until("fraud", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingCommand")
    live = await operator.cluster.get("Deployment", operator.namespace, f"fraud-{candidate}")
    assert previewed(await route(operator))
    await cluster.delete(live)
    await operator.until("fraud", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingPods")
    deadline = operator.now + 30
    while previewed(await route(operator)):
        assert operator.now < deadline
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "step", [{"mirror": {"percent": 20}}, {"preview": TRY}, {"preview": AT_A_HOST}]
)
async def test_without_a_gateway_it_is_refused_with_the_remedy(
    operator: Operator, step: dict[str, Any]
) -> None:
    rollout = {**MIRRORED, "steps": [step, {"setWeight": 20}]}
    wanted = spec("v1", rollout=rollout)
    await operator.apply("fraud", **{k: v for k, v in wanted.items() if k != "traffic"})
    status = await operator.until("fraud", lambda s: "needs a router that can" in s["message"])
    assert "use spec.traffic.gateway, or remove it" in status["message"]


async def test_no_client_meets_it_before_it_has_the_pods_of_its_first_weight(
    operator: Operator, memory: MemoryCluster
) -> None:
    stable, _ = await begun(operator, MIRRORED)
    await operator.until("fraud", mirrored, moving=5)
    memory.pods.model("v2").starts_after = 1e6
    await operator.until(
        "fraud", lambda s: s["candidate"]["weight"]["wanted"] == 50, moving=5, within=60
    )
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingPods"
    )
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    assert status["candidate"]["weight"]["actual"] == 0
    assert copies(await route(operator)) == {}


GUARDED_AT_ONCE = {
    "steps": [{"preview": TRY}, {"mirror": {"percent": 100}}],
    "guard": {"duration": "1h"},
    "analysis": ERRORS,
    **PATIENT,
}


@pytest.mark.parametrize("by", ["steps", "command"])
async def test_all_at_once_after_copies_and_then_a_guard(operator: Operator, by: str) -> None:
    stable, candidate = await begun(operator, GUARDED_AT_ONCE)
    if by == "command":
        await operator.until("fraud", mirrored, moving=5)
        await operator.command("fraud", f"promote/{candidate}")
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["stage"] == "Guarded", moving=5, within=60
    )
    assert status["candidate"]["preview"] == []
    assert status["candidate"]["weight"].get("mirrored") is None
    await operator.until_split("fraud", {f"fraud-{stable}": 5, f"fraud-{candidate}": 95})
    assert (copies(await route(operator)), previewed(await route(operator))) == ({}, [])
