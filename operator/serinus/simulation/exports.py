"""The metrics of simulated pods for the checks of an analysis, and their increase per request."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from random import Random
from typing import Any, Final, NamedTuple

from serinus.api.analysis import Analysis
from serinus.api.checks import Check, Settings
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.fairness import Fairness
from serinus.api.checks.feedback import Feedback
from serinus.api.checks.latency import Latency
from serinus.api.checks.prediction_drift import PredictionDrift
from serinus.api.checks.threshold import Threshold
from serinus.api.checks.traffic_share import TrafficShare
from serinus.api.quantities import fraction, seconds
from serinus.api.scenario import ScenarioLatency, ScenarioModel, ScenarioRoute
from serinus.judge import queries_of
from serinus.metrics.queries import CounterQuery
from serinus.simulation.draws import binomial, multinomial

SCORE_BOUNDS = tuple(round(0.05 * bound, 2) for bound in range(1, 20))
DURATION_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds. Upper bounds of buckets, as in the default histogram; the last bucket has none."""
ROUTE: Final = "route"
"""The label of requests that have one."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Parameters of a model."""

    errors: float
    errors_at_once: int
    negative: float
    """Share of reports that are negative."""
    reported: float
    """Share of predictions with a report."""
    durations: tuple[float, ...]
    """Share of each bucket."""
    scores: tuple[float, ...]
    """Share of each bucket."""
    classes: Mapping[str, float]
    groups: Mapping[str, float]
    denied: Mapping[str, float]
    """By group, share of its favourable answers that are denied."""
    latency: ScenarioLatency
    cold_for: float = 0.0
    """Seconds from a pod's first request on in which it is cold."""
    cold: "Behaviour | None" = None
    """How it is then; None: as always."""
    routes: Mapping[str, "RouteBehaviour"] = field(default_factory=dict)
    """Empty: requests have no route."""

    def at_age(self, age: float) -> "Behaviour":
        """In a pod of so many seconds."""
        return self._on_each_route(lambda each: each._slower_at(age))

    def failing(self, times: float) -> "Behaviour":
        """With so many times the errors."""
        return self._on_each_route(lambda each: replace(each, errors=min(each.errors * times, 1.0)))

    def failing_at_least(self, errors: float) -> "Behaviour":
        """With this share of errors, where there are no more."""
        return self._on_each_route(lambda each: replace(each, errors=max(each.errors, errors)))

    def _slower_at(self, age: float) -> "Behaviour":
        growth = fraction(self.latency.hourly_growth) * age / 3600
        return replace(self, durations=_durations_of(self.latency, 1 + growth)) if growth else self

    def _on_each_route(self, change: "Callable[[Behaviour], Behaviour]") -> "Behaviour":
        routes = {
            name: route._replace(behaviour=change(route.behaviour))
            for name, route in self.routes.items()
        }
        return replace(change(self), routes=routes)


class RouteBehaviour(NamedTuple):
    """Of the requests of a route."""

    share: float
    behaviour: Behaviour


def behaviour(model: ScenarioModel) -> Behaviour:
    """The parameters of a model."""
    warm = _behaviour(model, 1.0)
    start = model.cold_start
    if not seconds(start.lasts):
        return warm
    cold = _behaviour(model, start.slower)
    cold = cold.failing_at_least(fraction(start.errors))
    return replace(warm, cold_for=seconds(start.lasts), cold=cold)


def _behaviour(model: ScenarioModel, slower: float) -> Behaviour:
    latency, scores = model.latency, model.scores
    routes = {
        name: RouteBehaviour(fraction(route.share), _behaviour(_on(route, model), slower))
        for name, route in sorted(model.routes.items())
    }
    return Behaviour(
        errors=fraction(model.errors),
        errors_at_once=model.errors_at_once,
        negative=fraction(model.feedback.negative),
        reported=fraction(model.feedback.given),
        durations=_durations_of(latency, slower),
        scores=_buckets(SCORE_BOUNDS, scores.mean, scores.deviation),
        classes=_fractions(model.classes),
        groups=_fractions(model.groups),
        denied=_fractions(model.denied),
        latency=latency,
        routes=routes,
    )


def _on(route: ScenarioRoute, model: ScenarioModel) -> ScenarioModel:
    """The model as it behaves there."""
    return model.replace(
        errors=route.errors or model.errors, latency=route.latency or model.latency, routes={}
    )


def _durations_of(latency: ScenarioLatency, times: float = 1.0) -> tuple[float, ...]:
    """Share of each bucket, if requests take so many times as long."""
    median = math.log(max(seconds(latency.median) * times, 1e-6))
    return _buckets([math.log(bound) for bound in DURATION_BOUNDS], median, latency.deviation)


def _fractions(shares: Mapping[str, str]) -> dict[str, float]:
    return {name: fraction(share) for name, share in shares.items()}


