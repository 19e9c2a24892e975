"""docs/judge-tables.md: the measured figures and their targets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from tests.bench.judge.checks import DEFAULTS
from tests.bench.judge.figures import Chance, Median
from tests.bench.judge.mirrors import ALONE, BOOSTED, USUAL
from tests.bench.judge.singly import SINGLY, Groups, SickPod
from tests.bench.judge.traffic import Floats
from tests.bench.judge.trials import (
    ALIKE,
    AT_MARGIN,
    BURSTS,
    BY_PSI,
    ENTRIES,
    ERROR_EFFECTS,
    FAMILY,
    FEW_PODS,
    FOUND_BY_COPIES,
    FOUND_OF_FEW,
    HEALTHY,
    INTERVALS,
    LEFT_OUT,
    MARGINS,
    MIRRORED,
    ORACLE,
    OUTAGES,
    POLICIES,
    POOLED,
    PROMOTED,
    PSI,
    RARE,
    ROUTES,
    SCRAPES,
    SERINUS,
    SHIFTS,
    SLOWER,
    SMALL,
    SOON,
    TIMES,
    TOGETHER,
    TOLERANCES,
    USUAL_INTERVAL,
    WITHIN,
    WORLDS,
)

CHECKS = ("errorRate", "latency", "predictionDrift")
OF_FIVE = (("errorRate", SERINUS), ("latency", f"{SERINUS}, native"), ("predictionDrift", SERINUS))
Found = dict[tuple[str, str], Floats]
"""The result of each run, by trial and rule."""
Cell = Median | Chance | str
TEXT = Path(__file__).with_name("tables.md")
"""The text of the page; each {name} is replaced by a table."""


def page(found: Found) -> str:
    """All of it."""
    return TEXT.read_text().format(**{name: table(found) for name, table in tables().items()})


def tables() -> Mapping[str, Callable[[Found], str]]:
    """What makes each table, by its name in the text."""
    return {
        "must_reach": must_reach,
        "false_errors": lambda found: false_rollbacks(found, "errorRate"),
        "false_latency": lambda found: false_rollbacks(found, "latency"),
        "false_drift": lambda found: false_rollbacks(found, "predictionDrift"),
        "quiet": quiet_hour,
        "few_pods": few_pods,
        "few_pods_by_default": few_pods_by_default,
        "outages": outages,
        "mirrors": mirrors,
        "found_errors": found_errors,
        "found_latency": found_latency,
        "found_soon": found_soon,
        "found_drift": found_drift,
        "found_small": found_small,
        "near_oracle": near_oracle,
        "tolerances": tolerances,
        "passing": passing,
        "promoted": promoted,
        "entries": entries,
        "late": late,
        "strata": strata,
        "immature": immature,
        "groups": groups,
        "sick_pods": sick_pods,
        "unlike": unlike,
    }


def must_reach(found: Found) -> str:
    """What was wanted, line by line."""
    rows = [
        (name, f"<= {wanted}", str(got), "yes" if reached else "**no**")
        for name, wanted, got, reached in _wanted(found)
    ]
    return _table(("", "target", "measured", "reached"), rows)


def _wanted(found: Found) -> Iterable[tuple[str, str, Cell, bool]]:
    for world in ALIKE:
        held = _chance(found[f"alike/{world}", SERINUS])
        yield f"held though inputs are similar: {world}", "1.00%", held, held.share <= 0.01
    for check in CHECKS:
        for world in WORLDS:
            for rule in rules_of(found, f"false/{check}/{world}"):
                if rule.startswith(SERINUS):
                    got = false_rollback(found, check, world, rule)
                    what = f"false rollbacks, {check}{rule.removeprefix(SERINUS)}: {world}"
                    yield what, "1.00%", got, got.upper <= 0.01
    for rule in POLICIES:
        got = _chance(found["quiet/errorRate/of 5", rule])
        what = f"false rollbacks, errorRate, {rule}: bursts of 5 after a quiet hour"
        yield what, "2.00%", got, got.share <= 0.02
    for check, pods, rule in product(CHECKS, FEW_PODS, (DEFAULTS, SERINUS)):
        got = _chance(found[f"few/{check}/{pods}", rule])
        of_stable = "a single pod of stable" if pods == 1 else f"{pods} pods of stable"
        what = f"false rollbacks, {check}{rule.removeprefix(SERINUS)}: {of_stable}, all differ"
        yield what, "1.00%", got, got.share <= 0.01
    for world in ("flat, an hour", "ramp with trend"):
        got = _family(found, world)
        yield f"false rollbacks, a family of four checks: {world}", "1.00%", got, got.upper <= 0.01
    got = _chance(found["small/nothing", BY_PSI])
    yield f"false rollbacks, predictionDrift, psi: {PSI:g}", "1.00%", got, got.upper <= 0.01
    for what, trial, rule in (
        ("another mix of routes, within each", "strata/alike, another mix", WITHIN),
        ("immature feedback", "immature/alike", list(LEFT_OUT)[-1]),
    ):
        got = _chance(found[trial, f"{rule}, defaults"])
        yield f"false rollbacks, {what}", "1.00%", got, got.upper <= 0.01
    for outage in OUTAGES:
        worst = max((_outage(found, outage, each) for each in SCRAPES), key=lambda got: got.upper)
        yield f"rolled back in a shared outage, {outage}", "1.00%", worst, worst.upper <= 0.01
    requests = (
        ("1% -> 1.5%", "found/errorRate/0.01/0.015", SERINUS, 4700),
        ("1% -> 2%", "found/errorRate/0.01/0.02", SERINUS, 1450),
        ("1% -> 5%", "found/errorRate/0.01/0.05", SERINUS, 220),
        ("0.1% -> 0.5%", "found/errorRate/0.001/0.005", SERINUS, 1620),
        ("latency + 10%, native buckets", "found/latency/1.1", f"{SERINUS}, native", 420),
        ("latency + 20%, native buckets", "found/latency/1.2", f"{SERINUS}, native", 160),
        ("latency + 10%, a look every 5 s", "soon/+ 10%", SERINUS, 420),
        ("latency + 20%, a look every 5 s", "soon/+ 20%", SERINUS, 160),
        ("3% of requests five times slower, a look every 5 s", f"soon/{[*SOON][-1]}", SERINUS, 390),
        ("PSI 0.25 over 10 buckets", "found/predictionDrift/0.25", SERINUS, 95),
        ("PSI 0.25 over 10 buckets, a look a second", "drift/1", SERINUS, 70),
        *((f"PSI 0.2, {name}, psi: {PSI:g}", f"small/{name}", BY_PSI, 600) for name in SMALL),
        ("1% -> 2%, tolerance 1.1", "tolerance/1.1/2", SERINUS, 1750),
        ("1% -> 5%, tolerance 1.1", "tolerance/1.1/5", SERINUS, 230),
        ("Pass at 1%, margin 1.5", "pass/0.01/1.5/0", SERINUS, 2900),
        ("Pass at 1%, margin 2", "pass/0.01/2.0/0", SERINUS, 960),
    )
    for what, trial, rule, most in requests:
        median = Median.of(found[trial, rule])
        yield what, f"{most:,}", median, median.middle <= most
    for stable in AT_MARGIN:
        for n in ENTRIES:
            passed = _chance(found[f"entries/{stable:g}/{n}", SERINUS])
            what = f"passed at the default margin, {_p(stable)}, weight in effect {_times(n)}"
            yield what, "5.00%", passed, passed.upper <= 0.05
    for (stable, candidate), most_promoted in PROMOTED.items():
        got = _chance(found[f"promoted/{stable:g}/{candidate:g}", DEFAULTS])
        what = f"promoted by errorRate alone, defaults: {_p(stable)} -> {_p(candidate)}"
        # the targets are in whole percents
        yield what, _p(most_promoted), got, round(got.share, 2) <= most_promoted
    trifle = _chance(found["trifle", SERINUS])
    what = "rolled back for 1.05 times the errors, tolerance 1.1, 1,000 requests/s for a day"
    yield what, "1.00%", trifle, trifle.upper <= 0.01
    for times in TIMES:
        ratio = to_oracle(found, f"oracle/5/{times:g}")
        yield (
            f"times the oracle's requests, {times:g} times the errors, a look every 5 s",
            "1.15",
            f"{ratio:.2f}",
            ratio <= 1.15,
        )


def false_rollbacks(found: Found, check: str) -> str:
    """Of each rule in each world, the judge's with its upper bound."""
    rules = rules_of(found, f"false/{check}/{next(iter(WORLDS))}")
    rows = []
    for rule in rules:
        cells = [false_rollback(found, check, world, rule) for world in WORLDS]
        rows.append((rule, *(str(c) if rule.startswith(SERINUS) else _percent(c) for c in cells)))
    return _table(("", *WORLDS), rows)


