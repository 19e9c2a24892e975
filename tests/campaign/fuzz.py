"""Series as no server should export them, through the whole of the judge, the rules and the
monitoring, found and made short by hypothesis.

Counters are absent, empty, have one sample, stand still, start at 1e308, fall at any place, are NaN
or negative for some scrapes; labels appear and go; bounds of histograms are odd, missing, or
change. Whatever they are, nothing raises, the API server takes the status, and no candidate keeps
its traffic for long because nothing that it exports can be judged.

`python -m tests.campaign.fuzz --count 1000 --seed 1` prints one JSON line.
"""

import argparse
import json
import math
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from serinus.api.status import Status
from serinus.manifests.owner import Owner
from serinus.metrics.queries import (
    CounterQuery,
    History,
    Measurement,
    Query,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.requests import Request
from serinus.plan.analysis import baseline_from, judged, learned, requested
from serinus.plan.monitoring import MonitoringState, monitored, monitoring_request
from tests.campaign.memory import schema
from tests.support.simulated_pods import meets
from tests.support.simulated_rollout import A, B, SimulatedRollout

DOWN: Final = QueryError("Prometheus is down.")
OWNER: Final = Owner("fraud", "shop", "0")
SCRAPE: Final = 15.0
SCRAPES: Final = 24
WINDOW: Final = 420.0
"""Seconds of samples that an answer has."""
UNJUDGED_FOR: Final = 270.0
"""Seconds for which a candidate may have traffic and an Error of one check: those of
onSilence.after, two minutes in which a series that vanished is awaited, and two looks."""
MOST_WRITTEN: Final = 700_000
"""Bytes of a status; an object may have twice as many."""
REQUESTS, FAILURES, SECONDS = (
    "model_requests_total",
    "model_request_failures_total",
    "model_request_duration_seconds_bucket",
)
NATIVE: Final = "model_request_duration_seconds"
"""As `native_histograms.py` converts it."""
CLASSES, SCORES = "model_predictions_total", "model_prediction_score_bucket"
OUTCOMES = "model_feedback_total"
VALUES, CATEGORIES = "model_feature_value_bucket", "model_feature_category_total"

Labels = Mapping[str, str]

LABELS: Final[Mapping[str, Sequence[Labels]]] = {
    REQUESTS: [{"code": code} for code in ("200", "500", "", "5xx")],
    FAILURES: [{}, {"reason": "x"}],
    SECONDS: [{"le": le} for le in ("0.1", "0.5", "1.0", "+Inf")],
    NATIVE: [{"le": le} for le in ("0.2", "+Inf")],
    CLASSES: [
        {"class": name, "group": group}
        for name in ("approve", "deny", "")
        for group in ("north", "south", "")
    ],
    SCORES: [{"le": le} for le in ("0.25", "0.5", "1", "+Inf")],
    OUTCOMES: [
        {"outcome": outcome, "group": group}
        for outcome in ("true_positive", "false_positive", "true_negative", "negative")
        for group in ("north", "south")
    ],
    VALUES: [
        {"feature": name, "le": le} for name in ("age", "income") for le in ("1", "10", "+Inf")
    ],
    CATEGORIES: [
        {"feature": name, "category": category}
        for name in ("age", "colour", "")
        for category in ("missing", "red", "")
    ],
}
ODD: Final[Sequence[Labels]] = [
    {"le": "NaN"},
    {"le": "-Inf"},
    {"le": "inf"},
    {"le": "1e999"},
    {"le": "0.3"},
    {"le": ""},
    {"le": "many"},
    {},
    {"class": "c" * 120},
    {"class": "new", "group": "g" * 60},
    {"group": "west", "class": "approve", "outcome": "true_positive"},
    {"feature": "f" * 120, "category": "x"},
    {"feature": "colour", "category": "k" * 120},
    {"code": "500", "job": "second"},
    {"route": "/b", "code": "200"},
]
"""Labels that a counter may have instead."""
AMOUNTS: Final = (0.0, 1.0, 3.0, 40.0, 40.0, 1e5, 2.0**52, 1e300, 1e308)
CHECKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "errors": {"errorRate": {"limit": "5%"}},
    "failures": {"errorRate": {"failures": FAILURES}},
    "successes": {
        "errorRate": {
            "requests": {"metric": REQUESTS},
            "successes": "model_predictions_total",
        }
    },
    "users": {"feedback": {}},
    "slow": {
        "latency": {"limit": {"bound": "500ms", "share": "20%"}, "warmUp": "15s"},
    },
    "slower": {"latency": {"p99": 1.3}},
    "drift": {"predictionDrift": {}},
    "psi": {"predictionDrift": {"psi": 0.1}},
    "groups": {"fairness": {"favourable": [{"label": "class", "value": "approve"}]}},
    "odds": {"fairness": {"against": "Stable", "equalisedOdds": {}}},
    "bound": {"threshold": {"query": f'sum({REQUESTS}{{pod=~"$arm"}})', "max": 5}},
    "split": {"trafficShare": {}},
}
MONITORING: Final[Mapping[str, Any]] = {
    "interval": "15s",
    "featureDrift": {"reference": {"recordFor": "45s", "minValues": 100}},
    "predictionDrift": {"reference": {"recordFor": "45s", "minValues": 100}},
    "errorRate": {"limit": "1%"},
    "feedback": {"limit": "5%"},
}
GIVEN: Final[Mapping[str, Any]] = {
    **MONITORING,
    "featureDrift": {
        "reference": {
            "given": [
                {"feature": "age", "buckets": [{"upTo": 1, "share": "20%"}]},
                {"feature": "colour", "categories": {"red": "50%"}},
            ]
        }
    },
}


