"""What the runbook tells to type at 3 a.m., typed over a rollback and over a candidate."""

import re
import shlex

from tests.integration.conftest import ROOT, kubectl, serinus
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTION = RUNBOOK.partition("## At 3 a.m.\n")[2]
BLOCK = SECTION.partition("```sh\n")[2].partition("```")[0]
TYPED = re.findall(r"^kubectl (.*)$", BLOCK, re.M)


async def test_each_command_tells_or_does_what_it_is_said_to(
    operator: Operator, environment: dict[str, str]
) -> None:
    everything, warnings, description, abort = map(shlex.split, TYPED)
    here = f"--namespace={operator.namespace}"
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: "candidate" in s)
    operator.traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.05}
    evidence = (await operator.until("fraud", lambda s: s["rejected"], moving=5))["rejected"]
    await operator.until_announced("CheckFailed")

    rows = kubectl(*everything).stdout.splitlines()
    assert rows[0].split()[:3] == ["NAMESPACE", "NAME", "PHASE"]
    assert [operator.namespace, "fraud", "RolledBack"] in [row.split()[:3] for row in rows]
    told = [row for row in kubectl(*warnings).stdout.splitlines() if operator.namespace in row]
    assert len(told) == 1
    assert evidence["message"] in told[0]
    assert evidence["message"] in kubectl(*description, here).stdout
    [explain] = re.findall(r"^serinus (.*)$", BLOCK, re.M)
    code, out, _ = await serinus(environment, *explain.split(), here)
    assert (code, evidence["message"] in out) == (0, True)

    await operator.apply("fraud", **spec("v3"))
    status = await operator.until("fraud", lambda s: "candidate" in s)
    revision = status["candidate"]["revision"]
    kubectl(*(re.sub("abort/.*", f"abort/{revision}", word) for word in abort), here)
    aborted = await operator.until("fraud", lambda s: s["rejected"]["revision"] == revision)
    assert aborted["rejected"]["reason"] == "Aborted"
