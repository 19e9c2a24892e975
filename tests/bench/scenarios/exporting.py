"""Pods that count, and what Prometheus has scraped of each at its own phase."""

import itertools
import math
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serinus.metrics.queries import CounterQuery, Series
from serinus.metrics.samples import Samples
from serinus.metrics.subquery import stepped
from tests.bench.scenarios.scenario import BEFORE, NEW, Clock, Part, Scenario, Trouble
from tests.campaign.memory.cluster import EPOCH
from tests.campaign.memory.pods import Pod

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

MEDIAN: Final = 0.08
"""Seconds that half of the requests take at most."""
SPREAD: Final = 0.6
"""Standard deviation of the logarithm of durations."""
BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
AMOUNTS: Final = (100, 500, 1000, 5000)
"""Bounds of the feature `amount`."""
USUAL_AMOUNTS: Final = (0.2, 0.35, 0.25, 0.15, 0.05)
USUAL_PSI: Final = 0.05
DAY: Final = 86400.0


@dataclass(frozen=True)
class Names:
    """What a server calls its metrics."""

    requests: str
    durations: str
    """Empty: it has none."""
    code: str
    """Empty: requests are counted when they begin, and only predictions when they end."""
    unit: float
    """Of the bounds, in seconds."""
    always: Mapping[str, str]
    """Labels of every series."""


SERVERS: Final[Mapping[str, Names]] = {
    "default": Names("model_requests_total", "", "code", 1.0, {}),
    "bentoml": Names(
        requests="bentoml_service_request_total",
        durations="bentoml_service_request_duration_seconds",
        code="http_response_code",
        unit=1.0,
        always={"service_name": "fraud", "service_version": "any"},
    ),
    "successes": Names("model_requests_total", "", "", 1.0, {}),
    "istio": Names(
        requests="istio_requests_total",
        durations="istio_request_duration_milliseconds",
        code="response_code",
        unit=0.001,
        always={"reporter": "destination", "request_protocol": "http", "response_flags": "-"},
    ),
}


@dataclass
class Clocks:
    """When the clocks of troubles began, Unix seconds; infinity: not yet."""

    rollout: float
    traffic: float = math.inf
    promotion: float = math.inf

    def since(self, trouble: Trouble, pod: float) -> float:
        """When the trouble begins for a pod whose container got its first request then."""
        return self.begun(trouble.clock, pod) + trouble.after

    def begun(self, clock: Clock, pod: float = math.inf) -> float:
        """When it began."""
        return float({**vars(self), "pod": pod}[clock])