@dataclass(frozen=True)
class Course:
    """What a counter of one pod does."""

    start: float
    step: float
    appears: int
    """Number of the first scrape that has it."""
    goes: int
    """Number of the first one that no longer has it."""
    falls: Mapping[int, float]
    """By number of a scrape, the value to which it falls."""
    no_counts: Mapping[int, float] = field(default_factory=dict)
    """By number of a scrape, what it shows instead."""

    def samples(self, offset: float) -> list[tuple[float, float]]:
        """As Prometheus has them."""
        value, found = self.start, []
        for number in range(SCRAPES):
            value = self.falls.get(number, min(value + self.step, sys.float_info.max))
            if self.appears <= number < self.goes:
                shown = self.no_counts.get(number, value)
                found.append((number * SCRAPE + offset, shown))
        return found


@dataclass
class Arm:
    """The series of a revision's pods."""

    series: list[Series] = field(default_factory=list)

    def answer(self, query: CounterQuery, start: float, end: float) -> QueryResult:
        """What Prometheus says of the time from start to end."""
        found = []
        for each in self.series:
            if each.labels["__name__"] in query.metrics and meets(each.labels, query.matchers):
                inside = tuple(s for s in each.samples if start < s[0] <= end)
                if inside or not each.samples:
                    found.append(Series(each.labels, inside))
        return tuple(found)


def _courses() -> st.SearchStrategy[Course]:
    regular = st.builds(
        Course,
        start=st.sampled_from((0.0, 0.0, 7.0)),
        step=st.sampled_from((0.0, 1.0, 3.0, 40.0)),
        appears=st.sampled_from((0, 0, 0, 6)),
        goes=st.sampled_from((SCRAPES, SCRAPES, SCRAPES, 10)),
        falls=st.just({}),
    )
    odd = st.builds(
        Course,
        start=st.sampled_from(AMOUNTS),
        step=st.sampled_from(AMOUNTS),
        appears=st.integers(0, SCRAPES - 1),
        goes=st.integers(0, SCRAPES),
        falls=st.dictionaries(
            st.integers(0, SCRAPES - 1), st.sampled_from((0.0, 1.0, 60.0, 1e15)), max_size=4
        ),
        no_counts=st.builds(
            lambda first, scrapes, value: dict.fromkeys(range(first, first + scrapes), value),
            st.integers(0, SCRAPES - 1),
            st.sampled_from((0, 0, 1, 3, 12)),
            st.sampled_from((math.nan, math.inf, -math.inf, -1.0, 2.0**60)),
        ),
    )
    return st.one_of(regular, regular, odd)


# made once: to make them at each draw would take as long as to judge what is drawn
COURSES: Final = _courses()
PODS: Final = st.integers(1, 2)
OFFSETS: Final = st.sampled_from((0.0, 0.0, 4.0, 9.0))
EXPORTED: Final = st.sampled_from(("usual", "usual", "some", "odd", "none"))
SOME: Final = {
    metric: st.lists(st.sampled_from(usual), unique_by=str) for metric, usual in LABELS.items()
}
SOME_ODD: Final = st.lists(st.sampled_from(ODD), max_size=3)
ALIKE: Final = st.booleans()


