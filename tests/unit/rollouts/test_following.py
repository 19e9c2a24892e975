"""A spec that follows an alias in a registry, and all that a registry may say."""

import asyncio
from dataclasses import replace

import pytest

from serinus.cluster import ApiError
from tests.campaign.wire import Reply, Request, refusal
from tests.support.guards import ROLLOUT, guarded
from tests.support.inprocess import Manifest, Operator
from tests.support.kubelet import pods_of, report
from tests.support.registry import CHAMPION, REFERENCE, version
from tests.support.rollouts import healthy, rolls_out, spec
from tests.unit.rollouts.conftest import Between

FOLLOWED = {**spec("v1"), "model": CHAMPION}
OTHER = {"registry": {**CHAMPION["registry"], "alias": "challenger"}}

CHALLENGER = replace(REFERENCE, alias="challenger")
ANOTHER = {
    "spec": {"containers": [{"name": "model", "image": "m:2", "ports": [{"containerPort": 1}]}]}
}


def condition(status: Manifest, name: str = "ModelResolved") -> Manifest:
    found: dict[str, Manifest] = {each["type"]: each for each in status["conditions"]}
    return found.get(name, {})


async def serving(operator: Operator, found: str = "4") -> Manifest:
    operator.registry.names(version(found))
    await operator.apply("fraud", **FOLLOWED)
    return await operator.until("fraud", healthy(found))


async def command(operator: Operator, verb: str, role: str) -> None:
    status = (await operator.get("fraud"))["status"]
    await operator.command("fraud", f"{verb}/{status[role]['revision']}")


async def settled(operator: Operator) -> Manifest:
    """The status once everything that was woken has had its passes."""
    await asyncio.sleep(2)
    status: Manifest = (await operator.get("fraud"))["status"]
    return status


async def test_the_version_of_the_alias_serves_and_the_status_says_where_it_is_from(
    operator: Operator,
) -> None:
    status = await serving(operator)
    known = status["model"]
    assert (known["version"], known["storageUri"]) == ("4", "models:/fraud/4")
    assert (known["run"], known["link"]) == ("run-4", "https://models.company/fraud/4")
    assert condition(status)["status"] == "True"
    revision = status["stable"]["revision"]
    pods = await operator.cluster.get("Deployment", operator.namespace, f"fraud-{revision}")
    env = pods["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {each["name"]: each["value"] for each in env} == {
        "MODEL_URI": "models:/fraud/4",
        "MODEL_VERSION": "4",
    }
    assert (await operator.get("fraud"))["spec"]["model"] == CHAMPION, "no spec is ever written"


async def test_nothing_is_deployed_until_the_registry_has_said_which_version(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **FOLLOWED)
    status = await operator.until("fraud", lambda s: s["phase"] == "Progressing" and s["message"])
    assert "is not resolved. The registry has not been asked yet." in status["message"]
    operator.registry.fails("It has no alias champion.")
    status = await operator.until("fraud", lambda s: "no alias champion" in s["message"], within=60)
    assert "stable" not in status and "candidate" not in status
    operator.registry.names(version("4"))
    await operator.until("fraud", healthy("4"))


async def test_a_registry_that_this_namespace_may_not_use_is_said_and_nothing_is_deployed(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **FOLLOWED)
    operator.registry.fails("Registry company may not be used from here.", refused=True)
    status = await operator.until("fraud", lambda s: s["phase"] == "Degraded")
    assert condition(status, "Ready")["reason"] == "RegistryRefused"
    assert "may not be used from here" in status["message"]


async def test_a_moved_alias_is_rolled_out_as_a_new_revision(operator: Operator) -> None:
    await serving(operator)
    operator.registry.names(version("5"))
    status = await operator.until("fraud", rolls_out("5"))
    assert status["stable"]["version"] == "4"
    started = status["decisions"][0]
    assert "champion of model fraud in registry company names version 5" in started["message"]


async def test_an_alias_that_is_moved_back_reverts_the_rollout(operator: Operator) -> None:
    before = await serving(operator)
    operator.registry.names(version("5"))
    await operator.until("fraud", rolls_out("5"))
    operator.registry.names(version("4"))
    status = await operator.until("fraud", healthy("4"))
    assert "candidate" not in status
    assert status["stable"]["revision"] == before["stable"]["revision"]
    reverted = status["decisions"][0]
    assert reverted["reason"] == "Reverted"
    assert reverted["message"].endswith(
        "Alias champion of model fraud in registry company names version 4."
    ), "nobody has edited the spec"


