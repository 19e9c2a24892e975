"""A simulated analysis: pods serve, Prometheus scrapes, the judge looks."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from serinus.api.analysis import Analysis
from serinus.api.monitoring import FeatureDrift
from serinus.api.stages import Stage
from serinus.api.status import Candidate, CheckStatus, Verdict
from serinus.judge import (
    ByMode,
    EffectiveWeight,
    GuardWindow,
    Progress,
    judge_by_mode,
    longest_warm_up,
    queries_of,
)
from serinus.judge.drift import feature_queries
from serinus.metrics.counters import covered_until
from serinus.metrics.queries import CounterQuery, ExpressionQuery, Measurement, Query, QueryResult
from tests.support.simulated_pods import Pods

SINCE = 1000.0
INTERVAL = 15.0
ALWAYS = EffectiveWeight(0.0, since=-math.inf)
"""A weight in effect at which no requests are expected of either arm, and no rate is known."""


class SimulatedAnalysis:
    """Holds pods, clock and progress between looks."""

    def __init__(self, *checks: Mapping[str, object], **analysis: object) -> None:
        wanted = {"checks": list(checks), **analysis}
        self.analysis = Analysis.model_validate(wanted if checks else analysis)
        self.candidate, self.stable = Pods(), Pods()
        self.progress = Progress()
        self.audited = Progress()
        self.at = SINCE - 5
        self.values: dict[Query, QueryResult] = {}
        self.weight: EffectiveWeight | None = ALWAYS
        self.features: FeatureDrift | None = None
        """By which the arms' inputs are compared; None: not at all."""
        self.guard: GuardWindow | None = None
        """The one after the promotion that is simulated."""

    def errors(self, candidate: tuple[int, int], stable: tuple[int, int]) -> None:
        """Each arm serves so many requests, the first of which fail: (errors, requests)."""
        requests(self.candidate, "pod", *candidate)
        requests(self.stable, "pod", *stable)

    def feedback(self, candidate: tuple[int, int], stable: tuple[int, int]) -> None:
        """Each arm hears of so many answers, the first of which were wrong: (wrong, all)."""
        for pods, (wrong, told) in ((self.candidate, candidate), (self.stable, stable)):
            pods.add("pod", "model_feedback_total", told - wrong, outcome="correct")
            pods.add("pod", "model_feedback_total", wrong, outcome="incorrect")

    def groups(
        self, stable: Mapping[str, tuple[int, int]] | None = None, **answers: tuple[int, int]
    ) -> None:
        """The candidate answers each group so often, and favourably so often of it:
        (favourable, all). Stable does the same, or answers one group, which is of no interest."""
        of_stable = {"north": (0, 1)} if stable is None else stable
        for pods, groups in ((self.candidate, answers), (self.stable, of_stable)):
            for group, (favourable, all_) in groups.items():
                for name, count in (("approve", favourable), ("deny", all_ - favourable)):
                    labels = {"class": name, "group": group}
                    pods.add("pod", "model_predictions_total", count, **labels)

    def odds(self, **outcomes: tuple[int, int, int, int]) -> None:
        """Of the candidate's answers to each group so many prove true positives, false negatives,
        false positives and true negatives."""
        names = ("true_positive", "false_negative", "false_positive", "true_negative")
        for group, counts in outcomes.items():
            for name, count in zip(names, counts, strict=True):
                labels = {"outcome": name, "group": group}
                self.candidate.add("pod", "model_feedback_total", count, **labels)

    def classes(self, candidate: Mapping[str, int], stable: Mapping[str, int]) -> None:
        """Each arm predicts each class so often."""
        for pods, counts in ((self.candidate, candidate), (self.stable, stable)):
            for name, count in counts.items():
                pods.add("pod", "model_predictions_total", count, **{"class": name})

    def scores(self, candidate: Mapping[float, int], stable: Mapping[float, int]) -> None:
        """Each arm gives so many scores in the bucket that ends at each bound."""
        for pods, counts in ((self.candidate, candidate), (self.stable, stable)):
            buckets(pods, "pod", "model_prediction_score", counts)

    def durations(self, candidate: Mapping[float, int], stable: Mapping[float, int]) -> None:
        """Each arm serves so many requests in the bucket that ends at each bound, in seconds."""
        for pods, counts in ((self.candidate, candidate), (self.stable, stable)):
            buckets(pods, "pod", "model_request_duration_seconds", counts)

    def feature(
        self, name: str, candidate: Mapping[float, int], stable: Mapping[float, int]
    ) -> None:
        """Each arm is asked so many values of the feature in the bucket that ends at each bound."""
        for pods, counts in ((self.candidate, candidate), (self.stable, stable)):
            buckets(pods, "pod", "model_feature_value", counts, feature=name)

    def measurement(self) -> Measurement:
        """What Prometheus answers now."""
        inputs = feature_queries(self.features) if self.features else ()
        queries = (*queries_of(self.analysis), *inputs)
        counters = [query for query in queries if isinstance(query, CounterQuery)]
        start = covered_until(self.progress.counted, SINCE) - longest_warm_up(self.analysis) - 60
        answers: list[dict[Query, QueryResult]] = [
            {query: pods.answer(query, start, self.at) for query in counters}
            for pods in (self.candidate, self.stable)
        ]
        for query in queries:
            if isinstance(query, ExpressionQuery):
                answers[0][query] = self.values.get(query, ())
        return Measurement(self.at, *answers)

    def scrape(self) -> None:
        """Prometheus takes a sample of every pod."""
        self.candidate.scrape(self.at)
        self.stable.scrape(self.at)

    def look(self, seconds: float = INTERVAL) -> CheckStatus:
        """Some time later: scrape, judge; the first check."""
        self.at += seconds
        self.scrape()
        return self.judge()

    def judge(self, measured: Measurement | None = None) -> CheckStatus:
        """What was scraped so far, or what was measured; the first check."""
        beside = replace(self.progress, counted=self.audited.counted or self.progress.counted)
        found = judge_by_mode(
            self.analysis,
            ByMode.of(self.analysis, self.progress, beside),
            measured or self.measurement(),
            SINCE,
            self.weight,
            features=self.features,
            guard=self.guard,
        )
        self.progress, self.audited = found.enforced, found.audited
        return self.progress.checks[0]

    def until(self, verdict: Verdict, serve: Callable[[], None], looks: int = 100) -> CheckStatus:
        """Serve and look until the first check has come to the verdict, or for so many looks."""
        found = self.look()
        for _ in range(looks):
            if found.verdict == verdict:
                break
            serve()
            found = self.look()
        assert found.verdict == verdict
        return found

    def resume(self) -> None:
        """The operator dies; its successor reads the status, from which the API server has taken
        the fraction of numbers that have none."""
        candidate = Candidate(
            revision="2",
            number=2,
            stage=Stage.STEPPING,
            since=SINCE,
            progress_since=SINCE,
            counted=dict(self.progress.counted),
            checks=list(self.progress.checks),
            baseline=self.progress.baseline,
            inputs=self.progress.inputs,
            audit_counted=dict(self.audited.counted),
        )
        written = json.dumps(candidate.to_json())
        stored = json.loads(
            written,
            parse_float=lambda n: int(n.removesuffix(".0")) if n.endswith(".0") else float(n),
        )
        read = Candidate.model_validate(stored)
        self.progress = Progress(
            read.counted,
            tuple(read.checks),
            read.baseline,
            inputs=read.inputs,
        )
        self.audited = Progress(read.audit_counted)