class Layout:
    """The series of a pod: names, labels, and which requests each counts."""

    def __init__(self, scenario: Scenario) -> None:
        names = SERVERS[scenario.server]
        self.series: list[tuple[str, dict[str, str]]] = []
        self.anchors: list[int] = []
        """By series, the one that must have counted before it is there."""
        self._known: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        labels = [{**names.always, **part.labels} for part in scenario.parts]
        codes = [{**each, names.code: "200"} for each in labels]
        failed = [{**each, names.code: "500"} for each in labels]
        self.begun = self.good = self.bad = np.array([], dtype=np.int64)
        if names.code:
            self.good = self._counters(names.requests, codes)
            self.bad = self._counters(names.requests, failed)
        else:
            self.begun = self._counters(names.requests, labels)
        self.durations: list[Indices] = []
        if names.durations:
            scale = (scenario.takes or MEDIAN) / MEDIAN / names.unit
            bounds = [f"{bound * scale:g}" for bound in BOUNDS]
            self.durations = [
                self._histograms(names.durations, every, bounds) for every in (codes, failed)
            ]
        self.classes = np.array(
            [
                self._counters("model_predictions_total", [{**one.labels, "class": each}])[0]
                for one in scenario.parts
                for each in scenario.classes
            ]
            if scenario.server in ("default", "successes")
            else [],
            dtype=np.int64,
        ).reshape(-1, len(scenario.classes))
        self.amounts = self.missing = self.feedback = self.purposes = np.array([], dtype=np.int64)
        if scenario.purposes:
            named = [
                {"feature": "purpose", "category": f"c{number:03}"}
                for number in range(scenario.purposes + 1)
            ]
            self.purposes = self._counters("model_feature_category_total", named)
        if scenario.features:
            bounds = [str(bound) for bound in AMOUNTS]
            named = [{"feature": "amount"}]
            self.amounts = self._histograms("model_feature_value", named, bounds)[0]
            missing = [{"feature": "amount", "category": "missing"}]
            self.missing = self._counters("model_feature_category_total", missing)
        if scenario.feedback:
            outcomes = [{"outcome": each} for each in ("good", "bad")]
            self.feedback = self._counters("model_feedback_total", outcomes)
        self._answers: dict[CounterQuery, Indices] = {}

    def answering(self, query: CounterQuery) -> Indices:
        """The series that a query means."""
        if query not in self._answers:
            found = [
                index
                for index, (name, labels) in enumerate(self.series)
                if name in query.metrics and all(each.matches(labels) for each in query.matchers)
            ]
            self._answers[query] = np.array([] if query.native else found, dtype=np.int64)
        return self._answers[query]

    def _counters(self, name: str, labels: Iterable[Mapping[str, str]]) -> Indices:
        return np.array([self._one(name, each) for each in labels], dtype=np.int64)

    def _histograms(
        self, name: str, labels: Iterable[Mapping[str, str]], bounds: list[str]
    ) -> Indices:
        found = []
        for each in labels:
            row = [self._one(f"{name}_bucket", {**each, "le": le}) for le in [*bounds, "+Inf"]]
            for index in row:
                self.anchors[index] = row[-1]
            found.append(row)
        return np.array(found, dtype=np.int64)

    def _one(self, name: str, labels: Mapping[str, str]) -> int:
        key = name, tuple(sorted(labels.items()))
        if key not in self._known:
            self._known[key] = len(self.series)
            self.series.append((name, dict(labels)))
            self.anchors.append(len(self.anchors))
        return self._known[key]


def durations(slower: float, tail: float) -> Floats:
    """Share of each bucket, the last one without a bound."""

    def up_to(factor: float) -> Floats:
        z = [math.log(bound / (MEDIAN * factor)) / (SPREAD * math.sqrt(2)) for bound in BOUNDS]
        return np.array([0.0, *(0.5 * (1 + math.erf(each)) for each in z), 1.0])

    mixed = (1 - tail) * up_to(slower) + tail * up_to(10 * slower)
    return np.diff(mixed)


@dataclass
class Exporter:
    """One pod."""

    pod: Pod
    node: str
    zone: str
    first: bool
    rng: np.random.Generator
    next_scrape: float
    counts: Floats
    until: float = -math.inf
    served_since: float = math.inf
    """When its container got its first request."""
    times: list[float] = field(default_factory=list)
    rows: list[Floats] = field(default_factory=list)
    late: list[tuple[float, Indices]] = field(default_factory=list)
    """What is yet to be counted: when, and the series, each as often as it grows."""
    failing: float = 1.0
    """How many times as often as in another pod requests fail here."""
    slower: float = 1.0
    requests: int = 0
    failed: int = 0