def _buckets(bounds: Sequence[float], mean: float, deviation: float) -> tuple[float, ...]:
    """Shares of a normal distribution between bounds."""
    scale = deviation * math.sqrt(2)
    up_to = [0.5 * (1 + math.erf((bound - mean) / scale)) for bound in bounds]
    return tuple(high - low for low, high in pairwise([0.0, *up_to, 1.0]))


Draw = Callable[[Random, Behaviour, int, int], list[float]]
"""(behaviour, answered, failed) -> increase of each series of a group."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The simulated counters that a check reads."""

    name: str
    """Of the check."""
    counters: list[CounterQuery]
    """Wholes before their parts."""
    classes: list[str]
    """That models predict."""
    groups: list[str]
    """That they predict for."""


@dataclass
class Exports:
    """The series of every pod, in a fixed order."""

    labels: list[Mapping[str, str]] = field(default_factory=list)
    answering: dict[CounterQuery, list[int]] = field(default_factory=dict)
    """By query, the series of its result."""
    draws: list[Draw] = field(default_factory=list)
    """One for each group of series, in their order."""
    strata: Mapping[str, str] = field(default_factory=dict)
    """Labels of every series, by which the analysis divides requests."""
    routes: Sequence[str] = ()
    """Each has its own series; none: requests have no route."""

    @classmethod
    def of(
        cls,
        analysis: Analysis,
        classes: list[str],
        groups: list[str],
        routes: Sequence[str] = (),
    ) -> "Exports":
        """The metrics that the checks of an analysis read. A counter that two of them read exists
        once: with groups, if one of them needs these. Raises ValueError, naming the check, for one
        that cannot be simulated."""
        made = cls(strata=dict.fromkeys(analysis.stratify or (), "any"), routes=routes)
        for check in sorted(analysis.checks, key=lambda check: _exporter(check) is not _by_group):
            alone = analysis.replace(checks=[check])
            asked = [one for one in queries_of(alone) if isinstance(one, CounterQuery)]
            _exporter(check)(made, check.settings, Asked(check.name, asked, classes, groups))
        return made

    def grow(self, rng: Random, behaviour: Behaviour, requests: int) -> list[float]:
        """Increase of each series of a pod for this many requests."""
        served = [
            (of, n, _failed(rng, of, n)) for of, n in self._by_route(rng, behaviour, requests)
        ]
        grown: list[float] = []
        for draw in self.draws:
            for of, n, failed in served:
                grown += draw(rng, of, n - failed, failed)
        return grown

    def _by_route(
        self, rng: Random, behaviour: Behaviour, requests: int
    ) -> list[tuple[Behaviour, int]]:
        if not self.routes:
            return [(behaviour, requests)]
        nothing = RouteBehaviour(0.0, behaviour)
        found = [behaviour.routes.get(name, nothing) for name in self.routes]
        counts = multinomial(rng, requests, [route.share for route in found])
        return [(route.behaviour, n) for route, n in zip(found, counts, strict=True)]

    def add(self, counters: CounterQuery, labels: list[dict[str, str]], draw: Draw) -> None:
        """Series with these labels answer the query, unless some do already."""
        if counters in self.answering:
            return
        first = len(self.labels)
        routes = [{ROUTE: name} for name in self.routes] or [{}]
        self.labels += [{**each, **self.strata, **route} for route in routes for each in labels]
        self.answering[counters] = list(range(first, len(self.labels)))
        self.draws.append(draw)

    def add_whole_and_part(
        self, asked: Asked, good: dict[str, str], bad: dict[str, str], draw: Draw
    ) -> None:
        """A counter with one series of good events, and one of bad ones, which are the part."""
        whole, part = asked.counters
        self.add(whole, [good, bad], draw)
        self.answering[part] = [
            index for index in self.answering[whole] if bad.items() <= self.labels[index].items()
        ]


def _failed(rng: Random, behaviour: Behaviour, requests: int) -> int:
    together = behaviour.errors_at_once
    accidents = binomial(rng, requests, behaviour.errors / together)
    return min(together * accidents, requests)


def _errors(exports: Exports, settings: ErrorRate, asked: Asked) -> None:
    if settings.successes:
        for counters, draw in zip(asked.counters, (_asked, _answered), strict=True):
            exports.add(counters, [{}], draw)
    else:
        exports.add_whole_and_part(asked, {"code": "200"}, {"code": "500"}, _answered_and_failed)


def _requests(exports: Exports, _: TrafficShare, asked: Asked) -> None:
    exports.add(asked.counters[0], [{"code": "200"}, {"code": "500"}], _answered_and_failed)


def _reports(exports: Exports, _: Feedback, asked: Asked) -> None:
    exports.add_whole_and_part(asked, {"outcome": "good"}, {"outcome": "bad"}, _reported)


