"""`python -m tests.demo`: play the story, tell it, and leave its facts in build/demo."""

import json
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.demo.picture import drawn
from tests.demo.screen import Screen
from tests.demo.story import NAMESPACE, Summary, play
from tests.stage.stage import Stage, stage

SUMMARY = Path(__file__).parents[2] / "build" / "demo" / "summary.json"
PICTURE = SUMMARY.with_name("rollback.svg")
"""Of the two acts that end with a rollback; docs/rollback.svg is a copy."""


def main() -> int:
    """0 if every promise was kept."""
    screen = Screen()
    started = time.monotonic()
    with stage() as ready:
        story = play(ready, screen)
        SUMMARY.parent.mkdir(parents=True, exist_ok=True)
        facts = {**story.to_json(), "seconds_with_setup": round(time.monotonic() - started, 1)}
        SUMMARY.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        PICTURE.write_text(picture(screen.lines), encoding="utf-8")
        _conclude(screen, story, ready)
    return 1 if story.broken_promises() else 0


def picture(lines: Sequence[str]) -> str:
    """Of what was told from the third act to the epilogue."""
    begun, ended = (
        next(n for n, line in enumerate(lines) if line.startswith(title))
        for title in ("Act 3", "Epilogue")
    )
    title = "Serinus rolls back a version that fails and one that predicts otherwise"
    return drawn(title, ["$ make demo", "…", *lines[begun:ended]])


def _conclude(screen: Screen, story: Summary, ready: Stage) -> None:
    clients = story.clients
    answers = sum(seen.requests for seen in clients.versions.values())
    screen.say(f"\nClients sent {clients.sent} requests and had {answers} answers.")
    screen.say(f"Failed by the models' own code: {dict(clients.model_failures) or 0}.")
    screen.say(f"Failed for any other reason: {dict(clients.unexplained) or 0}.")
    for broken in story.broken_promises():
        screen.say(f"BROKEN PROMISE: {broken}")
    screen.say(f"{story.seconds:.0f} s in all; the facts are in {SUMMARY}.")
    kubectl = shlex.join([str(ready.api.kubectl), f"--kubeconfig={ready.api.kubeconfig}"])
    screen.say(f"\nThe cluster is still up. Look around:\n  alias kubectl='{kubectl}'")
    screen.say(f"  kubectl -n {NAMESPACE} get mdep,deploy,httproute")
    screen.say(f"  kubectl -n {NAMESPACE} describe mdep loan")
    screen.say("Take it down:\n  make cluster-down")


if __name__ == "__main__":
    sys.exit(main())