async def test_an_alias_that_is_moved_again_supersedes_the_candidate(operator: Operator) -> None:
    await serving(operator)
    for name in ("5", "6", "7"):
        operator.registry.names(version(name))
    status = await operator.until("fraud", rolls_out("7"))
    operator.registry.names(version("8"))
    status = await operator.until("fraud", rolls_out("8"))
    assert status["stable"]["version"] == "4"
    assert "Superseded" in {each["reason"] for each in status["decisions"]}


async def test_an_alias_that_names_the_same_version_changes_nothing(operator: Operator) -> None:
    before = await serving(operator)
    operator.registry.names(version("4"))
    status = await settled(operator)
    assert status["decisions"] == before["decisions"]
    assert status["model"] == before["model"]


async def test_a_registry_that_is_down_for_an_hour_changes_nothing_and_a_condition_says_since_when(
    operator: Operator,
) -> None:
    await serving(operator)
    operator.registry.names(version("5"))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    operator.registry.fails("It refused the connection.")
    began = (await operator.until("fraud", lambda s: condition(s)["status"] == "False"))["model"]
    await asyncio.sleep(3600)
    status = await operator.until("fraud", healthy("5"), within=900)
    assert status["model"] == began
    assert "Since 2" in condition(status)["message"]
    assert (
        "It refused the connection. Version 5 of model fraud stays" in condition(status)["message"]
    )
    operator.registry.names(version("5"))
    await operator.until("fraud", lambda s: condition(s)["status"] == "True")


async def test_after_a_restart_what_the_status_says_stands_until_the_registry_answers(
    operator: Operator,
) -> None:
    await serving(operator)
    operator.registry.names(version("5"))
    before = await operator.until("fraud", rolls_out("5"))
    await operator.stop()
    operator.registry.forgets()
    await operator.__aenter__()
    status = await settled(operator)
    assert status["candidate"]["revision"] == before["candidate"]["revision"]
    assert condition(status)["status"] == "True", "it was not asked yet"
    operator.registry.fails("It refused the connection.")
    status = await operator.until("fraud", lambda s: condition(s)["status"] == "False")
    assert status["candidate"]["revision"] == before["candidate"]["revision"]


async def test_a_version_that_is_not_what_it_was_is_not_taken_for_the_same(
    operator: Operator,
) -> None:
    before = await serving(operator)
    operator.registry.names(version("4", again="x"))
    status = await operator.until("fraud", lambda s: condition(s)["status"] == "False")
    assert "Version 4 has changed under the same name" in condition(status)["message"]
    assert status["stable"] == before["stable"] and status["model"] == before["model"]


async def test_another_uri_of_the_same_version_rolls_nothing_out_after_a_restart(
    operator: Operator,
) -> None:
    before = await serving(operator)
    await operator.stop()
    operator.registry.forgets()
    operator.registry.names(replace(version("4"), uri="s3://moved/fraud/4"))
    await operator.__aenter__()
    status = await operator.until("fraud", lambda s: "is now" in condition(s)["message"], moving=5)
    assert (
        "is now s3://moved/fraud/4, but models:/fraud/4 stays in use"
        in condition(status)["message"]
    )
    status = await settled(operator)
    assert status["stable"] == before["stable"] and status["decisions"] == before["decisions"]
    assert status["model"] == before["model"]
    operator.registry.names(version("5"))
    await operator.until("fraud", rolls_out("5"))


async def test_another_alias_that_is_not_known_yet_changes_nothing_not_even_with_a_new_template(
    operator: Operator,
) -> None:
    before = await serving(operator)
    await operator.apply("fraud", **{**FOLLOWED, "model": OTHER, "template": ANOTHER})
    status = await operator.until("fraud", lambda s: "challenger" in condition(s)["message"])
    assert "Nothing is rolled out until it is." in condition(status)["message"]
    assert "candidate" not in await settled(operator)
    assert status["stable"]["revision"] == before["stable"]["revision"]
    operator.registry.names(version("9"), CHALLENGER)
    status = await operator.until("fraud", rolls_out("9"))
    assert status["model"]["alias"] == "challenger"


async def test_another_alias_of_the_same_version_starts_no_rollout(operator: Operator) -> None:
    before = await serving(operator)
    operator.registry.names(version("4"), CHALLENGER)
    await operator.apply("fraud", **{**FOLLOWED, "model": OTHER})
    await operator.until("fraud", lambda s: s["model"]["alias"] == "challenger")
    assert (await settled(operator))["decisions"] == before["decisions"]


async def test_a_rejected_version_stays_rejected_while_the_alias_names_it(
    operator: Operator,
) -> None:
    await serving(operator)
    operator.registry.names(version("5"))
    await operator.until("fraud", rolls_out("5"))
    await command(operator, "abort", "candidate")
    status = await operator.until("fraud", lambda s: s["phase"] == "RolledBack")
    operator.registry.names(version("5"))
    assert "candidate" not in await settled(operator)
    operator.registry.names(version("6"))
    await operator.until("fraud", rolls_out("6"))
    operator.registry.names(version("5"))
    await operator.until("fraud", rolls_out("5"))
    assert status["stable"]["version"] == "4"


