"""Simulated monitoring from spec to status: stable serves, Prometheus scrapes, looks are taken."""

import random
from collections.abc import Mapping
from typing import Any

from serinus.api.quantities import seconds
from serinus.api.spec import Spec
from serinus.api.status import Monitored, Stable, Status
from serinus.manifests.owner import Owner
from serinus.metrics.queries import Measurement, Query, QueryResult
from serinus.plan.monitoring import MonitoringState, monitored, monitoring_request
from tests.support.simulated_pods import Pods
from tests.support.simulated_rollout import TEMPLATE, A

OWNER = Owner("shop", "fraud", "4f7c")


class MonitoredStable:
    """Holds pods, clock, and what is known between looks."""

    def __init__(self, seed: int = 0, **monitoring: object) -> None:
        self.pods = Pods()
        self.at = 1_000_000.0
        self.random = random.Random(seed)
        self.status = Status(stable=Stable(revision=A, number=1, since=0.0))
        self.state = MonitoringState()
        self.broken: Mapping[str, QueryResult] = {}
        self.set(**monitoring)

    def set(self, **monitoring: object) -> None:
        """Other settings, of which the operator knows at the next look."""
        self.spec = Spec.model_validate({"template": TEMPLATE, "monitoring": monitoring})
        assert self.spec.monitoring
        self.interval = seconds(self.spec.monitoring.interval)

    @property
    def known(self) -> Monitored:
        """What the status says; empty before the first look."""
        return self.status.monitoring or Monitored()

    def draw(self, share: float, values: int) -> int:
        """How many of so many values are events."""
        return sum(self.random.random() < share for _ in range(values))

    def serve(self, failed: int, requests: int, pod: str = "pod") -> None:
        """So many requests, of which so many fail."""
        self.pods.add(pod, "model_requests_total", requests - failed, code="200")
        self.pods.add(pod, "model_requests_total", failed, code="500")

    def users_say(self, negative: int, outcomes: int) -> None:
        """So many outcomes, of which so many are negative."""
        self.pods.add("pod", "model_feedback_total", outcomes - negative, outcome="good")
        self.pods.add("pod", "model_feedback_total", negative, outcome="bad")

    def predict(self, **classes: int) -> None:
        """So many predictions of each class."""
        for name, count in classes.items():
            self.pods.add("pod", "model_predictions_total", count, **{"class": name})

    def look(self) -> Monitored:
        """After an interval: scrape, and look."""
        self.at += self.interval
        self.pods.scrape(self.at)
        request = monitoring_request(OWNER, self.spec, self.status, self.state, self.at)
        assert request
        start = self.at - request.window(self.at)
        answers: dict[Query, QueryResult] = {}
        for query in request.queries:
            name = getattr(query, "metric", "")
            answers[query] = self.broken.get(name) or self.pods.answer(query, start, self.at)  # type: ignore[arg-type]
        measured = Measurement(self.at, answers, answers, read_from=start)
        self.status, self.state = monitored(self.spec, self.status, self.state, measured)
        for samples in self.pods.samples.values():
            del samples[:-10]  # no look reads further back
        return self.known

    def restart(self) -> None:
        """The operator dies; its successor has the status."""
        self.state = MonitoringState()
        self.status = Status.model_validate(self.status.to_json())


def errors(limit: str = "1%", **settings: Any) -> dict[str, Any]:
    """Settings of errorRate."""
    return {"errorRate": {"limit": limit, **settings}}
