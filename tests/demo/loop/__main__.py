"""`python -m tests.demo.loop`: play the story, tell it, and leave its facts in build/demo."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.demo.loop.place import NAMESPACE, SETTINGS, Place
from tests.demo.loop.screen import Screen
from tests.demo.loop.story import Summary, play
from tests.demo.mlflow_image import IMAGE
from tests.demo.picture import drawn
from tests.stage.stage import CLUSTER, stage

SUMMARY = Path(__file__).parents[3] / "build" / "demo" / "loop.json"
PICTURE = SUMMARY.with_suffix(".svg")
"""docs/loop.svg is a copy."""


def main() -> int:
    """0 if every promise was kept."""
    started = time.monotonic()
    with stage() as ready:
        ready.operator.install(ready.operator_image, SETTINGS)
        screen = Screen()
        story = play(Place(ready), IMAGE.put(CLUSTER), screen)
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    facts = {**story.to_json(), "seconds_with_setup": round(time.monotonic() - started, 1)}
    SUMMARY.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    _conclude(screen, story)
    PICTURE.write_text(picture(screen.lines), encoding="utf-8")
    screen.say(f"{story.seconds:.0f} s in all; the facts are in {SUMMARY}.")
    screen.say(f"The cluster is still up, with all this in the namespace {NAMESPACE}.")
    screen.say("Take it down: make cluster-down")
    return 1 if story.broken_promises() else 0


def picture(lines: Sequence[str]) -> str:
    """Of all that was told."""
    title = "The inputs move: a model is trained anew, registered, rolled out and judged"
    return drawn(title, ["$ make demo-loop", *lines])


def _conclude(screen: Screen, story: Summary) -> None:
    screen.act("Minutes from the first moved input")
    for act in story.acts:
        times = (("the alarm", act.alarm), ("the trained version", act.trained))
        told = [f"{seconds / 60:.1f} to {what}" for what, seconds in times]
        end = "promoted" if act.reason == "Promoted" else "rolled back"
        told.append(f"{act.decided / 60:.1f} until version {act.version} was {end}")
        screen.say(f"  {', '.join(told)}")
    lost = story.clients.unexplained + story.clients.model_failures
    screen.say(f"  Clients sent {story.clients.sent} requests and lost {lost.total()}.")
    for broken in story.broken_promises():
        screen.say(f"BROKEN PROMISE: {broken}")


if __name__ == "__main__":
    sys.exit(main())