async def test_undo_returns_to_the_version_before_while_the_alias_names_the_other(
    operator: Operator,
) -> None:
    before = await serving(operator)
    operator.registry.names(version("5"))
    await operator.until("fraud", rolls_out("5"))
    await command(operator, "promote", "candidate")
    await operator.until("fraud", healthy("5"))
    await operator.command("fraud", f"undo/{before['stable']['revision']}")
    status = await operator.until(
        "fraud", lambda s: s["stable"]["version"] == "4" and "candidate" not in s
    )
    assert status["phase"] == "RolledBack"
    assert status["rejected"]["reason"] == "Undone"


async def test_a_spec_that_names_the_version_itself_follows_nothing_any_more(
    operator: Operator,
) -> None:
    await serving(operator)
    await operator.apply("fraud", **spec("v9"))
    status = await operator.until("fraud", rolls_out("v9"))
    assert "model" not in status
    assert not condition(status)
    assert not operator.registry.followers


async def test_an_alias_that_is_not_known_is_a_condition_too_where_nothing_serves(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **FOLLOWED)
    operator.registry.fails("It has no alias champion.")
    status = await operator.until("fraud", lambda s: condition(s).get("status") == "False")
    assert "no alias champion" in condition(status)["message"]
    operator.registry.names(version("4"))
    status = await operator.until("fraud", healthy("4"))
    assert condition(status)["status"] == "True"


async def test_a_candidate_whose_history_is_lost_is_dropped_while_another_alias_is_not_known(
    operator: Operator,
) -> None:
    """It would keep its traffic, and nobody would judge it."""
    before = await serving(operator)
    operator.registry.names(version("5"))
    status = await operator.until("fraud", rolls_out("5"))
    name = f"fraud-{status['candidate']['revision']}"
    await operator.apply("fraud", **{**FOLLOWED, "model": OTHER})
    await operator.until("fraud", lambda s: "challenger" in condition(s)["message"])
    stored = await operator.cluster.get("ControllerRevision", operator.namespace, name)
    await operator.cluster.delete(stored)
    status = await operator.until("fraud", healthy("4"))
    assert "candidate" not in status
    assert status["stable"]["revision"] == before["stable"]["revision"]


async def test_a_rollout_goes_on_though_the_status_has_lost_its_version_and_the_registry_is_down(
    operator: Operator,
) -> None:
    await serving(operator)
    operator.registry.names(version("5"))
    before = await operator.until("fraud", rolls_out("5"))
    await operator.stop()
    operator.registry.forgets()
    live = await operator.get("fraud")
    without_digest = {**live["status"].pop("model"), "digest": ""}
    with pytest.raises(ApiError, match="should be at least 1 chars long"):  # another revision
        await operator.cluster.update_status(live, {**live["status"], "model": without_digest})
    await operator.cluster.update_status(live, live["status"])
    await operator.__aenter__()
    operator.registry.fails("It refused the connection.")
    status = await operator.until("fraud", lambda s: condition(s)["status"] == "False")
    assert (await settled(operator))["candidate"]["revision"] == before["candidate"]["revision"]
    operator.registry.names(version("5"))
    status = await operator.until("fraud", lambda s: condition(s)["status"] == "True")
    assert status["candidate"]["revision"] == before["candidate"]["revision"]
    assert status["model"]["digest"] == version("5").digest
    reasons = [each["reason"] for each in status["decisions"]]
    assert reasons.count("RolloutStarted") == 1


async def test_a_model_that_was_named_before_is_kept_until_the_registry_has_answered(
    operator: Operator,
) -> None:
    """A status of the time before there was anything to follow."""
    await operator.apply("fraud", **spec("v1"))
    before = await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **FOLLOWED)
    operator.registry.fails("It refused the connection.")
    await operator.until("fraud", lambda s: condition(s).get("status") == "False")
    status = await settled(operator)
    assert status["stable"] == before["stable"] and "candidate" not in status
    operator.registry.names(version("5"))
    await operator.until("fraud", rolls_out("5"))