def _durations(exports: Exports, settings: Latency, asked: Asked) -> None:
    classic, native = asked.counters
    unit = settings.histogram.per_second
    exports.add(classic, _le([bound * unit for bound in DURATION_BOUNDS]), _timed)
    exports.add(native, [], _no_series)


def _predictions(exports: Exports, settings: PredictionDrift, asked: Asked) -> None:
    for counters in asked.counters:
        if counters.metric.endswith("_bucket"):
            exports.add(counters, _le(SCORE_BOUNDS), _scored)
        else:
            labels = [{settings.class_label: name} for name in asked.classes]
            exports.add(counters, labels, _classed(asked.classes))


def _by_group(exports: Exports, settings: Fairness, asked: Asked) -> None:
    if settings.equalised_odds or not settings.favourable:
        raise ValueError(f"check {asked.name}: equalisedOdds cannot be simulated, leave it out")
    classes, groups = asked.classes, asked.groups
    whole, part = asked.counters
    label = settings.favourable[0].label
    labels = [{label: one, settings.group_label: group} for group in groups for one in classes]
    favourable = {
        one for one in classes if all(m.matches({label: one}) for m in settings.favourable)
    }
    if not favourable:
        raise ValueError(f"check {asked.name}: none of the scenario's classes is favourable")
    exports.add(whole, labels, _answered_by_group(classes, groups, favourable))
    exports.answering[part] = [
        index for index in exports.answering[whole] if exports.labels[index][label] in favourable
    ]


def _nothing(_: Exports, __: Threshold, ___: Asked) -> None:
    """The scenario says what its query reads."""


Exporter = Callable[[Exports, Any, Asked], None]
"""Adds the series that a check reads, by its settings."""
EXPORTED: Final[Mapping[type[Settings], Exporter]] = {
    ErrorRate: _errors,
    Fairness: _by_group,
    Feedback: _reports,
    Latency: _durations,
    PredictionDrift: _predictions,
    Threshold: _nothing,
    TrafficShare: _requests,
}


def _exporter(check: Check) -> Exporter:
    return EXPORTED[type(check.settings)]


def _le(bounds: Sequence[float]) -> list[dict[str, str]]:
    return [{"le": f"{bound:g}"} for bound in (*bounds, math.inf)]


def _no_series(_: Random, __: Behaviour, ___: int, ____: int) -> list[float]:
    return []


def _asked(_: Random, __: Behaviour, answered: int, failed: int) -> list[float]:
    return [float(answered + failed)]


def _answered(_: Random, __: Behaviour, answered: int, ___: int) -> list[float]:
    return [float(answered)]


def _answered_and_failed(_: Random, __: Behaviour, answered: int, failed: int) -> list[float]:
    return [float(answered), float(failed)]


def _reported(rng: Random, behaviour: Behaviour, answered: int, _: int) -> list[float]:
    reports = binomial(rng, answered, behaviour.reported)
    negative = binomial(rng, reports, behaviour.negative)
    return [float(reports - negative), float(negative)]


def _timed(rng: Random, behaviour: Behaviour, answered: int, failed: int) -> list[float]:
    return _cumulative(multinomial(rng, answered + failed, behaviour.durations))


def _scored(rng: Random, behaviour: Behaviour, answered: int, _: int) -> list[float]:
    return _cumulative(multinomial(rng, answered, behaviour.scores))


def _cumulative(counts: Sequence[int]) -> list[float]:
    return [float(count) for count in accumulate(counts)]


def _classed(classes: list[str]) -> Draw:
    def draw(rng: Random, behaviour: Behaviour, answered: int, _: int) -> list[float]:
        shares = [behaviour.classes.get(name, 0.0) for name in classes]
        return [float(count) for count in multinomial(rng, answered, shares)]

    return draw


def _answered_by_group(classes: list[str], groups: list[str], favourable: set[str]) -> Draw:
    def draw(rng: Random, behaviour: Behaviour, answered: int, _: int) -> list[float]:
        shares = [
            behaviour.groups.get(group, 0.0) * share
            for group in groups
            for share in _given(behaviour, group, classes, favourable)
        ]
        return [float(count) for count in multinomial(rng, answered, shares)]

    return draw


def _given(
    behaviour: Behaviour, group: str, classes: list[str], favourable: set[str]
) -> list[float]:
    """Share of each class in a group: answers that are denied become other classes."""
    whole = sum(share for name, share in behaviour.classes.items() if name in favourable)
    denied = behaviour.denied.get(group, 0.0) if whole < 1 else 0.0
    others = denied * whole / (1 - whole) if denied else 0.0
    return [
        behaviour.classes.get(name, 0.0) * (1 - denied if name in favourable else 1 + others)
        for name in classes
    ]
