"""What `make demo` shows, as assertions; and its last rollout, judged again from a recording."""

import gzip
import json
import math
import os
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from serinus.controller.status_writes import SAVE_WITHIN
from serinus.views.rollout import RolloutView
from tests.demo.screen import Screen
from tests.demo.story import NAMESPACE, Summary, play
from tests.stage.deployed import Status
from tests.stage.images import ROOT
from tests.stage.load import Clients
from tests.stage.stage import Stage

pytestmark = pytest.mark.quiet

INTERVAL: Final = 2.0
"""Seconds between two scrapes of a pod."""
SCRAPE: Final = INTERVAL + 0.5
"""The same, with half a second to spare."""
IN_THE_MOMENT: Final = 0.3
"""Seconds after the time of a look up to which the operator may have asked Prometheus for it. No
recording tells whether a scrape of the candidate within them had come before, or which of the
look's queries have it."""


class Witness(Screen):
    """Remembers every status that was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[Status] = []

    def moment(self, status: Status, view: RolloutView, clients: Clients) -> None:
        super().moment(status, view, clients)
        self.statuses.append(status)


@pytest.fixture(scope="module")
def witness() -> Witness:
    """Who sees the story."""
    return Witness()


@pytest.fixture(scope="module")
def story(product: Stage, witness: Witness) -> Summary:
    """The story, played once; its namespace stays for whoever wants to look."""
    return play(product, witness)


@pytest.fixture(scope="module")
def replayed(
    product: Stage, story: Summary, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The rollout of v4, recorded and judged again on this machine, by what docs/simulate.md says
    that one should type."""
    folder = tmp_path_factory.mktemp("recording")
    (folder / "examples").symlink_to(ROOT / "examples")
    document = (ROOT / "docs/simulate.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", document, re.DOTALL)
    typed = "".join(block for block in blocks if "loan.yaml" in block)
    commands = typed.replace("http://localhost:9090", product.prometheus_url)
    run(product, folder, commands)
    told: dict[str, Any] = json.loads(
        run(product, folder, "serinus replay --recording loan.json.gz -o json")
    )
    recording = json.loads(gzip.decompress((folder / "loan.json.gz").read_bytes()))
    of_candidate = [s for s in recording["scrapes"] if told["revision"] in s["metric"]["pod"]]
    scraped = [at for each in of_candidate for at, _ in each["values"]]
    looks = [datetime.fromisoformat(look["at"]).timestamp() for look in told["looks"]]
    told["inTheMoment"] = any(0 < at - look < IN_THE_MOMENT for at in scraped for look in looks)
    return told


def run(product: Stage, folder: Path, commands: str) -> str:
    """What a shell prints that has kubectl and serinus."""
    kubectl = shlex.join([str(product.api.kubectl), f"--kubeconfig={product.api.kubeconfig}"])
    serinus = shlex.join([sys.executable, "-m", "serinus.cli"])
    programs = f'kubectl() {{ {kubectl} -n {NAMESPACE} "$@"; }}; serinus() {{ {serinus} "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euc", programs + commands],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def test_a_first_deployment_takes_all_traffic_without_steps(story: Summary) -> None:
    assert story.act("v1").reason == "Promoted"
    assert "WeightRaised" not in [decision.reason for decision in story.act("v1").decisions]


def test_a_better_model_is_promoted_step_by_step(story: Summary) -> None:
    act = story.act("v2")
    assert act.reason == "Promoted"
    reasons = [decision.reason for decision in act.decisions]
    assert reasons == ["RolloutStarted", "WeightRaised", "Promoting", "Promoted"]
    assert act.requests >= 100


def test_a_model_that_fails_on_some_inputs_is_rolled_back_by_its_errors(story: Summary) -> None:
    act = story.act("v3")
    assert act.reason == "CheckFailed"
    assert "Check errors:" in act.evidence
    assert act.failures > 0


def test_a_model_that_predicts_otherwise_is_rolled_back_though_it_never_fails(
    story: Summary,
) -> None:
    act = story.act("v4")
    assert act.reason == "CheckFailed"
    assert "Check drift:" in act.evidence
    assert story.clients.error_rate("v4") == story.clients.error_rate("v2") == 0


def test_clients_see_no_failure_that_the_candidates_own_code_did_not_cause(story: Summary) -> None:
    assert story.clients.sent > 1000
    assert not story.clients.unexplained
    assert set(+story.clients.model_failures) == {"v3"}


def test_promotion_rollback_and_revert_restart_no_pod_of_the_stable_version(story: Summary) -> None:
    assert story.restarts == 0


def test_a_bad_model_reaches_few_clients(story: Summary) -> None:
    for version in ("v3", "v4"):
        assert story.act(version).requests < 0.1 * story.clients.sent


def test_a_replay_decides_as_the_operator_did_in_the_same_words(
    story: Summary, replayed: dict[str, Any]
) -> None:
    told = [(each["reason"], each["message"]) for each in replayed["decisions"]]
    decided = [(each["reason"], each["message"]) for each in replayed["operatorsDecisions"]]
    assert decided[-1] == ("CheckFailed", story.act("v4").evidence)
    if replayed["inTheMoment"]:  # it may have counted others, and end before the last look
        reasons = [reason for reason, _ in decided]
        assert [reason for reason, _ in told] in (reasons, reasons[:-1])
    else:
        assert told == decided


def test_a_replay_counts_the_same_blocks_as_the_operator_did(
    story: Summary, witness: Witness, replayed: dict[str, Any]
) -> None:
    seen = [
        status["candidate"]
        for status in witness.statuses
        if (status.get("timeline") or {}).get("since") == replayed["since"]
        and (status.get("candidate") or {}).get("checks")
    ]
    last = {f"Check {each['name']}: {each['message']}" for each in replayed["looks"][-1]["checks"]}
    if not replayed["inTheMoment"]:
        assert story.act("v4").evidence in last, "what decided is in no status, only in words"
    first, end = (datetime.fromisoformat(replayed["looks"][n]["at"]) for n in (0, -1))
    late = (end - first).total_seconds() > SAVE_WITHIN
    assert seen or not late, "what is known is written by then, though it decides nothing"
    begins = {
        target: end - INTERVAL
        for look in reversed(replayed["looks"])
        for target, end in look["counted"].items()
    }
    for candidate in seen:
        ends = candidate["counted"]
        look = min(replayed["looks"], key=lambda each: apart(each["counted"], ends, begins))
        difference = apart(look["counted"], ends, begins)
        assert difference <= SCRAPE, "a scrape in the moment of a look is of this or the next"
        if difference == 0:
            assert evidence(look["checks"]) == evidence(candidate["checks"])


def apart(one: dict[str, float], other: dict[str, float], begins: dict[str, float]) -> float:
    """By how many seconds the ends of two blocks differ at most, of all targets. A block that has
    no sample of a target yet ends where the target's first one begins."""
    first, second = ({**begins, **block} for block in (one, other))
    targets = one.keys() | other.keys()
    differ = (abs(first.get(each, math.inf) - second.get(each, math.inf)) for each in targets)
    return max(differ, default=0.0)


def evidence(checks: list[dict[str, Any]]) -> list[Any]:
    """What goes on over the whole rollout, so that it is not begun anew where a step is entered."""
    found: list[Any] = []
    for check in checks:
        state = check["state"]
        found += [check["name"], state["candidate"], state["stable"], state["peak"]]
        for each in state["comparisons"]:
            found += [each[key] for key in ("name", "candidate", "stable", "above", "below")]
    return found
