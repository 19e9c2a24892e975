"""Figures of rates that are compared, and the wording of each: what was counted, what is allowed,
what the evidence shows, and how stable's own rates varied."""

import math
from dataclasses import dataclass
from typing import Final

from serinus.api.baseline import Dispersion
from serinus.judge.findings import words

_LONG: Final = 1800.0
"""Seconds."""
ENOUGH_PODS: Final = 3
"""Candidate pods from which on differences between pods hardly delay a verdict."""
ENOUGH_OF_STABLE: Final = 5
"""Stable's pods from which on they show how pods differ."""


@dataclass(frozen=True, slots=True)
class EventCount:
    """Events among a whole: `41/2045 (2.0%)`."""

    events: float
    whole: float

    @property
    def rate(self) -> float:
        """Of nothing, it is 0."""
        return self.events / self.whole if self.whole else 0.0

    def __str__(self) -> str:
        counts = f"{words.count(self.events)}/{words.count(self.whole)}"
        return f"{counts} ({words.percent(self.rate)})" if self.whole else counts


@dataclass(frozen=True, slots=True)
class AllowedRate:
    """A multiple of another rate, plus an offset."""

    ratio: float
    offset: float
    """A probability."""

    def of(self, whose: str = "stable's") -> str:
        """`1.5 times stable's + 1%`."""
        times = "" if self.ratio == 1 else f"{self.ratio:.4g} times "
        return f"{times}{whose}" + (f" + {100 * self.offset:g}%" if self.offset else "")

    def lately(self, one: EventCount, other: EventCount, recent: object = None) -> str:
        """Where one rate is shown to exceed what is allowed by the other: ` in recent requests`,
        and their counts if they are known, unless these counts do."""
        exceeded = one.rate > self.ratio * other.rate + self.offset
        return "" if exceeded else words.lately(recent)


@dataclass(frozen=True, slots=True)
class Recent:
    """What both arms counted since there was least evidence against the candidate."""

    candidate: EventCount
    stable: EventCount

    def __str__(self) -> str:
        return f"candidate {self.candidate}, stable {self.stable}"


@dataclass(frozen=True, slots=True)
class PodShare:
    """The candidate's pods that have most of the candidate's bad events."""

    pods: tuple[str, ...]
    events: float
    """Of these pods."""
    of_events: float
    """Of all candidate pods."""
    of_pods: int
    """Number of candidate pods that were counted separately."""
    first_pods_only: bool
    """Whether there may be more pods."""

    def __str__(self) -> str:
        share = f"{words.count(self.events)} of the {words.count(self.of_events)}"
        all_pods = f"{'the first ' if self.first_pods_only else ''}{self.of_pods} pods"
        if len(self.pods) == 1:
            return f"{share} are in pod {self.pods[0]}, one of {all_pods}."
        return f"{share} are in pods {words.listed(self.pods)}, {len(self.pods)} of {all_pods}."


@dataclass(frozen=True, slots=True)
class ShownWorse:
    """The candidate is shown to be worse than is tolerated, or above the limit."""

    risk: float
    """Probability of a false alarm over the whole rollout, all looks and checks together."""
    than_limit: bool = False
    pods: PodShare | None = None
    recent: Recent | None = None
    """None: the counts of the whole rollout are the recent ones, or these are not known."""

    def __str__(self) -> str:
        risk = f"False-alarm risk {words.at_most(self.risk)} per rollout"
        return f"{risk}, all looks and checks included."


@dataclass(frozen=True, slots=True)
class ShownBetter:
    """The candidate is shown to be within the margin, and below the limit if there is one."""

    risk: float
    """Probability that this check passes a candidate beyond it in one step."""
    weight: float | None = None
    """The candidate's share of the requests; None: not known."""
    copied: bool = False
    """Whether these are copies of stable's."""

    def within(self, margin: str) -> str:
        """`within the margin (1.5 times stable's) at 5% traffic`, and the risk."""
        at = f" at {words.exact_percent(self.weight)} traffic" if self.weight else ""
        at = f" with {words.copies(self.weight)}" if self.weight and self.copied else at
        risk = f"risk of passing a candidate beyond it {words.at_most(self.risk)}"
        return f"within the margin ({margin}){at}; {risk}, for this check and step."


