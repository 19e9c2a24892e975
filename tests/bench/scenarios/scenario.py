"""What a scenario consists of."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from serinus.api.quantities import seconds

BEFORE: Final = 3900.0
"""Seconds that stable has served when the rollout begins."""

PREDICTIONS: Final = "model_predictions_total"
PRESETS: Final = {"bentoml": "BentoML", "istio": "Istio"}
Clock = Literal["rollout", "traffic", "pod", "promotion"]
"""Since when: the new spec, the candidate's first request, the first request of each pod's
container, or the promotion."""

BOTH: Final = ""
NEW: Final = "v2"
OLD: Final = "v1"


@dataclass(frozen=True)
class Part:
    """Requests of one kind: a route, a tenant, or clients that no label tells from others."""

    share: float
    labels: Mapping[str, str] = field(default_factory=dict)
    in_new: float | None = None
    """Its share of the candidate's requests, if that is another one."""
    errors: float | None = None
    """Share that fails; None: that of the scenario."""
    slower: float = 1.0
    classes: Mapping[str, float] | None = None
    """Share of each predicted class; None: those of the scenario."""
    amounts: Sequence[float] | None = None
    """Share of each range of the feature `amount`; None: the usual ones."""


@dataclass(frozen=True)
class Trouble:
    """Something that is not as usual, for some pods and for some time."""

    of: str = NEW
    """The version whose pods have it; empty: both."""
    errors: float = 0.0
    """Added to the share of failed requests."""
    times: float = 1.0
    """Times as many failed requests as usual."""
    slower: float = 1.0
    tail: float = 0.0
    """Share of the requests that take ten times as long."""
    missing: float = 0.0
    """Share of the requests whose feature `amount` is missing."""
    classes: Mapping[str, float] | None = None
    """What is predicted instead."""
    blamed: float = 0.0
    """Added to the share of negative feedback."""
    unscraped: bool = False
    hangs: float = 0.0
    """Share of the requests that are never answered; nothing counts them, and clients give up."""
    strange: float = 0.0
    """Share of the requests whose category is one that there was not before."""
    gauge: float = 0.0
    """Added to the gauge `model_psi`."""
    after: float = 0.0
    clock: Clock = "traffic"
    lasts: float = math.inf
    every: float = math.inf
    """Seconds after which it comes again."""
    grows: float = 0.0
    """Seconds in which it grows to its whole size."""
    node: str = ""
    zone: str = ""
    first_pod: bool = False
    """Of each version only the first pod."""
    where: Mapping[str, str] | None = None
    """Only requests with these labels."""
    from_weight: float = 0.0
    """Only while the candidate has at least so many percent of the traffic."""


@dataclass(frozen=True)
class Incident:
    """Something that befalls pods or the operator, once."""

    what: Literal["evicted", "unready", "operator down"]
    after: float
    lasts: float = 0.0
    of: str = NEW
    """The version whose pods are meant."""
    pods: int = 1
    """How many; those that were not ready before come last."""
    clock: Clock = "traffic"


@dataclass(frozen=True)
class Edit:
    """What the user, or an autoscaler, changes in the manifest meanwhile."""

    after: float
    rollout: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `rollout` that are set anew."""
    replicas: int | None = None
    clock: Clock = "rollout"


@dataclass(frozen=True)
class Surge:
    """More traffic for a while, again and again."""

    times: float
    lasts: float
    every: float


@dataclass(frozen=True)
class Late:
    """Feedback that comes later than the answer."""

    given: float
    """Share of the answers with feedback."""
    negative: float
    """Share of the feedback."""
    negative_after: float
    positive_after: float
    """Seconds."""


Ending = Literal[
    "Promoted",
    "RolledBack",
    "Withdrawn",
    "Held",
    "TakenBack",
    "GuardEnded",
    "Guarded",
    "Alarmed",
    "Quiet",
]
"""The last two are those of a night without a rollout, in which stable is monitored."""


@dataclass(frozen=True)
class Outcome:
    """How it went."""

    ending: Ending
    after: float
    """Seconds since the rollout began, or since the promotion if there is a guard."""
    said: str
    """What the status says at the end."""
    weight: float
    """The candidate's, at the end."""
    requests: int
    """That the candidate got."""
    failed: int
    """Of them."""
    reason: str = ""
    decisions: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    """The candidate's, percent, in the order in which they were in effect."""

    @property
    def told(self) -> str:
        """What was said at the end, and each decision."""
        return "\n".join([self.said, *self.decisions])


@dataclass(frozen=True)
class Wish:
    """An end that somebody wants, or does not want."""

    endings: tuple[Ending, ...]
    within: float = math.inf
    """Seconds."""
    since: float = 0.0
    """Seconds before which it is not wanted."""
    naming: str = ""
    """A regular expression of which something is in what is said, in any case."""
    failed: float = math.inf
    """Failed requests of the candidate at most."""
    never: str = ""
    """A regular expression of which nothing is in what is said, nor in any decision."""

    def met(self, found: Outcome) -> bool:
        """Whether it went so."""
        return (
            found.ending in self.endings
            and self.since <= found.after <= self.within
            and found.failed <= self.failed
            and re.search(self.naming, found.said, re.IGNORECASE) is not None
            and not (self.never and re.search(self.never, found.told, re.IGNORECASE))
        )


def promoted(within: str, never: str = "") -> Wish:
    """The candidate is promoted in time, and something is never said."""
    return Wish(("Promoted", "Guarded", "GuardEnded"), seconds(within), never=never)