def quiet_hour(found: Found) -> str:
    """False rollbacks for bursts of which the hour told nothing."""
    kinds = {f"errorRate, {rule}": ("errorRate", rule) for rule in POLICIES}
    kinds |= {check: (check, SERINUS) for check in CHECKS[1:]}
    rows = [
        (name, *(str(_chance(found[f"quiet/{check}/{size}", rule])) for size in BURSTS))
        for name, (check, rule) in kinds.items()
    ]
    return _table(("", *BURSTS), rows)


def few_pods(found: Found) -> str:
    """False rollbacks where pods differ, and the price where they are alike."""
    return _few_pods(found, SERINUS, OF_FIVE)


def few_pods_by_default(found: Found) -> str:
    """The same where nothing is set."""
    return _few_pods(found, DEFAULTS, [(check, DEFAULTS) for check in CHECKS])


def _few_pods(found: Found, rule: str, of_five: Iterable[tuple[str, str]]) -> str:
    rows = [
        (
            f"{pods}",
            *(str(_chance(found[f"few/{check}/{pods}", rule])) for check in CHECKS),
            *(_median(found, f"few/found/{rate:g}/{pods}", rule) for rate in FOUND_OF_FEW),
        )
        for pods in FEW_PODS
    ]
    priced = (_median(found, f"few/found/{rate:g}/5", rule) for rate in FOUND_OF_FEW)
    worst = (str(false_rollback(found, each, "pods that differ", of)) for each, of in of_five)
    head = ("pods of stable", *CHECKS, *(f"{_p(0.01)} -> {_p(rate)}" for rate in FOUND_OF_FEW))
    return _table(head, [*rows, ("5", *worst, *priced)])


