"""The verbs of `serinus` that need a cluster, against a real API server, as they are typed."""

import asyncio
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import yaml

from serinus.cli.files import problems_of
from serinus.cli.manifest_yaml import ManifestLoader, dump
from tests.integration.conftest import ROOT, kubectl, serinus
from tests.support.guards import promoted
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, rolls_out, spec

LOAN = """\
apiVersion: serinus.dev/v1alpha1
kind: ModelDeployment
metadata: {name: loan}
spec:
  replicas: 2
  template:
    spec: {containers: [{name: model, image: "m:1", ports: [{containerPort: 8080}]}]}
"""
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/cli.md").read_text(), re.DOTALL)
TYPED = {
    line.split()[1]: line.split()[1:]
    for line in "".join(BLOCKS).splitlines()
    if line.startswith("serinus ") and "examples/" not in line and " > " not in line
}
"""What docs/cli.md tells to type to a cluster, by verb."""


async def rolling_out(operator: Operator, name: str) -> tuple[str, str]:
    """A candidate at 20% whose checks find it as good as stable; both revisions."""
    await operator.apply(name, **spec("v1"))
    stable = (await operator.until(name, healthy("v1")))["stable"]["revision"]
    await operator.apply(name, **spec("v2"))
    await operator.until(name, rolls_out("v2"))
    status = await operator.until(name, lambda s: s["candidate"]["weight"]["actual"] == 20)
    return stable, status["candidate"]["revision"]


async def test_a_rollout_is_seen_by_all_of_its_forms(
    operator: Operator, environment: dict[str, str]
) -> None:
    there = ("-n", operator.namespace)
    code, out, err = await serinus(environment, "list", *there)
    assert (code, out, "No ModelDeployments" in err) == (0, "", True), err
    _, candidate = await rolling_out(operator, "fraud")
    _, out, _ = await serinus(environment, "list", "-A")
    rows = [line.split()[:6] for line in out.splitlines()]
    assert [operator.namespace, "fraud", "Progressing", "v1", "v2", "20%"] in rows
    _, out, _ = await serinus(environment, "get", "fraud", *there)
    assert f"{operator.namespace}/fraud: Progressing" in out and "RolloutStarted" in out
    assert f"fraud-{candidate}-" in out.partition("POD ")[2]
    _, out, _ = await serinus(environment, "get", "fraud", *there, "-o", "json")
    found: dict[str, Any] = json.loads(out)
    assert (found["candidate"]["weight"], found["stable"]["weight"]) == (20, 80)


async def test_what_is_not_there_is_said(operator: Operator, environment: dict[str, str]) -> None:
    there = ("fraud", "-n", operator.namespace)
    for verb in (("get",), ("get", "--watch"), ("status", "--wait"), ("abort",)):
        code, _, err = await serinus(environment, *verb, *there)
        assert code == 2
        assert '"fraud" not found' in err
    code, _, err = await serinus(environment, "list", "--context", "elsewhere")
    assert code == 2
    assert "context" in err and "elsewhere" in err


