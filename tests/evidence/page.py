"""The page that lists them all."""

from collections.abc import Iterable, Iterator
from itertools import chain

from tests.evidence.features import feature_rows
from tests.evidence.kinds import KINDS

_HEAD = """\
# What the judge says

Every verdict comes with a sentence, in `.status.candidate.checks`, in events and in what
`kubectl describe` shows. This page is made by the judge itself (`make generate`), from small
rollouts in which the same happens before every look.

- **Pass**: the step may end; every check has to pass.
- **Fail**: the candidate is rolled back. A split that is wrong holds the rollout instead.
- **Inconclusive**: the step waits for more requests, until `maxStepDuration`.
- **NoData**, **Error**: the step holds, and neither passes nor fails.

*With 99% anytime-valid confidence* means: a candidate that is no worse is rolled back in at most 1%
of rollouts, however often it is looked at. The *greatest* and the *clearest difference* name what
stands out most among all that is compared.
"""

_FOOT = """\
Features are watched on stable, and say nothing of a rollout: [monitoring.md](monitoring.md).
"""


def text() -> str:
    """The page in Markdown."""
    sections = [_section(kind.name, "Verdict", kind.rows()) for kind in KINDS]
    drift = _section("featureDrift", "Drifted", feature_rows())
    return "\n".join([_HEAD, *chain(*sections, drift), _FOOT])


def _section(name: str, found: str, rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"| {found} | What happens | What is said |"
    yield "|---|---|---|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
