"""A spec that follows an alias in a registry, and all that a registry may say."""

import asyncio
from dataclasses import replace

from tests.support.inprocess import Manifest, Operator
from tests.support.registry import CHAMPION, REFERENCE, version
from tests.support.rollouts import healthy, rolls_out, spec

FOLLOWED = {**spec("v1"), "model": CHAMPION}
OTHER = {"registry": {**CHAMPION["registry"], "alias": "challenger"}}

CHALLENGER = replace(REFERENCE, alias="challenger")


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
    assert "is not known. It was not asked yet." in status["message"]
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
    assert status["decisions"][0]["reason"] == "Reverted"


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
    assert "Version 4 is not the one that was read before" in condition(status)["message"]
    assert status["stable"] == before["stable"] and status["model"] == before["model"]


async def test_another_alias_that_is_not_known_yet_changes_nothing_not_even_with_a_new_template(
    operator: Operator,
) -> None:
    before = await serving(operator)
    template = {
        "spec": {"containers": [{"name": "model", "image": "m:2", "ports": [{"containerPort": 1}]}]}
    }
    await operator.apply("fraud", **{**FOLLOWED, "model": OTHER, "template": template})
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