@dataclass(frozen=True, slots=True)
class Forecast:
    """Nothing is shown yet; how many more requests it takes at the rates counted so far."""

    to_pass: float | None
    """The candidate's requests until then; None: never."""
    to_fail: float | None
    per_second: float | None = None
    """The candidate's requests; None: not known."""
    whole: str = "requests"
    """What they are called."""
    fail_known: bool = True
    """Whether the counts tell when it fails; where requests are divided, their sums do not."""

    def __str__(self) -> str:
        shown = "neither shown worse than tolerated nor within the margin."
        waits = ((self.to_fail, "Fails"), (self.to_pass, "Passes"))
        known = [(wait, verdict) for wait, verdict in waits if wait]
        if self.is_stuck:
            return f"{shown} At these rates it neither fails nor passes."
        if not known:
            return shown
        wait, verdict = min(known)
        return f"{shown} {verdict} after {self._more(wait)} at these rates."

    def _more(self, requests: float) -> str:
        """In two digits: it is an estimate."""
        step = 10 ** max(math.floor(math.log10(requests)) - 1, 0) if requests >= 1 else 1
        rounded = max(math.ceil(requests / step) * step, 1)
        whole = self.whole if rounded > 1 else self.whole.removesuffix("s")
        time = f" ({words.about(requests / self.per_second)})" if self.per_second else ""
        return f"about {rounded:,} more candidate {whole}{time}"

    @property
    def is_stuck(self) -> bool:
        """Whether no number of requests like these would decide."""
        return self.fail_known and not self.to_pass and not self.to_fail

    @property
    def takes_long(self) -> bool:
        """Whether a person would ask why: it is stuck, or waits for longer than a usual step."""
        waits = [wait for wait in (self.to_pass, self.to_fail) if wait]
        if not waits:
            return self.is_stuck
        return bool(self.per_second) and min(waits) / (self.per_second or 1.0) > _LONG


Conclusion = ShownWorse | ShownBetter | Forecast
"""What the evidence shows of the candidate."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How stable's rate varied in its history, or in a guard the candidate's, which slows the
    evidence down; empty where it does not."""

    what: str
    """The quantity that varied: `errors`."""
    dispersion: Dispersion
    tolerated: float = 0.0
    """At least, for so many pods, as a multiple of stable's rate; 0: no more than is set."""
    pods: tuple[int, int] = (0, 0)
    """Of candidate and stable."""
    times: str = "stable's is tolerated"
    """What is tolerated."""
    whose: str = "Stable's"
    """Events came in bursts."""
    new: bool = False
    """Whether events come in greater bursts than in stable's last hour."""

    def __str__(self) -> str:
        return words.sentences(self._over_time(), self._between_pods())

    def beside(self, conclusion: Conclusion | None) -> str:
        """What the message of a look says of it: all where the candidate fails, nothing decides or
        that takes long, and else what is new. The message before the rollout says the rest, once
        for all looks."""
        long = isinstance(conclusion, Forecast) and conclusion.takes_long
        if long or isinstance(conclusion, ShownWorse):
            return str(self)
        return self._over_time() if self.new else ""

    def _over_time(self) -> str:
        if self.dispersion.over_time <= 1:
            return ""
        times = f"{self.dispersion.over_time:.1f} times the variance of independent events"
        return f"{self.whose} {self.what} came in bursts ({times}), so each counts for less."

    def _between_pods(self) -> str:
        if not self.tolerated or not all(self.pods):
            return ""
        deviation = words.percent(self.dispersion.between_pods)
        by = f"{deviation} in {self.what} (standard deviation)"
        stable = self.pods[1]
        if stable == 1:
            shown = f"Stable's only pod does not show how pods differ; {by} is assumed"
        elif stable < ENOUGH_OF_STABLE:
            shown = f"Stable's few pods ({stable}) may differ by {by}"
        else:
            shown = f"Stable's pods differ by {by}"
        return f"{shown}, so {self._widened()}."

    def _widened(self) -> str:
        candidate, stable = self.pods
        of = f"{candidate} candidate pod" if candidate == 1 else f"{candidate} candidate pods"
        remedies = []
        if stable < ENOUGH_OF_STABLE:
            remedies.append(f"{ENOUGH_OF_STABLE} or more pods of stable")
        if candidate < ENOUGH_PODS:
            remedies.append(f"{ENOUGH_PODS} or more of the candidate")
        more = f"; {' or '.join(remedies)} would show smaller differences" if remedies else ""
        return f"at least {self.tolerated:.4g} times {self.times} for {of}{more}"