class Exports:
    """All pods of a scenario."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.layout = Layout(scenario)
        self.clocks = Clocks(rollout=EPOCH + BEFORE)
        self.exporters: dict[str, Exporter] = {}
        self.weights: list[tuple[float, float]] = [(0.0, 0.0)]
        """Since when the candidate had how many percent of the traffic."""
        self._seed = seed
        self._shapes: dict[tuple[float, float], Floats] = {}
        parts = scenario.parts
        self._shares = {
            new: _normal([p.share if not new or p.in_new is None else p.in_new for p in parts])
            for new in (False, True)
        }
        self._errors = np.array(
            [scenario.errors if part.errors is None else part.errors for part in parts]
        )
        self._classes = np.array([_in_order(part, scenario.classes) for part in parts])
        self._amounts = np.array([_normal(part.amounts or USUAL_AMOUNTS) for part in parts])
        self._numbers: dict[str, int] = {}

    def placed(self, pod: Pod) -> tuple[str, str]:
        """Node and zone of a pod."""
        number = self._numbers.setdefault(pod.name, len(self._numbers)) % self.scenario.nodes
        return f"node-{number + 1}", f"zone-{'abc'[number % self.scenario.zones]}"

    def gauge(self, pod: Pod, now: float) -> float:
        """The gauge `model_psi` of a pod."""
        found = self._troubles(self.exporters[pod.name], now, now)
        return USUAL_PSI + sum(size * trouble.gauge for trouble, size in found)

    def advance(self, pods: Iterable[Pod], now: float) -> None:
        """Count and scrape until now, the candidate's first: its traffic starts a clock."""
        for pod in sorted(pods, key=lambda each: each.version, reverse=True):
            if pod.name not in self.exporters:
                self.exporters[pod.name] = self._exporter(pod)
            last = pod.segments[-1].until if pod.segments else pod.born
            self._advance(self.exporters[pod.name], min(now, last))

    def series(
        self, pod: Pod, query: CounterQuery, now: float, window: float, every: float | None
    ) -> list[Series]:
        """What was scraped of a pod."""
        found, exporter = self.layout.answering(query), self.exporters[pod.name]
        first = bisect_right(exporter.times, now - window - (300.0 if every else 0.0))
        if not len(found) or first == len(exporter.times):
            return []
        times = exporter.times[first:]
        rows = np.stack(exporter.rows[first:])
        anchors = np.array(self.layout.anchors, dtype=np.int64)[found]
        there = rows[:, anchors] > 0
        named = {"namespace": pod.namespace, "pod": pod.name, "instance": pod.address}
        result = []
        for place, index in enumerate(found):
            begun = there[:, place]
            at = np.array(times)[begun]
            if not len(at):
                continue
            samples = Samples.of(_packed(at), _packed(rows[:, index][begun]))
            if every:
                samples = Samples(stepped(samples, now, window, every))
            if len(samples):
                result.append(Series({**named, **self.layout.series[index][1]}, samples))
        return result

    def of_the_new(self) -> tuple[int, int]:
        """Requests of the candidate, and how many failed."""
        new = [each for each in self.exporters.values() if each.pod.version == NEW]
        return sum(each.requests for each in new), sum(each.failed for each in new)

    def _exporter(self, pod: Pod) -> Exporter:
        seed = zlib.crc32(f"{self._seed} {self.scenario.name} {pod.name}".encode())
        rng = np.random.default_rng(seed)
        node, zone = self.placed(pod)
        first = all(each.pod.version != pod.version for each in self.exporters.values())
        scrape = pod.born + rng.uniform(0, self.scenario.scrape)
        spread = np.random.default_rng(seed + 1).normal(0.0, self.scenario.spread, 2)
        failing, slower = (float(each) for each in np.exp(spread))
        counts = np.zeros(len(self.layout.series))
        return Exporter(
            *(pod, node, zone, first, rng, scrape, counts, pod.born),
            failing=failing,
            slower=slower,
        )

    def _advance(self, exporter: Exporter, now: float) -> None:
        while exporter.next_scrape <= now:
            at = exporter.next_scrape
            self._count(exporter, at)
            segments = exporter.pod.segments
            there = any(each.since <= at <= each.until for each in segments[-50:])
            if there and not any(
                trouble.unscraped for trouble, _ in self._troubles(exporter, at, at)
            ):
                exporter.times.append(at)
                exporter.rows.append(exporter.counts.copy())
            exporter.next_scrape += self.scenario.scrape
        self._count(exporter, now)

    def _count(self, exporter: Exporter, to: float) -> None:
        for segment in exporter.pod.segments:
            if segment.until <= exporter.until:
                continue
            if segment.since >= to:
                break
            if segment.total == 0 and not segment.rate:
                exporter.counts[:] = 0.0
                exporter.served_since = math.inf
                exporter.late.clear()
            since, until = max(segment.since, exporter.until), min(segment.until, to)
            if segment.rate and exporter.served_since == math.inf:
                exporter.served_since = since
            if segment.rate and exporter.pod.version == NEW:
                self.clocks.traffic = min(self.clocks.traffic, since)
            if segment.rate:
                self._serve(exporter, since, until, segment.rate)
            exporter.until = max(exporter.until, until)
        self._told(exporter, to)

    def _serve(self, exporter: Exporter, since: float, until: float, share: float) -> None:
        edges = {since, until}
        for trouble in self.scenario.troubles:
            begins = self.clocks.since(trouble, exporter.served_since)
            edges |= _edges(trouble, begins, since, until)
        for surge in self.scenario.surges:
            edges |= _edges(Trouble(lasts=surge.lasts, every=surge.every), EPOCH, since, until)
        cuts = sorted(edges)
        for start, end in itertools.pairwise(cuts):
            middle = (start + end) / 2
            expected = share * self._rate(middle) * (end - start)
            self._answer(exporter, expected, start, end)

    def _rate(self, at: float) -> float:
        scenario, age = self.scenario, at - EPOCH
        turn = 2 * math.pi * (age - BEFORE) / DAY
        rate = scenario.traffic * (1 + scenario.day * math.sin(turn))
        for surge in scenario.surges:
            rate *= surge.times if age % surge.every < surge.lasts else 1.0
        return rate

    def _answer(self, exporter: Exporter, expected: float, since: float, until: float) -> None:
        rng, layout, new = exporter.rng, self.layout, exporter.pod.version == NEW
        errors, slower, tail = self._errors * exporter.failing, exporter.slower, 0.0
        missing, blamed, hangs, strange, classes = 0.0, 0.0, 0.0, 0.0, self._classes.copy()
        for trouble, size in self._troubles(exporter, since, until):
            part = self._meant(trouble)
            errors[part] = errors[part] * (1 + size * (trouble.times - 1)) + size * trouble.errors
            slower *= 1 + size * (trouble.slower - 1)
            tail += size * trouble.tail
            missing += size * trouble.missing
            blamed += size * trouble.blamed
            hangs += size * trouble.hangs
            strange += size * trouble.strange
            if trouble.classes:
                classes[part] = _ordered(trouble.classes, self.scenario.classes)
        asked = rng.poisson(expected * self._shares[new])
        exporter.requests += int(asked.sum())
        if len(layout.begun):
            _add(exporter.counts, layout.begun, asked)
        if hangs:
            hung = rng.binomial(asked, min(hangs, 1.0))
            exporter.failed += int(hung.sum())
            asked = asked - hung
        failed = rng.binomial(asked, np.minimum(errors, 1.0))
        answered = asked - failed
        exporter.failed += int(failed.sum())
        shapes = [self._shape(slower * part.slower, tail) for part in self.scenario.parts]
        if self.scenario.takes:
            self._later(exporter, (since, until), (answered, failed), shapes, classes)
        else:
            self._at_once(exporter, answered, failed, shapes, classes)
        if len(layout.purposes):
            steady = np.full(self.scenario.purposes, (1 - strange) / self.scenario.purposes)
            shares = np.append(steady, strange)
            _add(exporter.counts, layout.purposes, rng.multinomial(int(asked.sum()), shares))
        if len(layout.amounts):
            lost = rng.binomial(asked, min(missing, 1.0))
            drawn = rng.multinomial(asked - lost, self._amounts).sum(axis=0)
            _add(exporter.counts, layout.amounts, drawn.cumsum())
            _add(exporter.counts, layout.missing, lost.sum(keepdims=True))
        if (late := self.scenario.feedback) is not None:
            given = rng.binomial(int(answered.sum()), late.given)
            bad = rng.binomial(given, min(late.negative + blamed, 1.0))
            for index, count, delay in (
                (layout.feedback[0], given - bad, late.positive_after),
                (layout.feedback[1], bad, late.negative_after),
            ):
                for part in rng.multinomial(count, [0.25] * 4):
                    at = (since + until) / 2 + delay * rng.uniform(0.5, 1.5)
                    exporter.late.append((at, np.full(int(part), index)))

    def _at_once(
        self,
        exporter: Exporter,
        answered: Indices,
        failed: Indices,
        shapes: list[Floats],
        classes: Floats,
    ) -> None:
        rng, layout = exporter.rng, self.layout
        if len(layout.good):
            _add(exporter.counts, layout.good, answered)
            _add(exporter.counts, layout.bad, failed)
        for indices, counted in zip(layout.durations, (answered, failed), strict=False):
            _add(exporter.counts, indices, rng.multinomial(counted, shapes).cumsum(axis=1))
        if len(layout.classes):
            _add(exporter.counts, layout.classes, rng.multinomial(answered, classes))

    def _later(
        self,
        exporter: Exporter,
        within: tuple[float, float],
        ended: tuple[Indices, Indices],
        shapes: list[Floats],
        classes: Floats,
    ) -> None:
        """Requests that began within this time, each counted when it ends."""
        rng, layout = exporter.rng, self.layout
        codes = (layout.good, layout.bad)
        bounds = np.array([0.0, *BOUNDS, 2 * BOUNDS[-1]]) * self.scenario.takes / MEDIAN
        for failed, counts in enumerate(ended):
            for part, count in enumerate(counts):
                for bucket in rng.choice(len(shapes[part]), int(count), p=shapes[part]):
                    took = rng.uniform(bounds[bucket], bounds[bucket + 1])
                    grown = [codes[failed][part]] if len(codes[failed]) else []
                    if layout.durations:
                        grown += list(layout.durations[failed][part][bucket:])
                    if len(layout.classes) and not failed:
                        grown.append(
                            layout.classes[part][rng.choice(classes.shape[1], p=classes[part])]
                        )
                    exporter.late.append((rng.uniform(*within) + took, np.array(grown, np.int64)))

    def _told(self, exporter: Exporter, now: float) -> None:
        due = [each for each in exporter.late if each[0] <= now]
        if due:
            exporter.late = [each for each in exporter.late if each[0] > now]
        for _, grown in due:
            np.add.at(exporter.counts, grown, 1.0)

    def _troubles(
        self, exporter: Exporter, since: float, until: float
    ) -> Iterable[tuple[Trouble, float]]:
        """Those of a pod, and how large they are."""
        middle = (since + until) / 2
        for trouble in self.scenario.troubles:
            mine = (
                trouble.of in ("", exporter.pod.version)
                and trouble.node in ("", exporter.node)
                and trouble.zone in ("", exporter.zone)
                and (exporter.first or not trouble.first_pod)
                and (not trouble.from_weight or self._weight(middle) >= trouble.from_weight)
            )
            age = middle - self.clocks.since(trouble, exporter.served_since)
            if mine and age >= 0 and math.fmod(age, trouble.every) < trouble.lasts:
                yield trouble, min(age / trouble.grows, 1.0) if trouble.grows else 1.0

    def _weight(self, at: float) -> float:
        """The candidate's, in percent."""
        return self.weights[bisect_right(self.weights, (at, math.inf)) - 1][1]

    def _meant(self, trouble: Trouble) -> Indices:
        wanted = (trouble.where or {}).items()
        parts = enumerate(self.scenario.parts)
        return np.array(
            [n for n, part in parts if wanted <= part.labels.items()],
            dtype=np.int64,
        )

    def _shape(self, slower: float, tail: float) -> Floats:
        key = round(slower, 3), round(tail, 4)
        if key not in self._shapes:
            self._shapes[key] = durations(*key)
        return self._shapes[key]


def _edges(trouble: Trouble, begins: float, since: float, until: float) -> set[float]:
    """Moments in between at which it begins or ends."""
    if begins == math.inf or begins >= until:
        return set()
    found = set()
    turn = 0 if trouble.every == math.inf else max(int((since - begins) / trouble.every) - 1, 0)
    start = begins + (turn * trouble.every if turn else 0.0)
    while start < until:
        found |= {at for at in (start, start + trouble.lasts) if since < at < until}
        start += trouble.every
    return found


def _add(counts: Floats, indices: Indices, grown: Any) -> None:
    np.add.at(counts, indices.reshape(-1), np.asarray(grown, dtype=np.float64).reshape(-1))


def _normal(shares: Iterable[float]) -> Floats:
    found: Floats = np.array(list(shares), dtype=np.float64)
    found /= found.sum()
    return found


def _in_order(part: Part, classes: Mapping[str, float]) -> Floats:
    return _ordered(part.classes or classes, classes)


def _ordered(shares: Mapping[str, float], names: Mapping[str, float]) -> Floats:
    return _normal(shares[name] for name in names)


def _packed(values: Floats) -> "array[float]":
    return array("d", np.ascontiguousarray(values, dtype=np.float64).tobytes())
