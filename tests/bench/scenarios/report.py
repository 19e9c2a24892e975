"""docs/by-itself-tables.md: how each night went."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Final

from serinus.api.quantities import spoken
from tests.bench.scenarios.course import Run
from tests.bench.scenarios.nights import SCENARIOS
from tests.bench.scenarios.scenario import Grade, Scenario
from tests.bench.scenarios.steps import FIXED, LASTS, TIMES, TRAFFIC, named

_HEAD: Final = """# Tables of what is found out by itself

`make bench-scenarios` writes this page: the whole operator in memory, in moved time, with a
manifest in which nothing is set but what a new user sets ([what is found out](by-itself.md)).
Traffic, pods, nodes and faults are drawn with fixed seeds. What is right, acceptable and forbidden
was written before the operator was run on it: `tests/bench/scenarios/nights` has it, and what each
night is like. *Poor* is neither: held without a cause, or too late. Where runs are few, the
sums say more than the rows.
"""

_NIGHTS: Final = """
## Each night

Times are medians, from the new template on, or in a guard from the promotion on. A night in which
the rollout is still held, or guarded, ends in the morning, or half an hour after it has come to
wait for a person. Failed requests are those of clients that the candidate served, the median of
the runs.
"""

_STEPS: Final = f"""
## Steps chosen at each traffic

Without `rollout.steps` the operator chooses the weights
([why](design/0081-steps-fit-the-traffic.md)); beside them, those that it takes without half an hour
of history. Four pods, stable fails for 0.5% of its requests, and a bad candidate for {TIMES:g}
times as many; runs end after {LASTS}. Failed requests are those of the bad candidate until it is
rolled back.
"""


def page(runs: Sequence[Run]) -> str:
    """The whole page."""
    by_name: dict[str, list[Run]] = {}
    for each in runs:
        by_name.setdefault(each.name, []).append(each)
    kinds: dict[str, list[Run]] = {}
    for scenario in SCENARIOS:
        kinds.setdefault(scenario.kind, []).extend(by_name.get(scenario.name, []))
    parts = [_HEAD, "\n## By kind\n\n", by_kind(kinds), "\n", _NIGHTS]
    for kind in kinds:
        mine = [each for each in SCENARIOS if each.kind == kind]
        parts += [f"\n### {kind.capitalize()}\n\n", _nights(mine, by_name)]
    return "".join([*parts, _STEPS, "\n", _steps(by_name)])


def by_kind(kinds: Mapping[str, Sequence[Run]]) -> str:
    """How many runs of each kind came to which grade."""
    every = [each for runs in kinds.values() for each in runs]
    rows = [[kind, *_grades(runs)] for kind, runs in [*kinds.items(), ("all", every)]]
    return _table(["kind of night", "runs", *Grade], rows)


def _nights(scenarios: Iterable[Scenario], runs: Mapping[str, list[Run]]) -> str:
    rows = []
    for scenario in scenarios:
        mine = runs.get(scenario.name, [])
        found = [each.outcome for each in mine if each.outcome]
        ends = Counter(each.ending for each in found)
        told = ", ".join(f"{end} {count}" for end, count in ends.most_common())
        after = spoken(median([each.after for each in found])) if found else ""
        failed = f"{median([each.failed for each in found]):.0f}" if found else ""
        rows.append([scenario.name, *_grades(mine), told, after, failed])
    return _table(["night", "runs", *Grade, "ended", "after", "failed requests"], rows)


def _steps(runs: Mapping[str, list[Run]]) -> str:
    rows = []
    for traffic in TRAFFIC:
        for steps in ((), FIXED):
            good, bad = (runs.get(named(traffic, steps, bad=each), []) for each in (False, True))
            weights = Counter(
                ", ".join(f"{weight:g}" for weight in each.outcome.weights if weight < 100)
                for each in good
                if each.outcome
            )
            which = "fixed" if steps else "chosen"
            took = " or ".join(each for each, _ in weights.most_common())
            promoted, rejected = _ended(good, "Promoted"), _ended(bad, "RolledBack")
            cost = [each.outcome.failed for each in bad if each.outcome]
            failed = f"{median(cost):.0f}" if cost else ""
            rows.append([f"{traffic:g}", f"{which}: {took}", promoted, rejected, failed])
    head = ["requests/s", "steps", "good: promoted after", "bad: rolled back after"]
    return _table([*head, "failed requests"], rows)


def _ended(runs: Sequence[Run], ending: str) -> str:
    """How many of the runs ended so, and the median of when."""
    after = [each.outcome.after for each in runs if each.outcome and each.outcome.ending == ending]
    count = f"{len(after)} of {len(runs)}"
    return f"{spoken(median(after))} ({count})" if after else count


def _grades(runs: Sequence[Run]) -> Iterator[str]:
    counted = Counter(each.grade for each in runs)
    yield str(len(runs))
    yield from (str(counted[grade]) for grade in Grade)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
