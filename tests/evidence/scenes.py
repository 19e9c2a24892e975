"""Small simulated rollouts, each of which comes to a verdict of one check."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import requests

from serinus.api.baseline import Baseline, CheckBaseline, Dispersion
from serinus.api.status import CheckStatus, Verdict
from serinus.judge import judge
from serinus.judge.analysis import reads
from serinus.metrics.queries import QueryError
from serinus.prometheus.config import Config
from serinus.prometheus.failures import unreadable
from tests.support.simulated_analysis import INTERVAL, SINCE, SimulatedAnalysis

_ORDER: Final[tuple[Verdict, ...]] = ("Pass", "Fail", "Inconclusive", "NoData", "Error")
BUSY: Final = unreadable(requests.exceptions.Timeout(), Config("http://prometheus:9090")).message


@dataclass(frozen=True)
class Scene:
    """What happens between each two looks, and the verdict that it leads to."""

    verdict: Verdict
    happens: str
    block: tuple[object, ...] = ()
    """What is served; arguments of the kind's `serve`."""
    looks: int = 1
    """At least so many."""
    settings: Mapping[str, object] = field(default_factory=dict)
    history: Sequence[Dispersion] = ()
    """What stable's counts told before the rollout."""
    exported: tuple[object, ...] = ()
    """What was served before the weight took effect, if not the kind's `nothing`."""
    serve: Callable[..., None] | None = None
    """How both arms serve, if not as the kind does."""
    stratify: Sequence[str] = ()
    """Labels within whose values the analysis compares."""


@dataclass(frozen=True)
class Kind:
    """A kind of check, and how both arms serve what it looks at."""

    name: str
    check: Callable[..., Mapping[str, object]]
    serve: Callable[..., None]
    nothing: tuple[object, ...]
    """A block of no requests, with everything exported."""
    scenes: Sequence[Scene]

    def rows(self) -> list[tuple[Verdict, str, str]]:
        """Verdict, what happens and what is said of it; ValueError where a scene ends otherwise."""
        return sorted(self._rows(), key=lambda row: _ORDER.index(row[0]))

    def _rows(self) -> Iterator[tuple[Verdict, str, str]]:
        for scene in self.scenes:
            yield scene.verdict, scene.happens, self._told(scene)
        yield "NoData", "The candidate's pods export nothing.", self._without_candidate()
        yield "Error", "Prometheus is down, or too busy.", self._without_prometheus()

    def _told(self, scene: Scene) -> str:
        simulated = self._judging(scene)
        serve = scene.serve or self.serve
        for look in range(1, 101):
            serve(simulated, *scene.block)
            found = simulated.look()
            if look >= scene.looks and found.verdict == scene.verdict:
                return found.message
        raise ValueError(f"{self.name} is not {scene.verdict} but {found}")

    def _without_candidate(self) -> str:
        simulated = self._judging(self.scenes[0])
        simulated.candidate.values.clear()
        simulated.candidate.samples.clear()
        return _message(simulated.look(), "NoData")

    def _without_prometheus(self) -> str:
        simulated = self._judging(self.scenes[0])
        simulated.at = SINCE + INTERVAL
        measurement = simulated.measurement()
        answers = dict.fromkeys(measurement.candidate, QueryError(BUSY))
        broken = replace(measurement, candidate=answers)
        return _message(
            judge(simulated.analysis, simulated.progress, broken, SINCE).checks[0], "Error"
        )

    def _judging(self, scene: Scene) -> SimulatedAnalysis:
        """Both arms are up, and were scraped before the weight took effect."""
        simulated = SimulatedAnalysis(
            self.check(**scene.settings), stratify=scene.stratify, onePodToBlame="Rollback"
        )
        serve = scene.serve or self.serve
        serve(simulated, *(scene.exported or self.nothing))
        simulated.scrape()
        counters = reads(simulated.analysis.checks[0])
        known = CheckBaseline(reads=counters, dispersions=list(scene.history))
        baseline = Baseline(measured_at=SINCE, checks=[known])
        simulated.progress = replace(simulated.progress, baseline=baseline)
        return simulated


def _message(found: CheckStatus, verdict: Verdict) -> str:
    if found.verdict != verdict:
        raise ValueError(f"not {verdict} but {found}")
    return found.message
