"""What `serinus explain` ends with, typed on a real cluster as it is written."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from serinus.api.reasons import Reason
from tests.integration.conftest import kubectl, serinus
from tests.support.inprocess import Operator
from tests.support.rollouts import ERRORS, healthy, spec

PAUSES = {"steps": [{"setWeight": 20}, {"pause": {}}], "analysis": ERRORS}


async def typed(
    operator: Operator, environment: dict[str, str], name: str = "fraud"
) -> list[list[str]]:
    """The commands, as a shell splits them."""
    place = ("-n", operator.namespace, "-o", "json")
    code, out, err = await serinus(environment, "explain", name, *place)
    assert code == 0, err
    return [shlex.split(each["command"]) for each in json.loads(out)["remedies"]]


async def test_each_command_for_a_rollout_that_waits_is_understood_and_the_last_ends_it(
    operator: Operator, environment: dict[str, str]
) -> None:
    await operator.apply("fraud", **spec("v1", rollout=PAUSES))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=PAUSES))
    await operator.until("fraud", lambda s: s["phase"] == "Paused", moving=10)
    *_, promote, abort = await typed(operator, environment)
    assert (promote[1], abort[1]) == ("promote", "abort")
    assert (await serinus(environment, *abort[1:]))[0] == 0
    [retry] = await typed(operator, environment)
    assert (await serinus(environment, *retry[1:]))[0] == 0
    await operator.until("fraud", lambda s: s["candidate"])


async def test_what_is_typed_about_pods_and_names_reads_the_objects_at_hand(
    operator: Operator, environment: dict[str, str], tmp_path: Path
) -> None:
    """kubectl answers 0 to each, and edits what the editor leaves as it is."""
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "fraud"}}
    theirs["spec"] = {"ports": [{"port": 80}]}
    kubectl("create", "-n", operator.namespace, "-f", "-", stdin=json.dumps(theirs))
    await operator.apply("fraud", **spec("v1"))

    def taken(status: dict[str, Any]) -> bool:
        return any(each["reason"] == "NameTaken" for each in status["conditions"])

    await operator.until("fraud", taken)
    commands = await typed(operator, environment)
    assert [each[1] for each in commands if "service/fraud" in each] == ["get", "annotate"]
    for each in commands:
        if each[0] == "kubectl":
            kubectl(*each[1:])
    await operator.until("fraud", healthy("v1"), moving=5)


async def test_every_kubectl_command_of_the_table_is_one_that_kubectl_knows(
    operator: Operator,
) -> None:
    """With --help, so that nothing must exist: an unknown flag or resource is an error before."""
    commands = "\n".join(each.command for reason in Reason for each in reason.meaning.remedies)
    resources = set(re.findall(r"kubectl (?:get|describe|edit|scale) ([a-z,]+)", commands))
    assert {"mdep", "pods", "controllerrevisions", "httproutes,services"} <= resources
    known = kubectl("api-resources", "--output=wide").stdout
    for resource in sorted({each for found in resources for each in found.split(",")}):
        assert re.search(rf"^(?:{resource}\b|\S+\s+(?:\S+,)?{resource}\b)", known, re.M), resource
