"""`python -m tests.demo.film`: draw docs/watch.svg; with --check fail if it is stale.

It shows what `kubectl serinus get loan --watch` prints of the rollback that was recorded in
examples/recordings, judged again by the rules of today. A recording has no list of pods.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import chain
from pathlib import Path
from textwrap import wrap
from typing import Final
from unittest.mock import patch

from serinus.api.status import Status
from serinus.cli.text import as_line, as_text
from serinus.simulation.replay import Replay
from serinus.views.rollout import rollout_view
from tests.demo.picture import WIDTH, filmed
from tests.support.generated import write_or_check
from tests.support.replayed import recorded

ROOT: Final = Path(__file__).parents[2]
PICTURE: Final = ROOT / "docs" / "watch.svg"
_TYPED: Final = "$ kubectl serinus get loan --watch"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def text() -> str:
    """The picture."""
    title = "kubectl serinus get --watch: a version that predicts otherwise is rolled back"
    return filmed(title, list(frames()))


def frames() -> Iterator[list[str]]:
    """What the screen shows after each pass that changes more than figures."""
    found = recorded()
    replay, known = found.replay, ""
    for now, status in _statuses(replay, found.status):
        view = rollout_view(replay.spec, status, now)
        if (line := as_line(view)) != known:
            known = line
            with redirect_stdout(_Terminal()), patch.dict(os.environ, COLUMNS=str(WIDTH)):
                shown = as_text(f"default/{replay.owner.name}", view, now)
            lines = (wrap(each, WIDTH, drop_whitespace=False) for each in shown.splitlines())
            yield [_TYPED, "", *chain.from_iterable(each or [""] for each in lines)]


def _statuses(replay: Replay, real: Status) -> Iterator[tuple[float, Status]]:
    """At each pass; of the candidate only the revision was recorded, and of stable the version."""
    log = replay.begin()
    while True:
        status, now = log.rollout.status, log.rollout.now
        if status.stable and real.stable:
            status = status.replace(stable=status.stable.replace(version=real.stable.version))
        if status.candidate:
            status = status.replace(candidate=status.candidate.replace(version=None))
        since = replay.timeline.since
        yield now, status.replace(decisions=[each for each in status.decisions if each.at >= since])
        if (due := replay.next_pass(log)) is None:
            return
        list(replay.go_on(log, due))


if __name__ == "__main__":
    sys.exit(write_or_check(PICTURE, text(), sys.argv[1:]))