async def test_a_candidate_that_nobody_can_judge_since_all_history_is_lost_gets_no_traffic(
    operator: Operator,
) -> None:
    await serving(operator)
    operator.registry.names(version("5"))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    stable, candidate = (status[role]["revision"] for role in ("stable", "candidate"))
    await operator.stop()
    for each in await operator.cluster.list("ControllerRevision", operator.namespace):
        await operator.cluster.delete(each)
    await operator.apply("fraud", **{**FOLLOWED, "model": OTHER, "template": ANOTHER})
    operator.traffic.errors = {f"fraud-{candidate}": 0.3}
    await operator.__aenter__()
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    status = await settled(operator)
    assert (
        f"Nothing is rolled out until it is. Revision {candidate} is not judged meanwhile, so it "
        "receives no requests of clients until this is fixed." in status["message"]
    )
    assert status["candidate"]["weight"]["actual"] == 0
    operator.traffic.errors = {}
    operator.registry.names(version("9"), CHALLENGER)
    status = await operator.until("fraud", rolls_out("9"))
    assert status["stable"]["revision"] == stable
    await operator.until("fraud", healthy("9"), within=7200)


async def test_a_candidate_whose_history_is_lost_gets_its_traffic_back_with_its_alias(
    operator: Operator,
) -> None:
    await serving(operator)
    operator.registry.names(version("5"))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    stable, candidate = (status[role]["revision"] for role in ("stable", "candidate"))
    await operator.stop()
    for each in await operator.cluster.list("ControllerRevision", operator.namespace):
        await operator.cluster.delete(each)
    await operator.apply("fraud", **{**FOLLOWED, "model": OTHER})
    await operator.__aenter__()
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    await operator.apply("fraud", **FOLLOWED)
    status = await operator.until("fraud", healthy("5"), within=7200)
    assert status["stable"]["revision"] == candidate


async def lose_history(operator: Operator) -> None:
    """It ends, and its successor finds no history, and an alias that is not known."""
    await operator.stop()
    for each in await operator.cluster.list("ControllerRevision", operator.namespace):
        await operator.cluster.delete(each)
    await operator.apply("fraud", **{**FOLLOWED, "model": OTHER})


async def no_route(request: Request) -> Reply | None:
    if request.writes and request.place[0] == "HTTPRoute":
        return refusal(403, "Forbidden", "a policy does not like it")
    return None


async def test_why_there_is_nothing_to_act_on_is_told_though_the_route_cannot_be_written(
    through: Operator, between: Between
) -> None:
    await serving(through)
    through.registry.names(version("5"))
    await through.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    await lose_history(through)
    between.before = no_route
    await through.__aenter__()
    status = await through.until("fraud", lambda s: "challenger" in s["message"], moving=1)
    assert "receives no requests" not in status["message"]
    assert status["candidate"]["weight"]["actual"] == 20
    between.before = None
    await through.until_split("fraud", {f"fraud-{status['stable']['revision']}": 100}, within=60)
    await through.until("fraud", lambda s: "receives no requests" in s["message"])


async def test_what_was_rejected_loses_its_traffic_though_there_is_nothing_to_act_on(
    through: Operator, between: Between
) -> None:
    await serving(through)
    through.registry.names(version("5"))
    await through.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    between.before = no_route
    await command(through, "abort", "candidate")
    status = await through.until("fraud", lambda s: s["rejected"])
    await lose_history(through)
    assert len(await through.split("fraud")) == 2
    between.before = None
    await through.__aenter__()
    await through.until_split("fraud", {f"fraud-{status['stable']['revision']}": 100}, within=60)


async def test_what_is_taken_back_loses_its_traffic_though_there_is_nothing_to_act_on(
    operator: Operator,
) -> None:
    """As soon as the previous revision serves."""
    followed = {**FOLLOWED, "rollout": ROLLOUT}
    operator.registry.names(version("4"))
    await operator.apply("fraud", **followed)
    await operator.until("fraud", healthy("4"))
    operator.registry.names(version("5"))
    status = await operator.until("fraud", guarded("5"), moving=5)
    before, after = (status[role]["revision"] for role in ("stable", "candidate"))
    pods = await pods_of(operator, before)
    for pod in pods:
        await report(operator, pod, 1, ready=False)
    await operator.until("fraud", lambda s: not s["stable"].get("readyReplicas"))
    operator.registry.names(version("4"))
    await operator.until("fraud", lambda s: s["candidate"]["stage"] == "TakingBack")
    await operator.stop()
    for each in await operator.cluster.list("ControllerRevision", operator.namespace):
        await operator.cluster.delete(each)
    await operator.apply("fraud", **{**followed, "model": OTHER})
    await operator.__aenter__()
    await operator.until("fraud", lambda s: "challenger" in s["message"])
    await operator.until_split("fraud", {f"fraud-{after}": 100})
    for pod in pods:
        await report(operator, pod, 1, ready=True)
    await operator.until_split("fraud", {f"fraud-{before}": 100})
    await operator.until("fraud", lambda s: "receives no requests" in s["message"])