def outages(found: Found) -> str:
    """Equal candidates that were rolled back in an outage of both arms."""
    rows = [(name, *(str(_outage(found, name, each)) for each in SCRAPES)) for name in OUTAGES]
    return _table(("scraped every", *(f"{each:g} s" for each in SCRAPES)), rows)


def _outage(found: Found, name: str, scrapes: float) -> Chance:
    return _chance(found[f"outage/{name}/{scrapes:g}", SERINUS])


def mirrors(found: Found) -> str:
    """By copies of requests: equal candidates that were rolled back, and bad ones until then."""
    rules = {ALONE: "{}%", BOOSTED: "{}%, as if independent"}
    bad = [f"{_p(USUAL)} -> {_p(rate)}" for rate in FOUND_BY_COPIES]
    rows = [
        (
            named.format(percent),
            *(str(_chance(found[f"mirror/{name}/{percent}", rule])) for name in TOGETHER),
            *(_median(found, f"mirror/found/{r:g}/{percent}", rule) for r in FOUND_BY_COPIES),
        )
        for percent in MIRRORED
        for rule, named in rules.items()
    ]
    return _table(("copied", *TOGETHER, *bad), rows)


def found_errors(found: Found) -> str:
    """Requests until a worse error rate is found."""
    trials = {f"{_p(s)} -> {_p(c)}": f"found/errorRate/{s:g}/{c:g}" for s, c in ERROR_EFFECTS}
    return _medians(found, trials)


def found_latency(found: Found) -> str:
    """Likewise for slower answers."""
    return _medians(found, {f"+ {100 * (t - 1):.0f}%": f"found/latency/{t}" for t in SLOWER})


def found_soon(found: Found) -> str:
    """The same at more frequent looks."""
    return _medians(found, {name: f"soon/{name}" for name in SOON})


def found_drift(found: Found) -> str:
    """Likewise for shifted scores."""
    return _medians(found, {f"PSI {psi:g}": f"found/predictionDrift/{psi}" for psi in SHIFTS})


def found_small(found: Found) -> str:
    """Likewise for one PSI that is made in several ways."""
    return _medians(found, {name: f"small/{name}" for name in SMALL})


def near_oracle(found: Found) -> str:
    """The judge's median over that of the test that knows the effect."""
    rows = [(USUAL_INTERVAL, DEFAULTS), *((interval, SERINUS) for interval in INTERVALS)]
    cells = [
        (
            f"{interval:g} s{rule.removeprefix(SERINUS)}",
            *(f"{to_oracle(found, f'oracle/{interval:g}/{t:g}', rule):.2f}" for t in TIMES),
        )
        for interval, rule in rows
    ]
    return _table(("a look every", *(f"{times:g} times" for times in TIMES)), cells)


def tolerances(found: Found) -> str:
    """The price of a tolerance."""
    rows = [
        (t, *(_median(found, f"tolerance/{t}/{times:g}", SERINUS) for times in (2, 3, 5)))
        for t in TOLERANCES
    ]
    return _table(("tolerance", "2 times", "3 times", "5 times"), rows)


def passing(found: Found) -> str:
    """Requests until equal arms pass."""
    rows = [
        (
            _p(rate),
            f"{margin:g} times" + (f" + {_p(more)}" if more else ""),
            _median(found, f"pass/{rate:g}/{margin}/{more:g}", SERINUS),
        )
        for rate, margin, more in MARGINS
    ]
    return _table(("error rate of both", "margin", "candidate requests"), rows)


def entries(found: Found) -> str:
    """How often candidates at the default margin pass a step that is entered so often."""
    rows = [
        (_p(stable), *(str(_chance(found[f"entries/{stable:g}/{n}", SERINUS])) for n in ENTRIES))
        for stable in AT_MARGIN
    ]
    return _table(("error rate of stable", *map(_times, ENTRIES)), rows)