def rolled_back(within: str = "", naming: str = "", failed: float = math.inf) -> Wish:
    """Its traffic is taken away from it, in time and at this cost."""
    limit = seconds(within) if within else math.inf
    return Wish(("RolledBack", "Withdrawn"), limit, naming=naming, failed=failed)


def held(naming: str = "", within: str = "") -> Wish:
    """It is held, and what is said names the cause; the night ends in time, since it has come to
    wait for a person half an hour before."""
    limit = seconds(within) if within else math.inf
    return Wish(("Held", "Withdrawn"), limit, naming=naming)


def taken_back(within: str = "") -> Wish:
    """The guard gives the traffic back, so long after the promotion."""
    return Wish(("TakenBack",), seconds(within) if within else math.inf)


def kept(naming: str = "") -> Wish:
    """The guard keeps the promoted revision."""
    return Wish(("Guarded", "GuardEnded"), naming=naming)


def alarmed(within: str = "", since: str = "") -> Wish:
    """The monitor raises an alarm, so long after the rollout would have begun."""
    limit = seconds(within) if within else math.inf
    return Wish(("Alarmed",), limit, seconds(since) if since else 0.0)


QUIET: Final = Wish(("Quiet",))
"""The monitor raises no alarm."""
EVER_PROMOTED: Final = Wish(("Promoted", "Guarded", "GuardEnded"))
EVER_ROLLED_BACK: Final = Wish(("RolledBack", "TakenBack"))


class Grade(StrEnum):
    """What an end is worth."""

    RIGHT = "right"
    ACCEPTABLE = "acceptable"
    POOR = "poor"
    """Neither wanted nor forbidden, such as held without a cause, or too late."""
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Scenario:
    """One night."""

    kind: str
    name: str
    night: str
    """What a platform engineer would say of it."""
    right: Sequence[Wish]
    acceptable: Sequence[Wish] = ()
    forbidden: Sequence[Wish] = ()
    lasts: str = "2h"
    """When the morning comes, whatever the rollout does."""
    traffic: float = 50.0
    """Requests a second of all clients."""
    day: float = 0.0
    """By which share the traffic swings in a day; it rises while the rollout goes on."""
    surges: Sequence[Surge] = ()
    pods: int = 4
    scrape: float = 15.0
    """Seconds."""
    errors: float = 0.005
    takes: float = 0.0
    """Seconds that half of the requests take at most, which are counted when they end; 0: what is
    usual, and they are counted at once."""
    spread: float = 0.0
    """Standard deviation of the logarithm of how much pods differ, in errors and in latency."""
    server: Literal["default", "bentoml", "istio", "successes"] = "default"
    """The last one counts requests when they begin, and predictions when they end."""
    parts: Sequence[Part] = (Part(1.0),)
    classes: Mapping[str, float] = field(default_factory=lambda: {"no": 0.8, "yes": 0.2})
    features: bool = False
    """Whether pods export a feature `amount`."""
    feedback: Late | None = None
    purposes: int = 0
    """Categories of a feature `purpose`, all as common."""
    nodes: int = 10
    zones: int = 3
    troubles: Sequence[Trouble] = ()
    dies_every: float | None = None
    """Seconds after which, more or less, each of the candidate's pods is killed for its memory."""
    dies_after: float = 0.0
    """Seconds since the candidate's first request before which none is killed."""
    both_die: bool = False
    """Whether stable's are too."""
    replaced: bool = False
    """Whether a pod of stable was replaced twenty minutes before."""
    incidents: Sequence[Incident] = ()
    edits: Sequence[Edit] = ()
    gateway: bool = True
    sticky: bool = False
    """Whether the gateway keeps the sessions of clients."""
    rollout: Mapping[str, Any] = field(default_factory=dict)
    """What else the user sets in `rollout`."""
    monitoring: Mapping[str, Any] | None = None
    """What the user has monitored, in a night without a rollout."""
    guard: str = ""
    """Its duration."""
    steps: Sequence[int] = ()
    """Weights in percent; none: the operator chooses."""

    def graded(self, found: Outcome) -> Grade:
        """What this end is worth."""
        for grade, wishes in (
            (Grade.RIGHT, self.right),
            (Grade.ACCEPTABLE, self.acceptable),
            (Grade.FORBIDDEN, self.forbidden),
        ):
            if any(wish.met(found) for wish in wishes):
                return grade
        return Grade.POOR

    def spec(self, version: str) -> dict[str, Any]:
        """What the user applies."""
        container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
        rollout: dict[str, Any] = {}
        if self.server in PRESETS:
            rollout["analysis"] = {"preset": PRESETS[self.server]}
        if self.server == "successes":
            counted = {"requests": {"metric": "model_requests_total"}, "successes": PREDICTIONS}
            rollout["analysis"] = {"checks": [{"name": "errors", "errorRate": counted}]}
        if self.feedback:
            checks = [{"name": "errors", "errorRate": {}}, {"name": "users", "feedback": {}}]
            rollout["analysis"] = {"checks": checks}
        if self.steps:
            rollout["steps"] = [{"setWeight": weight} for weight in self.steps]
        if self.guard:
            rollout["guard"] = {"duration": self.guard}
        rollout |= self.rollout
        attached: dict[str, Any] = {"parentRefs": [{"name": "public"}]}
        if self.sticky:
            attached["rules"] = [{"sessionPersistence": {"sessionName": "s", "type": "Cookie"}}]
        gateway = {"traffic": {"gateway": attached}}
        return {
            "model": {"version": version},
            "replicas": self.pods,
            "template": {"spec": {"containers": [container]}},
            **(gateway if self.gateway else {}),
            **({"rollout": rollout} if rollout else {}),
            **({"monitoring": self.monitoring} if self.monitoring is not None else {}),
        }