async def test_each_change_is_shown_with_watch_until_the_object_is_deleted(
    operator: Operator, environment: dict[str, str]
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serinus.cli", "get", "fraud", "-n", operator.namespace, "-w"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout and process.stderr

    async def until(words: str) -> None:
        assert process.stdout
        async with asyncio.timeout(60):
            while words not in (line := (await process.stdout.readline()).decode()):
                assert line, "it ended"

    try:
        await until("fraud: Healthy")
        await operator.apply("fraud", **spec("v2"))
        await until("fraud: Progressing")
        await operator.cluster.delete(await operator.get("fraud"))
        async with asyncio.timeout(60):
            assert "fraud was deleted" in (await process.stderr.read()).decode()
            assert await process.wait() == 2
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_each_verb_of_the_documents_acts_and_returns_when_it_is_obeyed(
    operator: Operator, environment: dict[str, str]
) -> None:
    stable, candidate = await rolling_out(operator, "loan")
    used = {"list", "get"}

    async def type_(verb: str, *more: str) -> tuple[int, str]:
        used.add(verb)
        code, out, err = await serinus(environment, *TYPED[verb], *more, "-n", operator.namespace)
        return code, out + err

    code, told = await type_("history")
    rows = [line.split()[:5] for line in told.splitlines()]
    assert ["1", stable, "v1", "-", "stable"] in rows
    assert ["2", candidate, "v2", "-", "candidate"] in rows
    code, told = await type_("history", "--all")
    reasons = [line.split()[1] for line in told.splitlines()[1:]]
    assert reasons == ["FirstDeployment", "Promoted", "RolloutStarted"]
    code, told = await type_("resume")
    assert (code, "spec.rollout.paused is not true" in told) == (1, True)
    waiting = asyncio.create_task(type_("status"))
    code, told = await type_("pause")
    assert (code, "spec.rollout.paused is now true" in told) == (0, True)
    await operator.until("loan", lambda s: s["phase"] == "Paused", moving=60)
    code, told = await waiting
    assert (code, "spec.rollout.paused is true" in told) == (3, True)
    assert (await type_("status", "--until", "paused"))[0] == 0
    assert (await type_("pause"))[0] == 1
    assert (await type_("resume"))[0] == 0

    code, told = await type_("abort")
    assert (code, f"abort of {candidate} is obeyed." in told) == (0, True)
    code, told = await type_("status")
    assert (code, "was aborted by command" in told) == (1, True)
    code, told = await type_("explain")
    assert "Aborted" in told and "serinus retry loan" in told
    code, told = await type_("abort")
    assert (code, f"use retry to try revision {candidate} again" in told) == (1, True)

    code, told = await type_("approve")
    assert (code, "no rollout is in progress" in told) == (1, True)
    assert (await type_("retry"))[0] == 0
    await operator.until("loan", lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert (await type_("promote"))[0] == 0
    assert (await type_("status", "--until", "healthy"))[0] == 0
    code, told = await type_("undo", "--to", candidate)
    assert (code, "is already stable" in told) == (1, True)
    code, told = await type_("undo")
    assert (code, f"undo to {stable} is obeyed." in told) == (0, True)
    status = await operator.until("loan", lambda s: s["stable"]["revision"] == stable)
    assert status["rejected"]["revision"] == candidate
    assert used == set(TYPED)


async def test_a_command_is_given_up_on_when_nobody_obeys(
    operator: Operator, environment: dict[str, str]
) -> None:
    _, candidate = await rolling_out(operator, "fraud")
    await operator.stop()
    fraud = ("fraud", "-n", operator.namespace)
    code, _, err = await serinus(environment, "abort", *fraud, "--timeout", "1s")
    assert (code, "the operator has not answered yet" in err) == (4, True)
    code, out, _ = await serinus(environment, "status", *fraud, "--wait", "--timeout", "1s")
    assert (code, "Not promoted when the time was up" in out) == (4, True)
    await operator.start()
    rejected = (await operator.until("fraud", lambda s: s["rejected"]))["rejected"]
    assert (rejected["revision"], rejected["reason"]) == (candidate, "Aborted")


SCALARS = """\
20 20.0 20.5 2e1 2E+1 2.0e+1 1234e5 12e456 1e20 1e21 0x14 0X1F 0x_ 0x1g 0b101 0o24 024 08 0o8
1_0 1_0.0 1_ _1 20. .5 -.5 +5 -0 -0.0 0 00 1:30 1:30.5 yes no on off y n Y N True tRUE ~ null
2026-11-01 2026-11-01T10:00:00Z 1e 1e5x 1.2.3 = 0.1 1e-7 +.5e3"""


def test_scalars_are_read_and_written_as_kubectl_reads_them(namespace: str) -> None:
    written = "".join(f"  - {each}\n" for each in SCALARS.split())
    loan = f"{LOAN}  listed:\n{written}  1: a\n  on: b\n"
    options = ("--dry-run=client", "--validate=false", "-o=json", "-f=-", f"-n={namespace}")
    sent = json.loads(kubectl("create", *options, stdin=loan).stdout)["spec"]
    read = yaml.load(loan, ManifestLoader)["spec"]
    assert sent == read
    assert [*map(repr, sent["listed"])] == [*map(repr, read["listed"])], "1 is not true"

    strings = dump([{**yaml.load(LOAN, ManifestLoader), "spec": {"listed": SCALARS.split()}}])
    sent = json.loads(kubectl("create", *options, stdin=strings).stdout)["spec"]
    assert sent == {"listed": SCALARS.split()}


def test_whole_numbers_that_lint_accepts_are_accepted_from_kubectl(namespace: str) -> None:
    loan = LOAN.replace("replicas: 2", "replicas: 2.0").replace("8080", "8080.0")
    loan += "  rollout: {steps: [{setWeight: 20.0}]}\n"
    [written] = yaml.load_all(loan, ManifestLoader)
    assert problems_of(written) == []
    options = ("--dry-run=server", "-o=json", "-f=-", f"--namespace={namespace}")
    sent = json.loads(kubectl("create", *options, stdin=loan).stdout)["spec"]
    assert sent["rollout"]["steps"] == [{"setWeight": 20}]


async def test_a_live_deployment_is_converted_as_it_is_typed(
    namespace: str, environment: dict[str, str], tmp_path: Path
) -> None:
    there = f"--namespace={namespace}"
    kubectl("create", "deployment", "loan", "--image=m:1", "--port=8080", there)
    [line] = [each for each in "".join(BLOCKS).splitlines() if "serinus convert" in each]
    command = line.replace("kubectl get", f"kubectl get {there}").replace("serinus", "$SERINUS")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-ec", command),
        env={
            **environment,
            "SERINUS": f"{sys.executable} -m serinus.cli",
            "PYTHONPATH": str(ROOT / "operator"),
        },
        cwd=tmp_path,
    )
    assert await process.wait() == 0
    kubectl("apply", "--dry-run=server", "-f", str(tmp_path / "loan.yaml"))


async def test_people_see_a_previous_and_a_promoted_revision(
    operator: Operator, environment: dict[str, str]
) -> None:
    before, after = await promoted(operator)
    there = ("fraud", "-n", operator.namespace)
    _, out, _ = await serinus(environment, "get", *there)
    assert re.search(rf"^previous +{before} +v1 .* 5%$", out, re.MULTILINE)
    assert re.search(rf"^promoted +{after} +v2 .* 95%$", out, re.MULTILINE)
    assert "PROMOTED REQUESTS   PREVIOUS REQUESTS" in out
    _, out, _ = await serinus(environment, "explain", *there)
    title = f"Revision {after} against the previous revision {before}, "
    assert re.search(f"^{title}.*, promoted after .* and guarded since:$", out, re.MULTILINE)
    _, out, _ = await serinus(environment, "history", *there, "-o", "json")
    roles = {each["revision"]: each["role"] for each in json.loads(out)["revisions"]}
    assert roles == {before: "previous", after: "promoted"}


async def test_a_script_can_wait_for_it_as_the_docs_say(operator: Operator) -> None:
    docs = Path("docs/operations.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^kubectl (wait .*condition=Available.*)$", docs, re.MULTILINE)
    await operator.apply("loan", **spec("v1"))
    await operator.until("loan", healthy("v1"))
    told = kubectl(*shlex.split(command), "-n", operator.namespace).stdout
    assert "condition met" in told
