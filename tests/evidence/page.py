"""The page that lists them all."""

from collections.abc import Iterable, Iterator
from itertools import chain

from tests.evidence.features import feature_rows
from tests.evidence.inputs import input_rows
from tests.evidence.kinds import KINDS
from tests.evidence.limits import error_rows

_HEAD = """\
# Messages of the judge

Every verdict has a message, in `.status.candidate.checks`, in events and in
`kubectl describe`. `make generate` creates this page by running the judge on small rollouts
in which the same happens before every look. In the tables, *it* is the candidate.

- **Pass**: the step may end. Every check must pass.
- **Fail**: the candidate is rolled back. A wrong traffic split holds the rollout instead.
- **Inconclusive**: the step waits for more requests, until `maxStepDuration`.
- **NoData**, **Error**: the step holds, and neither passes nor fails.

*False-alarm risk at most 1% per rollout* means that a candidate no worse than tolerated is
rolled back in at most 1% of rollouts, however often it is judged
([what this assumes](judge.md#where-each-promise-ends)). The *greatest difference* and the
*clearest difference* name the item that differs most among all that are compared.
"""

_FOOT = """\
Stable is monitored independently of rollouts: [monitoring.md](monitoring.md).
"""


def text() -> str:
    """The page in Markdown."""
    sections = [_section(kind.name, "Verdict", kind.rows()) for kind in KINDS]
    drift = _section("featureDrift", "Drifted", feature_rows())
    errors = _section("errorRate of monitoring", "ErrorsAboveLimit", error_rows())
    inputs = _section("Whether both revisions receive similar inputs", "Result", input_rows())
    return "\n".join([_HEAD, *chain(*sections, inputs, drift, errors), _FOOT])


def _section(name: str, found: str, rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"| {found} | Situation | Message |"
    yield "|---|---|---|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