@st.composite
def arms(draw: st.DrawFn, pod: str) -> Arm:
    """One or two pods that export this and that, or lack it."""
    arm = Arm()
    for number in range(draw(PODS)):
        offset = draw(OFFSETS)
        instance = f"10.0.0.{number}"
        for metric, usual in LABELS.items():
            labels: Sequence[Labels] = ()
            match draw(EXPORTED):
                case "usual":
                    labels = usual
                case "some":
                    labels = draw(SOME[metric])
                case "odd":
                    labels = [*usual[:2], *draw(SOME_ODD)]
            whole = draw(COURSES)
            alike = draw(ALIKE)
            for own in labels:
                course = whole if alike else draw(COURSES)
                named = {"__name__": metric, "pod": f"{pod}-{number}", "instance": instance}
                arm.series.append(Series({**named, **own}, course.samples(offset)))
    return arm


@dataclass(frozen=True)
class Case:
    """A rollout, what its pods export, and when Prometheus does not answer."""

    checks: tuple[str, ...]
    analysis: Mapping[str, Any]
    monitoring: Mapping[str, Any]
    candidate: Arm
    stable: Arm
    every: int
    """Scrapes between two looks."""
    down: frozenset[int] = frozenset()
    """Numbers of scrapes after which Prometheus answers nothing."""
    steady: bool = False
    """Whether stable exports what it should."""


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Anything."""
    names = draw(st.lists(st.sampled_from(tuple(CHECKS)), min_size=1, max_size=4, unique=True))
    analysis: dict[str, Any] = {
        "interval": "15s",
        "onePodToBlame": draw(st.sampled_from(("Rollback", "Hold", "Replace"))),
        "stablePod": draw(st.sampled_from(("Hold", "Replace"))),
    }
    if draw(st.booleans()) and not {"successes", "groups"} & set(names):
        analysis["stratify"] = ["route"]
    steady = draw(st.booleans()) and "stratify" not in analysis
    return Case(
        tuple(names),
        analysis,
        draw(st.sampled_from((MONITORING, GIVEN))),
        draw(arms("candidate")),
        healthy("stable", draw(st.sampled_from(("", VALUES)))) if steady else draw(arms("stable")),
        draw(st.sampled_from((1, 2, 5))),
        draw(st.frozensets(st.integers(0, SCRAPES), max_size=2)),
        steady,
    )


def healthy(pod: str, still: str = "") -> Arm:
    """What a model server exports that is asked steadily; `still`: a metric that does not grow, as
    that of a numeric feature while all its values are missing."""
    arm = Arm()
    for metric, usual in LABELS.items():
        for own in usual:
            bad = own.get("code") in ("500", "5xx", "") or metric in (FAILURES, still)
            course = Course(7.0, 0.0 if bad else 40.0, 0, SCRAPES, {})
            named = {"__name__": metric, "pod": f"{pod}-0", "instance": "10.0.0.9"}
            if "" not in own.values():
                arm.series.append(Series({**named, **own}, course.samples(0.0)))
    return arm


class Run:
    """One case, look by look."""

    def __init__(self, case: Case) -> None:
        self.case = case
        checks = [{"name": name, **CHECKS[name]} for name in case.checks]
        analysis = {**case.analysis, "checks": checks}
        spec = {"monitoring": case.monitoring}
        self.rollout = SimulatedRollout(spec=spec, revision=A).settle()
        self.rollout.given(steps=[{"setWeight": 20}, {"setWeight": 50}], analysis=analysis)
        self.rollout.history = None
        self.rollout.apply(B)
        self.begun = self.rollout.rollout.now
        self.watched = MonitoringState()
        self.errors_since: dict[str, float] = {}
        """By check, since when it has had an Error."""

    def go(self) -> None:
        """Learn from stable's hour, then look until the scrapes are over. Raises whatever is
        raised, and AssertionError if a status is not valid or a candidate goes on unjudged."""
        self._learn()
        self.rollout.after(1.0)
        self.begun = self.rollout.rollout.now
        for number in range(0, SCRAPES, self.case.every):
            self._look(number * SCRAPE + 10.0, down=number in self.case.down)

    def _learn(self) -> None:
        spec = self.rollout.rollout.desired.spec
        asked = requested(OWNER, spec, self.rollout.status)
        if asked is None:
            return
        answers = {
            query: self.case.stable.answer(query, -1.0, SCRAPES * SCRAPE)
            for query in asked.queries
            if isinstance(query, CounterQuery)
        }
        found = baseline_from(spec, History(SCRAPES * SCRAPE, answers))
        if isinstance(found, QueryError):
            found = baseline_from(spec, History(SCRAPES * SCRAPE, {}))
        self.rollout.rollout.status = learned(spec, self.rollout.status, found)

    def _look(self, at: float, *, down: bool) -> None:
        self.rollout.after(max(self.begun + at - self.rollout.rollout.now, 0.0))
        spec, status = self.rollout.rollout.desired.spec, self.rollout.status
        asked = requested(OWNER, spec, status)
        if isinstance(asked, Request):
            measured = self._measurement(asked.queries, at, down=down)
            status = judged(spec, status, measured, explained=True)
        watch = monitoring_request(OWNER, spec, status, self.watched, self.begun + at)
        if watch is not None:
            measured = self._measurement(watch.queries, at, down=down)
            status, self.watched = monitored(spec, status, self.watched, measured)
        self.rollout.rollout.status = _stored(status)
        self.rollout.settle()
        self._goes_on(at, down=down)

    def _goes_on(self, at: float, *, down: bool) -> None:
        """Nobody buys an Error with what it exports, while stable's metrics can be read."""
        candidate = self.rollout.status.candidate
        if down or not self.case.steady or candidate is None or not self.rollout.weight:
            self.errors_since = {}
            return
        errors = [check.name for check in candidate.checks if check.verdict == "Error"]
        self.errors_since = {name: self.errors_since.get(name, at) for name in errors}
        for name, since in self.errors_since.items():
            told = f"with traffic, and check {name} in Error for {at - since:g} s"
            assert at - since < UNJUDGED_FOR, told

    def _measurement(self, queries: Iterable[Query], at: float, *, down: bool) -> Measurement:
        candidate, stable = (
            {query: self._answer(arm, query, at, down) for query in queries}
            for arm in (self.case.candidate, self.case.stable)
        )
        return Measurement(self.begun + at, candidate, stable)

    def _answer(self, arm: Arm, query: Query, at: float, down: bool) -> QueryResult:
        if down:
            return DOWN
        if not isinstance(query, CounterQuery):
            return (Series({}, ((self.begun + at, at),)),)
        found = arm.answer(query, at - WINDOW, at)
        if isinstance(found, QueryError):
            return found
        return tuple(
            Series(each.labels, tuple((self.begun + t, value) for t, value in each.samples))
            for each in found
        )