def requests(pods: Pods, pod: str, failed: int, served: int) -> None:
    """A pod serves so many requests, some of which fail."""
    pods.add(pod, "model_requests_total", served - failed, code="200")
    pods.add(pod, "model_requests_total", failed, code="500")


def buckets(
    pods: Pods, pod: str, histogram: str, counts: Mapping[float, int], **labels: str
) -> None:
    """A pod of an arm observes so much in the bucket that ends at each bound, inf included."""
    total = 0
    for bound, count in sorted({math.inf: 0, **counts}.items()):
        total += count
        le = "+Inf" if bound == math.inf else str(bound)
        pods.add(pod, f"{histogram}_bucket", total, le=le, **labels)


def error_rate(**settings: object) -> dict[str, object]:
    """A check of the error rate."""
    return {"name": "errors", "errorRate": settings}


def latency(**settings: object) -> dict[str, object]:
    """A check of the latency, of pods that need no warm-up unless that is said."""
    return {"name": "slow", "latency": {"warmUp": "0s", **settings}}


def drift(**settings: object) -> dict[str, object]:
    """A check of the predictions."""
    return {"name": "drift", "predictionDrift": settings}


def feedback(**settings: object) -> dict[str, object]:
    """A check of what users report."""
    return {"name": "users", "feedback": {"after": "0s", **settings}}


def fairness(**settings: object) -> dict[str, object]:
    """A check of the groups inside the candidate."""
    return {"name": "groups", "fairness": settings}


def traffic_share(**settings: object) -> dict[str, object]:
    """A check of how the traffic is split."""
    return {"name": "split", "trafficShare": settings}