def promoted(found: Found) -> str:
    """How often bad candidates are, by errorRate alone."""
    trials = {f"{_p(s)} -> {_p(c)}": f"promoted/{s:g}/{c:g}" for s, c in PROMOTED}
    cells = [str(_chance(found[trial, DEFAULTS])) for trial in trials.values()]
    return _table(("", *trials), [(DEFAULTS, *cells)])


def late(found: Found) -> str:
    """Requests from the break until it is found."""
    return _medians(found, {f"after {n:,}": f"late/{n}" for n in HEALTHY})


def strata(found: Found) -> str:
    """What becomes of candidates with this mix of routes and these errors."""
    rules = [f"{rule}{more}" for more in ("", ", defaults") for rule in (POOLED, WITHIN)]
    rows = [(name, *(_outcome(found, f"strata/{name}", rule) for rule in rules)) for name in ROUTES]
    return _table(("candidate", *rules), rows)


def immature(found: Found) -> str:
    """What becomes of candidates whose negative feedback arrives first, by what is left out."""
    rows = [
        (
            name,
            _outcome(found, "immature/alike", f"{name}, tolerance 1.0"),
            *(
                _outcome(found, f"immature/{candidate}", f"{name}, defaults")
                for candidate in ("alike", "twice as much", "twice as much from 25% on")
            ),
        )
        for name in LEFT_OUT
    ]
    alike = "alike, tolerance 1.0", "alike, defaults"
    return _table(("left out", *alike, "twice as much", "twice as much from 25% on"), rows)


def _outcome(found: Found, trial: str, rule: str) -> str:
    """How often an innocent candidate is rolled back; after how many requests a bad one is."""
    requests = found[trial, rule]
    return str(_chance(requests)) if "/alike" in trial else _median(found, trial, rule)


def unlike(found: Found) -> str:
    """Rollouts held though both arms are asked alike, and requests until those that are not are."""
    row = [str(_chance(found[f"alike/{world}", SERINUS])) for world in ALIKE]
    row += [_median(found, f"unlike/{index}", SERINUS) for index in SHIFTS]
    return _table(("", *ALIKE, *(f"PSI {index:g}" for index in SHIFTS)), [("", *row)])


def false_rollback(found: Found, check: str, world: str, rule: str) -> Chance:
    """Of a rule in a world."""
    if check == "errorRate" and rule == SERINUS and world in RARE:
        return Chance.of_weights(found[world, ""])
    return _chance(found[f"false/{check}/{world}", rule])


def _family(found: Found, world: str) -> Chance:
    decided = [np.isfinite(found[f"family/{check}/{world}", SERINUS]) for check in FAMILY]
    return Chance.of(int(np.any(decided, axis=0).sum()), len(decided[0]))


def _chance(requests: Floats) -> Chance:
    return Chance.of(int(np.isfinite(requests).sum()), len(requests))


def to_oracle(found: Found, trial: str, rule: str = SERINUS) -> float:
    """The judge's median over the oracle's."""
    return float(np.median(found[trial, rule]) / np.median(found[trial, ORACLE]))


def _medians(found: Found, trials: Mapping[str, str]) -> str:
    rules = rules_of(found, next(iter(trials.values())))
    rows = [(rule, *(_median(found, trial, rule) for trial in trials.values())) for rule in rules]
    return _table(("", *trials), rows)


def _median(found: Found, trial: str, rule: str) -> str:
    return str(Median.of(found[trial, rule]))


def rules_of(found: Found, trial: str) -> list[str]:
    """Of a trial."""
    return [rule for name, rule in found if name == trial]


def _percent(chance: Chance) -> str:
    share = 100 * chance.share
    return f"{share:.1f}%" if 0 < share < 99.95 else f"{share:.0f}%"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _p(share: float) -> str:
    return f"{100 * share:g}%"


def groups(found: Found) -> str:
    """Two groups against what stable does."""
    rows = []
    for name in (name for name, (trial, _) in SINGLY.items() if isinstance(trial, Groups)):
        failed, passed = found[name, "Fail"], found[name, "Pass"]
        after = f"{Median.of(failed)}", f"{Median.of(passed)}"
        rows.append((name, _share(failed), after[0], _share(passed), after[1]))
    return _table(("candidate", "Fail", "after", "Pass", "after"), rows)


def sick_pods(found: Found) -> str:
    """One sick pod of stable."""
    rows = [
        (name, *(_share(found[name, what]) for what in ("promoted", "Fail", "named")))
        for name in (name for name, (trial, _) in SINGLY.items() if isinstance(trial, SickPod))
    ]
    return _table(("", "promoted", "rolled back", "pod named"), rows)


def _share(runs: Floats) -> str:
    return f"{100 * np.isfinite(runs).mean():.0f}%"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
