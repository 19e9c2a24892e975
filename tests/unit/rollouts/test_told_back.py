"""A registry is told what has become of a version, if both sides want that, and not otherwise."""

from typing import Any

import pytest

from serinus.api.status import VersionWrite
from tests.support.inprocess import Manifest, Operator
from tests.support.registry import CHAMPION, version
from tests.support.rollouts import healthy, rolls_out, spec
from tests.unit.rollouts.conftest import Between
from tests.unit.rollouts.test_failing_children import failing


def following(tell_back: dict[str, Any] | None) -> dict[str, Any]:
    more = {} if tell_back is None else {"tellBack": tell_back}
    return {**spec("v1"), "model": {"registry": {**CHAMPION["registry"], **more}}}


async def begun(operator: Operator, tell_back: dict[str, Any] | None, may_write: bool) -> None:
    """Version 5 is rolled out beside version 4."""
    if operator.registry.may_write != may_write:
        await operator.stop()
        operator.registry.may_write = may_write
        await operator.__aenter__()
    operator.registry.names(version("4"))
    await operator.apply("fraud", **following(tell_back))
    await operator.until("fraud", healthy("4"))
    operator.registry.names(version("5"))
    await operator.until("fraud", rolls_out("5"))


async def command(operator: Operator, verb: str) -> None:
    status = (await operator.get("fraud"))["status"]
    await operator.command("fraud", f"{verb}/{status['candidate']['revision']}")


async def rolled_back(operator: Operator) -> None:
    await command(operator, "abort")
    await operator.until("fraud", lambda s: s["phase"] == "RolledBack")


def told(operator: Operator) -> Any:
    return lambda s: len(operator.registry.written) > 0 and not s.get("notices")


def of(found: str, alias: str = "") -> VersionWrite:
    return VersionWrite(registry="company", model="fraud", version=found, alias=alias)


async def test_a_promotion_and_a_rollback_are_told_once_each(operator: Operator) -> None:
    await begun(operator, {"onRollback": {"setAlias": "rejected"}}, may_write=True)
    await command(operator, "promote")
    await operator.until("fraud", healthy("5"))
    operator.registry.names(version("6"))
    await operator.until("fraud", rolls_out("6"))
    await rolled_back(operator)
    await operator.until("fraud", told(operator))
    writes = [(kind, write) for kind, write in operator.registry.written if write.version != "4"]
    assert writes == [("Promoted", of("5")), ("RolledBack", of("6", "rejected"))]


async def test_a_rollback_before_its_revision_is_stored_is_told(
    through: Operator, between: Between
) -> None:
    """The pass that starts a rollout stores no ControllerRevision, and the next one may not be
    able to."""
    await begun(through, {}, may_write=True)
    await rolled_back(through)
    await through.until("fraud", told(through))
    between.before = failing("ControllerRevision")
    through.registry.names(version("6"))
    await through.until("fraud", rolls_out("6"))
    await command(through, "abort")
    await through.until("fraud", lambda s: len(through.registry.written) > 2)
    assert through.registry.written[1:] == [("RolledBack", of("5")), ("RolledBack", of("6"))]


async def test_without_an_alias_only_the_outcome_is_told(operator: Operator) -> None:
    await begun(operator, {}, may_write=True)
    await rolled_back(operator)
    await operator.until("fraud", told(operator))
    assert operator.registry.written[-1] == ("RolledBack", of("5"))


async def test_nothing_is_told_if_the_spec_does_not_want_it(operator: Operator) -> None:
    await begun(operator, None, may_write=True)
    await rolled_back(operator)
    await command_after(operator)
    assert operator.registry.written == []


async def test_nothing_is_told_if_the_registry_may_not_be_written_to_and_the_log_says_so(
    operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    await begun(operator, {"onRollback": {"setAlias": "rejected"}}, may_write=False)
    await rolled_back(operator)
    status = await command_after(operator)
    assert operator.registry.written == [] and not status.get("notices")
    assert (
        "registry company is not told: spec.model.registry.tellBack needs a registry" in caplog.text
    )


async def test_a_revision_that_is_not_from_there_is_not_told(operator: Operator) -> None:
    await begun(operator, {}, may_write=True)
    await rolled_back(operator)
    await operator.until("fraud", told(operator))
    before = len(operator.registry.written)
    await operator.apply("fraud", **spec("v9"))
    await operator.until("fraud", rolls_out("v9"))
    await command(operator, "abort")
    await operator.until("fraud", lambda s: "candidate" not in s)
    await operator.apply("fraud", **following({}))
    await command_after(operator)
    assert len(operator.registry.written) == before


async def test_a_template_that_is_rolled_back_is_not_told_of_the_version_that_serves(
    operator: Operator,
) -> None:
    await begun(operator, {"onRollback": {"setAlias": "rejected"}}, may_write=True)
    await command(operator, "promote")
    await operator.until("fraud", healthy("5"))
    changed = spec("v1")["template"]
    changed["spec"]["containers"][0]["image"] = "m:2"
    await operator.edit("fraud", lambda live: live["spec"].update(template=changed))
    await operator.until("fraud", rolls_out("5"))
    await rolled_back(operator)
    await command_after(operator)
    assert operator.registry.written == [("Promoted", of("4")), ("Promoted", of("5"))]


async def test_what_is_undone_in_its_guard_is_told_to_be_rolled_back(operator: Operator) -> None:
    await begun(operator, {"onRollback": {"setAlias": "rejected"}}, may_write=True)
    guard = {"guard": {"duration": "1h"}}
    await operator.edit("fraud", lambda live: live["spec"]["rollout"].update(guard))
    stable = (await operator.get("fraud"))["status"]["stable"]["revision"]
    await command(operator, "promote")
    await operator.until("fraud", lambda s: s["candidate"]["stage"] == "Guarded")
    await operator.command("fraud", f"undo/{stable}")
    await operator.until("fraud", lambda s: s["phase"] == "RolledBack")
    await operator.until("fraud", told(operator))
    writes = [(kind, write) for kind, write in operator.registry.written if write.version == "5"]
    assert writes == [("Promoted", of("5")), ("Cancelled", of("5", "rejected"))]


async def test_an_operator_that_ends_before_it_is_told_loses_nothing(operator: Operator) -> None:
    await begun(operator, {"onRollback": {"setAlias": "rejected"}}, may_write=True)
    operator.registry.writable = False
    operator.registry.written.clear()
    await rolled_back(operator)
    status = (await operator.get("fraud"))["status"]
    await operator.stop()
    assert status["phase"] == "RolledBack"
    operator.registry.writable = True
    await operator.__aenter__()
    await operator.until("fraud", told(operator))
    assert operator.registry.written == [("RolledBack", of("5", "rejected"))]


async def test_a_new_leader_knows_what_is_followed_before_it_tells_a_registry_anything(
    operator: Operator,
) -> None:
    """Otherwise it could set an alias that an object follows which has had no pass yet."""
    await begun(operator, {"onRollback": {"setAlias": "rejected"}}, may_write=True)
    await operator.stop()
    await operator.__aenter__()
    await command_after(operator)
    assert ("shop", "fraud") in operator.registry.followed_first


async def command_after(operator: Operator) -> Manifest:
    """The status after another version, so that all that was due is done."""
    operator.registry.names(version("7"))
    await operator.until("fraud", rolls_out("7"))
    status: Manifest = (await operator.get("fraud"))["status"]
    return status