def _stored(status: Status) -> Status:
    """As the API server stores it, which refuses what the schema does not have."""
    told = status.to_json()
    assert not (found := [*_not_finite(status.in_full())]), f"{found[0]} is not finite"
    text = json.dumps(told)
    assert len(text) < MOST_WRITTEN, f"a status of {len(text)} bytes"
    written = json.loads(text)
    wrong = list(schema.wrong(written, schema.model_deployments()["properties"]["status"]))
    assert not wrong, wrong[0]
    return Status.model_validate(written)


def _not_finite(value: Any, path: str = "") -> Iterator[str]:
    """Paths of numbers that JSON does not have."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _not_finite(each, f"{path}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _not_finite(each, f"{path}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield path


def policy(count: int, *, shrink: bool = True) -> settings:
    """How hypothesis looks for a case; the same cases every time unless a seed is set."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
    )


@dataclass(frozen=True)
class Result:
    """What came of so many cases."""

    count: int
    seed: int
    seconds: float
    wrong: str = ""
    case: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the report reads it."""
        return {
            "part": "fuzz",
            "count": self.count,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "ok": not self.wrong,
            "wrong": self.wrong,
            "case": self.case,
        }


def look_for(count: int, seed: int, *, shrink: bool = True) -> Result:
    """Run so many cases; the first that fails is made short."""
    started, ran, last = time.perf_counter(), 0, ""

    @hypothesis.seed(seed)
    @policy(count, shrink=shrink)
    @given(cases())
    def each(case: Case) -> None:
        nonlocal ran, last
        ran, last = ran + 1, repr(case)
        Run(case).go()

    wrong = ""
    try:
        each()
    except Exception as error:
        trace = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{trace.name}, {Path(trace.filename).name}:{trace.lineno}"
        wrong = f"{type(error).__name__}: {error} ({place})"
    took = time.perf_counter() - started
    return Result(ran, seed, took, wrong, last if wrong else "")


def main(arguments: Sequence[str]) -> int:
    """Run cases, print what came of them; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-found", action="store_true", help="do not make it shorter")
    options = parser.parse_args(arguments)
    result = look_for(options.count, options.seed, shrink=not options.as_found)
    print(json.dumps(result.to_json()), flush=True)
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
