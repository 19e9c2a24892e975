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
from tests.bench.scenarios.scenario import BEFORE, NEW, Part, Scenario, Trouble
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
DAY: Final = 86400.0


@dataclass(frozen=True)
class Names:
    """What a server calls its metrics."""

    requests: str
    durations: str
    """Empty: it has none."""
    code: str
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
        begun = {**vars(self), "pod": pod}[trouble.clock]
        return float(begun) + trouble.after


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
        self.good = self._counters(names.requests, codes)
        self.bad = self._counters(names.requests, failed)
        self.durations: list[Indices] = []
        if names.durations:
            bounds = [f"{bound / names.unit:g}" for bound in BOUNDS]
            self.durations = [
                self._histograms(names.durations, every, bounds) for every in (codes, failed)
            ]
        self.classes = np.array(
            [
                self._counters("model_predictions_total", [{**one.labels, "class": each}])[0]
                for one in scenario.parts
                for each in scenario.classes
            ]
            if scenario.server == "default"
            else [],
            dtype=np.int64,
        ).reshape(-1, len(scenario.classes))
        self.amounts = self.missing = self.feedback = np.array([], dtype=np.int64)
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
    late: list[tuple[float, int, int]] = field(default_factory=list)
    """Feedback to come: when, 0 good or 1 bad, and how much."""
    requests: int = 0
    failed: int = 0


class Exports:
    """All pods of a scenario."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.layout = Layout(scenario)
        self.clocks = Clocks(rollout=EPOCH + BEFORE)
        self.exporters: dict[str, Exporter] = {}
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
        return f"node-{number + 1}", f"zone-{'abc'[number % 3]}"

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
        return Exporter(
            pod, node, zone, first, rng, scrape, np.zeros(len(self.layout.series)), pod.born
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
        errors, slower, tail = self._errors.copy(), 1.0, 0.0
        missing, blamed, classes = 0.0, 0.0, self._classes
        for trouble, size in self._troubles(exporter, since, until):
            part = self._meant(trouble)
            errors[part] = errors[part] * (1 + size * (trouble.times - 1)) + size * trouble.errors
            slower *= 1 + size * (trouble.slower - 1)
            tail += size * trouble.tail
            missing += size * trouble.missing
            blamed += size * trouble.blamed
            if trouble.classes:
                classes = np.array([_ordered(trouble.classes, self.scenario.classes)] * len(errors))
        asked = rng.poisson(expected * self._shares[new])
        failed = rng.binomial(asked, np.minimum(errors, 1.0))
        answered = asked - failed
        exporter.requests += int(asked.sum())
        exporter.failed += int(failed.sum())
        _add(exporter.counts, layout.good, answered)
        _add(exporter.counts, layout.bad, failed)
        for indices, counted in zip(layout.durations, (answered, failed), strict=False):
            shapes = [self._shape(slower * part.slower, tail) for part in self.scenario.parts]
            _add(exporter.counts, indices, rng.multinomial(counted, shapes).cumsum(axis=1))
        if len(layout.classes):
            _add(exporter.counts, layout.classes, rng.multinomial(answered, classes))
        if len(layout.amounts):
            lost = rng.binomial(asked, min(missing, 1.0))
            drawn = rng.multinomial(asked - lost, self._amounts).sum(axis=0)
            _add(exporter.counts, layout.amounts, drawn.cumsum())
            _add(exporter.counts, layout.missing, lost.sum(keepdims=True))
        if (late := self.scenario.feedback) is not None:
            given = rng.binomial(int(answered.sum()), late.given)
            bad = rng.binomial(given, min(late.negative + blamed, 1.0))
            for kind, count, delay in (
                (0, given - bad, late.positive_after),
                (1, bad, late.negative_after),
            ):
                for part in rng.multinomial(count, [0.25] * 4):
                    at = (since + until) / 2 + delay * rng.uniform(0.5, 1.5)
                    exporter.late.append((at, kind, int(part)))

    def _told(self, exporter: Exporter, now: float) -> None:
        due = [each for each in exporter.late if each[0] <= now]
        if due:
            exporter.late = [each for each in exporter.late if each[0] > now]
        for _, kind, count in due:
            exporter.counts[self.layout.feedback[kind]] += count

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
            )
            age = middle - self.clocks.since(trouble, exporter.served_since)
            if mine and age >= 0 and math.fmod(age, trouble.every) < trouble.lasts:
                yield trouble, min(age / trouble.grows, 1.0) if trouble.grows else 1.0

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
