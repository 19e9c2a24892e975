"""The status of a ModelDeployment: the whole state of a rollout, also after a restart."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from serinus.api.base import (
    EvidenceField,
    KeptField,
    MessageField,
    ObservedField,
    Role,
    Since,
    StatusType,
    Timestamp,
)
from serinus.api.baseline import Baseline
from serinus.api.checks import KINDS, Mode, Settings
from serinus.api.evidence import FIELD, LONGEST, mask, packed, unpacked
from serinus.api.notifications import MOST_ENDPOINTS, NoticeKind
from serinus.api.registry import LONGEST_DIGEST, LONGEST_RUN, LONGEST_URI, LONGEST_VERSION
from serinus.api.stages import FLAGS, Stage, stage_in_flags
from serinus.api.steps.results import LONGEST_RESULT

MOST_ANNOUNCED: Final = 16
"""States of which endpoints were told, as many as a status holds."""
RESULTS_KEPT: Final = 4
"""Results of Jobs."""
RETRAININGS_KEPT: Final = 8
"""As many as may start in a week, and one more."""

Phase = Literal["Healthy", "Progressing", "Paused", "RolledBack", "Degraded", "Unavailable"]
Verdict = Literal["Pass", "Fail", "Inconclusive", "NoData", "Error"]
Hash = Annotated[str, Field(max_length=16)]
Digest = Annotated[str, Field(max_length=32)]
Sentence = Annotated[str, Field(max_length=1024)]
ReasonText = Annotated[str, Field(max_length=64)]


class Condition(StatusType):
    """A standard condition."""

    type: Annotated[str, Field(max_length=64)] = Field(description="Name of the condition.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: ReasonText = Field(description="Machine-readable cause.")
    message: MessageField[Sentence] = Field(default="", description="Human-readable cause.")
    observed_generation: int = Field(
        default=0, description="Generation for which the condition was set."
    )
    last_transition_time: Timestamp = Field(description="Time of the last change of status.")


LogEvidence = Annotated[list[float], Field(max_length=16)]


ByPod = Annotated[dict[str, float], Field(max_length=16)]


class Swings(StatusType):
    """How much a revision's count of a quantity swung from look to look in this rollout."""

    requests: float = Field(default=0.0, description="Its requests in the last look.")
    events: float = Field(default=0.0, description="Its count in the last look.")
    pairs: float = Field(
        default=0.0,
        description="Number of pairs of consecutive looks that were compared; older ones count for "
        "less.",
    )
    squares: float = Field(
        default=0.0,
        description="Sum of their squared differences, each as a multiple of what is expected of "
        "independent requests.",
    )
    square: float = Field(
        default=0.0,
        description="In a guard after promotion: the last of them, of the promoted revision.",
    )
    peaks: float = Field(
        default=0.0, description="Sum of the lesser of each two consecutive ones, likewise."
    )
    peaks_of: float = Field(default=0.0, description="Number of these; older ones count for less.")


class Comparison(StatusType):
    """A quantity compared between both revisions, with the log of an e-value per alternative."""

    name: Annotated[str, Field(max_length=128)] = Field(
        description="Name of the quantity: errors, limit, a class, a score range, a shift of all "
        "values or two groups."
    )
    candidate: float = Field(default=0.0, description="Count of the candidate in this rollout.")
    stable: float = Field(default=0.0, description="Count of stable in this rollout.")
    own_candidate: float = Field(
        default=0.0, description="Of the candidate's count, the part that counts towards Pass."
    )
    own_stable: float = Field(
        default=0.0, description="Of stable's count, the part that counts towards Pass."
    )
    recent: Annotated[list[float], Field(max_length=2)] | None = Field(
        default=None,
        description="Counts of candidate and stable since the evidence against the candidate was "
        "smallest; unset: none.",
    )
    pods: ByPod = Field(
        default_factory=dict, description="Count of the candidate by pod, for the first 16 pods."
    )
    at_stables_shares: float = Field(
        default=0.0,
        description="If requests are compared within labels: what the candidate would have counted "
        "with stable's share in each of their values.",
    )
    swings: Swings | None = Field(
        default=None,
        description="Variation of stable's count from look to look; unset if it was not counted.",
    )
    own_swings: Swings | None = Field(
        default=None,
        description="In a guard after promotion, the same of the promoted revision, which has most "
        "of the requests.",
    )
    above: LogEvidence = Field(
        default_factory=list,
        description="Evidence against 'no more common than tolerated', over the whole rollout.",
    )
    below: LogEvidence = Field(
        default_factory=list,
        description="Evidence against 'no rarer than tolerated', over the whole rollout.",
    )
    not_above: LogEvidence = Field(
        default_factory=list,
        description="Evidence against 'more common than the margin', at the current weight.",
    )
    not_below: LogEvidence = Field(
        default_factory=list,
        description="Evidence against 'rarer than the margin', at the current weight.",
    )


class ArmRequests(StatusType):
    """Requests of one revision since a time, which is not the time of a scrape."""

    certain: float = Field(
        default=0.0, description="Requests counted since the first scrape after that time."
    )
    doubtful: float = Field(
        default=0.0,
        description="Requests counted since the last scrape before that time; some may be earlier.",
    )
    marked: float = Field(default=0.0, description="The certain requests at the time markedAt.")


class SplitState(StatusType):
    """The traffic split since the start of a trial, and the last verdict."""

    since: Timestamp = Field(description="Start of the trial.")
    trial: int = Field(default=1, description="Number of the trial in this rollout.")
    marked_at: Timestamp | None = Field(
        default=None, description="Time up to which the marked requests were counted."
    )
    candidate: ArmRequests = Field(default=ArmRequests(), description="Requests of the candidate.")
    stable: ArmRequests = Field(default=ArmRequests(), description="Requests of stable.")
    found: Verdict = Field(default="Inconclusive", description="The last verdict at this weight.")
    evidence: Sentence = Field(default="", description="The evidence for that verdict.")


class StablePod(StatusType):
    """A pod of stable, compared with stable's other pods."""

    name: Annotated[str, Field(max_length=253)] = Field(description="Name of the pod.")
    number: int = Field(default=1, description="Number of the comparison in this rollout.")
    weighings: int = Field(default=0, description="How often its counts were weighed.")
    requests: float = Field(default=0.0, description="Its requests since it is compared.")
    events: float = Field(
        default=0.0, description="Its bad events, or its predictions of the class or score range."
    )
    other_requests: float = Field(default=0.0, description="Requests of the other pods.")
    other_events: float = Field(default=0.0, description="The same of the other pods.")
    before: Annotated[list[float], Field(max_length=4)] = Field(
        default_factory=list,
        description="Its requests and bad events, and those of the other pods, when it was last "
        "not suspicious at all; what came later is recent.",
    )
    pending_requests: float = Field(
        default=0.0, description="Requests that are not weighed yet, until other pods have some."
    )
    pending_events: float = Field(default=0.0, description="Bad events among them.")
    pending: Annotated[dict[str, float], Field(max_length=256)] = Field(
        default_factory=dict,
        description="Predictions that are not weighed yet, of each class and score range.",
    )
    share: Annotated[str, Field(max_length=128)] = Field(
        default="",
        description="The class or score range in which the pod seems to differ; empty: it does "
        "not, or it is compared by its bad events.",
    )
    rarer: bool = Field(default=False, description="Whether it has fewer of these predictions.")
    above: LogEvidence = Field(
        default_factory=list, description="Evidence against 'within the margin of the other pods'."
    )
    suspicion: float = Field(
        default=0.0, description="Recent evidence for the same, which a Pass waits for."
    )
    within: LogEvidence = Field(
        default_factory=list,
        description="Evidence against 'beyond that margin', since it is shown to be beyond it.",
    )

    @property
    def differs(self) -> bool:
        """Whether it is shown to be worse than the other pods, or to predict otherwise."""
        return bool(self.within)


class Requests(StatusType):
    """Requests of both revisions in this rollout that a check has compared."""

    candidate: float = Field(default=0.0, description="Of the candidate.")
    stable: float = Field(default=0.0, description="Of stable.")


class SlowRequests(StatusType):
    """Requests of both revisions that are slower than a bound."""

    bound: float = Field(description="A bucket bound, in the unit of the histogram.")
    candidate: float = Field(default=0.0, description="Slower requests of the candidate.")
    stable: float = Field(default=0.0, description="Slower requests of stable.")


class ServedTime(StatusType):
    """What both revisions served in a part of a guard after promotion."""

    span: float = Field(default=0.0, description="How long it was, in seconds.")
    pod_seconds: float = Field(
        default=0.0, description="The same, for all pods of the promoted revision together."
    )
    candidate: float = Field(default=0.0, description="Requests of the promoted revision.")
    stable: float = Field(default=0.0, description="Requests of the previous revision.")
    slower: Annotated[list[SlowRequests], Field(max_length=16)] = Field(
        default_factory=list, description="Those of them that were slower than each bound."
    )


class Reference(StatusType):
    """The first half hour of both revisions in a guard after promotion, with which what follows is
    compared."""

    share: float = Field(description="The promoted revision's share of the traffic, 0 to 1.")
    looked_at: Since = Field(description="Time of the last look.")
    recorded: ServedTime = Field(default=ServedTime(), description="The reference so far.")
    window: ServedTime = Field(
        default=ServedTime(), description="What was served since the last comparison with it."
    )
    last: ServedTime = Field(
        default=ServedTime(), description="What was served from the one before until that."
    )
    variances: Annotated[dict[str, float], Field(max_length=16)] = Field(
        default_factory=dict,
        description="Variance of slow requests as a multiple of that of independent ones, by "
        "comparison, as it was known before the window.",
    )
    unlike_for: float = Field(
        default=0.0,
        description="For how long nothing could be compared with it, in seconds: each pod of the "
        "promoted revision had more requests, or the traffic was split otherwise.",
    )


class PodStart(StatusType):
    """A pod of the candidate that began to serve a short time ago."""

    since: float = Field(description="Time of its first counted request, Unix seconds.")
    requests: float = Field(default=0.0, description="Its requests since then.")
    bad: float = Field(
        default=0.0, description="Those that failed, or took far longer than with stable."
    )
    awaited: bool = Field(
        default=False, description="Whether the check waits for it to level off before it fails."
    )


class Starts(StatusType):
    """How the candidate's pods start, as a check sees it. Times are those of samples, by the clock
    of Prometheus."""

    pods: Annotated[dict[str, PodStart], Field(max_length=64)] = Field(
        default_factory=dict,
        description="By hash of its name and address, the pods that began to serve of late.",
    )
    older: Annotated[list[float], Field(max_length=2)] = Field(
        default=[0.0, 0.0],
        description="Requests and bad ones of all other pods in the same time.",
    )
    share: float = Field(
        default=0.0, description="Share of bad requests when the check began to wait."
    )
    waits_since: Timestamp | None = Field(
        default=None,
        description="When the first of the pods waited for began to serve; unset: none is.",
    )
    ended: Annotated[list[float], Field(max_length=2)] = Field(
        default=[0.0, 0.0],
        description="Requests and bad ones of their containers that have ended since then.",
    )
    calm: float = Field(
        default=0.0, description="Recent evidence that the pods waited for have levelled off."
    )
    calm_since: Timestamp | None = Field(
        default=None, description="Time of the last samples at which there was none."
    )
    took: float | None = Field(
        default=None,
        description="Seconds that pods of the candidate took to level off; unset: it was not "
        "seen yet.",
    )
    seen_at: Timestamp | None = Field(
        default=None,
        description="Time of the samples that showed it; pods that began to serve before may take "
        "longer.",
    )


class ComesLater(StatusType):
    """How many outcomes have come since the weight took effect, as long as it is not known how late
    they come."""

    weight_since: Since = Field(description="Since when the weight is in effect.")
    began: float = Field(
        default=0.0,
        description="Seconds from then until the part began whose outcomes are counted.",
    )
    candidate: float = Field(default=0.0, description="Outcomes of the candidate in this part.")
    stable: float = Field(default=0.0, description="Outcomes of stable in this part.")


class CheckState(StatusType):
    """The state of a check, with its evidence."""

    policy: Annotated[str, Field(max_length=16)] = Field(
        default="",
        description="Hash of the settings of the check; if they change, the check starts again.",
    )
    budget: Annotated[str, Field(max_length=16)] = Field(
        default="",
        description="Hash of the budgets and minRequests of the analysis; if they change, the "
        "verdict waits for the next look.",
    )
    peak: float = Field(
        default=0.0,
        description="Largest log e-value against the candidate so far; exp(-peak) is an "
        "anytime-valid p-value.",
    )
    least: float | None = Field(
        default=None,
        description="Smallest log e-value against the candidate so far, since which counts are "
        "recent; unset: it was never smaller than at the start.",
    )
    settled: float = Field(
        default=0.0,
        description="Log e-value against the candidate without what the last look added, which "
        "the next one confirms or not.",
    )
    lately: Annotated[list[Annotated[list[float], Field(max_length=2)]], Field(max_length=8)] = (
        Field(
            default_factory=list,
            description="In a guard after promotion: times of the last looks, and the log e-value "
            "against the promoted revision before each.",
        )
    )
    held_back: float = Field(
        default=1.0,
        description="Weight reserved for late changes and for classes that appear later.",
    )
    releases: int = Field(
        default=0, description="Number of times that reserved weight was released."
    )
    reserve: float | None = Field(
        default=None,
        description="In a guard after promotion: the weight that is reserved for the time that is "
        "left of it.",
    )
    candidate: Annotated[dict[str, float], Field(max_length=64)] = Field(
        default_factory=dict, description="Requests of the candidate in this rollout, by metric."
    )
    stable: Annotated[dict[str, float], Field(max_length=64)] = Field(
        default_factory=dict, description="Requests of stable in this rollout, by metric."
    )
    recent: Annotated[
        dict[str, Annotated[list[float], Field(max_length=2)]], Field(max_length=64)
    ] = Field(
        default_factory=dict,
        description="Requests of candidate and stable since then, by metric.",
    )
    pods: ByPod = Field(
        default_factory=dict, description="Requests of the candidate by pod, for the first 16 pods."
    )
    pods_to_blame: Annotated[list[Annotated[str, Field(max_length=253)]], Field(max_length=8)] = (
        Field(
            default_factory=list,
            description="The only pods of the candidate that are beyond the tolerance.",
        )
    )
    stable_pods: Annotated[list[StablePod], Field(max_length=16)] = Field(
        default_factory=list, description="Pods of stable, compared with each other."
    )
    stable_pods_compared: int = Field(
        default=0, description="How often the comparison of a stable pod began."
    )
    stable_pods_weighed_at: Since | None = Field(
        default=None, description="Time of the last comparison of stable's pods."
    )
    step_requests: float = Field(
        default=0.0, description="Requests of the candidate since the last change of the weight."
    )
    own_candidate: Annotated[dict[str, float], Field(max_length=64)] = Field(
        default_factory=dict,
        description="Requests of the candidate that count towards Pass, by metric: none of a "
        "scrape interval that began before the weight of the step took effect.",
    )
    own_stable: Annotated[dict[str, float], Field(max_length=64)] = Field(
        default_factory=dict, description="Requests of stable that count towards Pass, by metric."
    )
    dropped: int = Field(
        default=0,
        description="How often, at this weight, evidence for the candidate was dropped. What "
        "follows has a smaller part of falsePassBudget, as after another entry.",
    )
    alone: float = Field(
        default=0.0,
        description="Requests of one revision at this weight since the last request of the other: "
        "of stable if positive, of the candidate if negative.",
    )
    comparisons: Annotated[list[Comparison], Field(max_length=168)] = Field(
        default_factory=list, description="The compared quantities and their evidence."
    )
    breached_since: Timestamp | None = Field(
        default=None, description="Time since which a threshold is continuously out of bounds."
    )
    in_bounds_since: Timestamp | None = Field(
        default=None, description="Time since which a threshold is continuously within bounds."
    )
    value_at: Timestamp | None = Field(
        default=None,
        description="Time at which the value of a threshold was last read; time in which nothing "
        "was read is neither in nor out of bounds.",
    )
    split: SplitState | None = Field(default=None, description="State of a trafficShare check.")
    reference: Reference | None = Field(
        default=None,
        description="In a guard after promotion: the first half hour of both revisions, if what "
        "follows is compared with that.",
    )
    references: int = Field(default=0, description="How often a reference was begun.")
    starts: Starts | None = Field(
        default=None,
        description="How the candidate's pods start, for checks that wait; unset: they have "
        "started, and at once.",
    )
    mix: Annotated[dict[str, Annotated[list[float], Field(max_length=2)]], Field(max_length=64)] = (
        Field(
            default_factory=dict,
            description="Requests of candidate and stable by the values of the labels within which "
            "they are compared.",
        )
    )
    later: ComesLater | None = Field(
        default=None,
        description="For a check of what comes later than the answer: what has come so far; unset: "
        "it is known how late that is.",
    )
    counts_after: float | None = Field(
        default=None,
        description="Seconds after a change of the weight in which nothing is counted, as they "
        "were found; unset: they are set, or not known yet.",
    )
    undivided: Annotated[str, Field(max_length=256)] = Field(
        default="",
        description="Why requests are compared as a whole, although labels were chosen for them.",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, written: Any) -> Any:
        """Of which one pod could be to blame."""
        if not isinstance(written, dict) or "podToBlame" not in written:
            return written
        kept = {key: value for key, value in written.items() if key != "podToBlame"}
        return {**kept, "podsToBlame": [written["podToBlame"]] if written["podToBlame"] else []}

    @property
    def compared(self) -> Requests:
        """Requests of both revisions; a check may read several metrics of the same requests."""
        candidate, stable = (
            max(arm.values(), default=0.0) for arm in (self.candidate, self.stable)
        )
        return Requests(candidate=candidate, stable=stable)

    @property
    def own_requests(self) -> float:
        """Requests of the candidate that count towards Pass."""
        return max(self.own_candidate.values(), default=0.0)

    @property
    def waits_for_a_start(self) -> bool:
        """Whether pods of the candidate may still level off, without which it would have failed."""
        return self.starts is not None and self.starts.waits_since is not None


class InputFeature(StatusType):
    """A feature whose values are compared between both revisions."""

    feature: Annotated[str, Field(max_length=100)] = Field(description="Name of the feature.")
    bounds: Annotated[list[float], Field(max_length=5)] = Field(
        default_factory=list, description="Bounds between the ranges of numeric values."
    )
    categories: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=6)] = Field(
        default_factory=list, description="Categories that are compared one by one."
    )
    candidate: float = Field(default=0.0, description="Recent values of the candidate.")
    stable: float = Field(default=0.0, description="Recent values of stable.")
    shares: Annotated[list[Comparison], Field(max_length=17)] = Field(
        default_factory=list, description="The ranges and categories with their evidence."
    )
    before: Annotated[list[float], Field(max_length=18)] = Field(
        default_factory=list,
        description="Values of stable at the last look: all, and of each range and category.",
    )
    variation: Annotated[list[float], Field(max_length=9)] = Field(
        default_factory=list,
        description="Variance of stable's shares from look to look as a multiple of that of "
        "independent values, newest first.",
    )
    candidate_lately: Annotated[list[float], Field(max_length=18)] = Field(
        default_factory=list,
        description="Values of the candidate in about the last 40 looks: all, and of each range "
        "and category.",
    )
    stable_lately: Annotated[list[float], Field(max_length=18)] = Field(
        default_factory=list, description="The same of stable."
    )
    answers_lately: Annotated[list[float], Field(max_length=3)] = Field(
        default_factory=list,
        description="In the same looks, the candidate's requests, those of them that failed, and "
        "stable's requests.",
    )


class Unlike(StatusType):
    """A feature by which the revisions are shown to be asked differently."""

    feature: Annotated[str, Field(max_length=100)] = Field(description="Name of the feature.")
    message: Sentence = Field(description="Human-readable evidence.")
    looks: int = Field(default=0, description="Number of looks since.")
    since: Since | None = Field(default=None, description="Time of the look that showed it.")
    in_doubt: bool = Field(
        default=False,
        description="Whether it was shown to differ, but not by more than is tolerated, when a "
        "check that follows the inputs would have failed. Only such checks are not judged then.",
    )


class Inputs(StatusType):
    """Whether both revisions are asked alike, by the features that their pods export."""

    policy: Annotated[str, Field(max_length=16)] = Field(
        default="", description="Hash of the settings; if they change, the comparison starts again."
    )
    looks: int = Field(
        default=0, description="Number of looks with values of both, without those while unlike."
    )
    looked_at: Since | None = Field(
        default=None,
        description="Time of the last look with values of both; while they are unlike, also with "
        "requests of both.",
    )
    lost: float = Field(
        default=0.0,
        description="How far the bet that they are asked differently has fallen since it last rose "
        "(natural logarithm, at most 2.5). Verdicts wait while it is small.",
    )
    evidence: float = Field(
        default=0.0, description="Evidence that the revisions are asked differently, an e-value."
    )
    features: Annotated[list[InputFeature], Field(max_length=24)] = Field(
        default_factory=list, description="The compared features."
    )
    unlike: Unlike | None = Field(
        default=None, description="Set while the revisions are shown to be asked differently."
    )
    tolerated: bool = Field(
        default=False,
        description="Whether a difference in doubt was shown to be tolerated. Later ones are not "
        "doubted.",
    )
    unmatched: Sentence = Field(
        default="", description="Features that only one of the revisions exports, in a sentence."
    )


class FirstFail(StatusType):
    """When a check in audit mode failed for the first time."""

    at: Timestamp = Field(description="Time of the failure.")
    weight: float = Field(description="Weight of the step at that time, in percent.")
    mirrored: float | None = Field(
        default=None, description="Percentage of requests that were copied at that time."
    )


class OwnMetrics(StatusType):
    """How long what the candidate exports could not be judged."""

    since: Since = Field(description="Time of the first look at it.")
    until: Since = Field(description="Time of the last look at it.")
    answered: float = Field(
        default=0.0, description="Requests that the candidate answered meanwhile, if it is known."
    )


class CheckStatus(StatusType):
    """A check of the running analysis."""

    name: Annotated[str, Field(max_length=63)] = Field(description="Name of the check.")
    kind: Annotated[str, Field(max_length=32)] = Field(description="Kind of the check.")
    mode: Mode = Field(default="Enforce", description="Enforce, or Audit: it decides nothing.")
    first_fail: FirstFail | None = Field(
        default=None, description="Set if it is in audit mode and has failed."
    )
    verdict: Verdict = Field(description="Pass, Fail, Inconclusive, NoData or Error.")
    message: Sentence = Field(default="", description="Human-readable evidence.")
    requests: Requests = Field(
        default=Requests(), description="Requests of both revisions that it has compared."
    )
    own_metrics: KeptField[OwnMetrics | None] = Field(
        default=None,
        description="Set while the check has no verdict because of the candidate's metrics alone.",
    )
    state: KeptField[CheckState] = Field(default=CheckState(), description="State of the check.")

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, written: Any) -> Any:
        """Without the requests, which stand in the state too."""
        if not isinstance(written, dict) or "requests" in written or "state" not in written:
            return written
        found = CheckState.model_validate(written["state"])
        return {**written, "requests": found.compared}

    @property
    def decides(self) -> bool:
        """Whether the rollout depends on it."""
        return self.mode == "Enforce"

    @property
    def has_failed(self) -> bool:
        """Whether it failed because of the candidate, which is final."""
        return self.verdict == "Fail" and not self.tests_routing

    @property
    def rolls_back(self) -> bool:
        """Whether the candidate is rolled back because of it."""
        return self.has_failed and self.decides

    @property
    def split_is_wrong(self) -> bool:
        """Whether the rollout waits because it failed, because of the routing."""
        return self.verdict == "Fail" and self.tests_routing and self.decides

    @property
    def waits_for_stable_pods(self) -> list[str]:
        """Pods of stable that differ from its other pods, for which the rollout waits."""
        return [each.name for each in self.state.stable_pods if each.differs and self.decides]

    @property
    def waits_for_own_pods(self) -> list[str]:
        """The pods of the candidate because of which it would have failed, for which the rollout
        waits."""
        return list(self.state.pods_to_blame) if self.decides and not self.has_failed else []

    @property
    def waits_for_a_start(self) -> bool:
        """Whether it would have failed, but for pods of the candidate that may level off."""
        return self.state.waits_for_a_start and self.decides and not self.has_failed

    @property
    def tests_routing(self) -> bool:
        """A kind that this version does not know is taken for one that tests the candidate."""
        return KINDS.get(self.kind, Settings).tests_routing

    @property
    def may_blame_pods(self) -> bool:
        """A kind that may fail because of what a few pods do."""
        return KINDS.get(self.kind, Settings).finds_bad_events


class HeaderField(StatusType):
    """A header field of requests."""

    name: Annotated[str, Field(max_length=256)] = Field(description="Its name.")
    value: Annotated[str, Field(max_length=1024)] = Field(description="Its exact value.")


class Weight(StatusType):
    """The candidate's percentage of the traffic."""

    wanted: float = Field(description="Weight of the step.")
    mirrored: float | None = Field(
        default=None,
        description="In a mirror step: percentage of requests that are copied to the candidate, "
        "whose weight is 0.",
    )
    actual: ObservedField[float] = Field(
        description="Actual weight, from the route or the number of ready pods."
    )
    since: ObservedField[Since | None] = Field(
        default=None, description="Time since which the actual weight is in effect."
    )

    @property
    def percent(self) -> float:
        """Of the requests that the candidate is to serve, of clients or copies."""
        return self.wanted or self.mirrored or 0.0


class Restarts(StatusType):
    """Counted restarts of containers in a rollout."""

    candidate: int = Field(
        default=0,
        description="Restarts of the candidate's containers, and evictions of its pods by the "
        "kubelet, including those of deleted pods.",
    )
    evictions: int = Field(default=0, description="How many of these were evictions.")
    unforgiven: float = Field(
        default=0.0,
        description="In the steps: how many of these are not forgiven yet. They are forgiven with "
        "time, four times as fast as stable's pods restart.",
    )
    expected: float = Field(
        default=0.0,
        description="Restarts of as many stable pods in the same time; in a guard after promotion, "
        "at the load of the promoted revision.",
    )
    last: Sentence = Field(
        default="",
        description="Why the candidate's last container terminated, or its pod was evicted.",
    )
    counted_at: Timestamp | None = Field(
        default=None, description="Time at which they were counted last."
    )
    stable: int = Field(
        default=0, description="Restarts of stable's pods, since these pods were created."
    )
    stable_seconds: float = Field(
        default=0.0,
        description="Time of stable's pods, in seconds of a pod with its full part of the traffic.",
    )
    candidate_seconds: float = Field(
        default=0.0,
        description="In a guard after promotion: the same of the candidate's pods, since the "
        "promotion.",
    )
    evidence: LogEvidence = Field(
        default_factory=list,
        description="In a guard after promotion: evidence against 'it restarts at most twice as "
        "often as stable', weighed at each list of pods.",
    )
    pods: Annotated[dict[str, int], Field(max_length=256)] = Field(
        default_factory=dict,
        description="Restarts by pod when they were last counted, for the first 256 pods with any.",
    )


class LostReadiness(StatusType):
    """How often and for how long pods of the candidate that stayed were not ready. Pods that start,
    leave or are replaced do not count."""

    counted_at: Since = Field(description="Time at which it was counted last.")
    times: int = Field(
        default=0, description="How often its pods lost readiness without a restart."
    )
    expected: float = Field(default=0.0, description="How often as many stable pods did.")
    each: float = Field(
        default=0.0,
        description="How often each of its pods did on average beyond those of stable; one time in "
        "20 minutes is forgiven.",
    )
    seconds: float = Field(
        default=0.0,
        description="How long each of its pods was unready on average beyond those of stable; a "
        "tenth of the time is forgiven.",
    )


class Silence(StatusType):
    """Requests since the last counted request of the candidate."""

    stable: float = Field(default=0.0, description="Requests of stable.")
    expected: float = Field(
        default=0.0, description="Requests expected of the candidate according to its weight."
    )
    since: Timestamp | None = Field(
        default=None, description="Time since which enough requests are expected to detect silence."
    )
    until: Timestamp = Field(description="Time of the last look that found answers of stable.")


class Withdrawn(StatusType):
    """The candidate's traffic was withdrawn, and its step waits."""

    since: Timestamp = Field(description="Since when.")
    weight: float = Field(description="Weight of the step, in percent.")
    mirrored: float | None = Field(
        default=None, description="Percentage of requests that were copied to the candidate."
    )
    policy: Annotated[str, Field(max_length=16)] = Field(
        description="Hash of spec.rollout; if it changes, the step resumes."
    )


class Approved(StatusType):
    """An approval, and what it is bound to besides the candidate."""

    step: int = Field(description="Index of the step.")
    by: Annotated[str, Field(max_length=256)] = Field(description="Name of the user.")
    at: Timestamp = Field(description="Time of the approval.")
    digest: Annotated[str, Field(max_length=32)] = Field(
        default="",
        description="Digest of the spec's model, template and rollout; if it changes, the "
        "approval ends.",
    )


class StepTask(StatusType):
    """A Job that a step has started."""

    name: Annotated[str, Field(max_length=63)] = Field(description="Name of the Job.")
    step: Annotated[str, Field(max_length=16)] = Field(
        description="Hash of the step; if it changes, another Job is started."
    )
    since: Since = Field(description="Time of its start.")
    attempt: int = Field(
        default=1, description="1 for the first Job of the step, then 2 and so on."
    )
    idle_since: KeptField[Since | None] = Field(
        default=None,
        description="Time since which no container of it runs; unset: one does, or it has ended.",
    )
    late_since: KeptField[Since | None] = Field(
        default=None, description="Time at which its timeout was found to be over."
    )
    succeeded: KeptField[bool] = Field(
        default=False, description="Whether it has succeeded; then it may be deleted."
    )
    unread: KeptField[bool] = Field(
        default=False, description="Whether its pod was gone before what it left could be read."
    )
    unfinished: Sentence = Field(
        default="", description="Why it could not say whether the model is good; empty: it may yet."
    )
    ended: Since | None = Field(default=None, description="Time at which that was found.")


class StepResult(StatusType):
    """The result of a step's Job."""

    step: int = Field(description="Index of the step.")
    job: Annotated[str, Field(max_length=63)] = Field(description="Name of the Job.")
    said: Annotated[str, Field(max_length=LONGEST_RESULT)] = Field(
        description="What a container of it wrote to /dev/termination-log."
    )


class TakingBack(StatusType):
    """The previous revision takes the traffic back, once enough of its pods are ready."""

    since: Since = Field(description="Since when.")
    reason: ReasonText = Field(description="Machine-readable cause.")
    message: Sentence = Field(description="Human-readable cause.")


class Guarding(StatusType):
    """A guard after promotion. Stable is the previous revision until the guard ends."""

    since: Since = Field(description="Time of the promotion.")
    until: Timestamp = Field(description="Time at which the guard ends.")
    hindered_since: Since | None = Field(
        default=None,
        description="Time since which its time is over and something keeps it from ending.",
    )
    taking_back: TakingBack | None = Field(
        default=None, description="In the stage TakingBack: since when, and why."
    )
    reserved: KeptField[float | None] = Field(
        default=None,
        description="Weight of the evidence that was reserved for later when its end was moved; "
        "unset: it was not moved.",
    )
    reserved_since: KeptField[Since | None] = Field(
        default=None, description="Time at which its end was moved."
    )


class ReplacedPod(StatusType):
    """A pod that was to be evicted because a check named it."""

    name: Annotated[str, Field(max_length=253)] = Field(description="Name of the pod.")
    of_stable: bool = Field(default=False, description="Whether it is one of stable's pods.")
    node: Annotated[str, Field(max_length=253)] = Field(description="Its node.")
    zone: Annotated[str, Field(max_length=253)] = Field(
        default="", description="The zone that it shares with others that were bad; usually empty."
    )
    since: Since = Field(description="Time of the decision.")
    newest: Timestamp | None = Field(
        default=None,
        description="When the newest pod of its revision was created then, by the clock of the API "
        "server.",
    )
    forbidden: bool = Field(
        default=False, description="Whether the operator had no right to evict it."
    )


class UnreadyTime(StatusType):
    """Time during which pods of the candidate became unready."""

    seconds: float = Field(default=0.0, description="Total of past periods, in seconds.")
    times: int = Field(default=0, description="Number of periods.")
    since: Since | None = Field(default=None, description="Start of the current period.")


class Hold(StatusType):
    """Why the rollout waits."""

    reason: ReasonText = Field(description="Machine-readable cause.")
    message: MessageField[Sentence] = Field(description="Human-readable cause.")
    since: Since = Field(description="Since when.")


class FollowedVersion(StatusType):
    """The version of a model that the spec follows in a registry."""

    registry: Annotated[str, Field(max_length=63)] = Field(description="spec.model.registry.name.")
    model: Annotated[str, Field(max_length=255)] = Field(description="spec.model.registry.model.")
    alias: Annotated[str, Field(max_length=128)] = Field(description="spec.model.registry.alias.")
    version: Annotated[str, Field(min_length=1, max_length=LONGEST_VERSION)] = Field(
        description="The version that the alias names, passed to each container as MODEL_VERSION."
    )
    storage_uri: Annotated[str, Field(min_length=1, max_length=LONGEST_URI)] = Field(
        description="Where its files are, passed to each container as MODEL_URI."
    )
    digest: Annotated[str, Field(min_length=1, max_length=LONGEST_DIGEST)] = Field(
        description="Digest of what never changes in the version."
    )
    run: Annotated[str, Field(max_length=LONGEST_RUN)] = Field(
        default="", description="The run that trained it, if the registry knows it."
    )
    link: Annotated[str, Field(max_length=LONGEST_URI)] = Field(
        default="", description="Page about the version, for people."
    )
    since: Since = Field(description="When the alias was first seen to name it.")


class Stable(StatusType):
    """The stable revision."""

    revision: Hash = Field(description="Hash of the revision.")
    number: int = Field(description="Number of the revision in the history.")
    version: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="model.version of the revision."
    )
    ready_replicas: ObservedField[int] = Field(default=0, description="Number of ready pods.")
    since: Since = Field(description="Time at which it became stable.")


def _stage_is_not_required(schema: dict[str, Any]) -> None:
    """Earlier versions wrote flags instead, which the API server must still take."""
    schema["required"].remove("stage")


class Candidate(StatusType):
    """The revision that is being rolled out."""

    model_config = ConfigDict(json_schema_extra=_stage_is_not_required)

    revision: Hash = Field(description="Hash of the revision.")
    number: int = Field(description="Number of the revision in the history.")
    version: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="model.version of the revision."
    )
    stage: Stage = Field(
        description="Where its rollout is. FirstDeployment: there is no stable revision. Stepping: "
        "in the steps of the spec. Withdrawn: its traffic was withdrawn, and its step waits. "
        "Promoting: all steps have passed; it gets all traffic once it is ready. "
        "PromotingByCommand: the same by command, which spec.rollout.paused does not stop. "
        "Returning: an undo, without steps. Guarded: promoted, while the previous revision keeps a "
        "part of the traffic (spec.rollout.guard). TakingBack: the previous revision takes the "
        "traffic back."
    )
    step: int = Field(
        default=0,
        description="Index of the current step; the number of steps once all have passed.",
    )
    weight: Weight = Field(default=Weight(wanted=0, actual=0), description="Its weight.")
    preview: Annotated[list[HeaderField], Field(max_length=8)] = Field(
        default_factory=list,
        description="In a preview step: header fields of the requests that reach it.",
    )
    preview_hostnames: Annotated[
        list[Annotated[str, Field(max_length=253)]], Field(max_length=8)
    ] = Field(
        default_factory=list,
        description="In a preview step: host names at which all requests reach it.",
    )
    ready_replicas: ObservedField[int] = Field(default=0, description="Number of ready pods.")
    since: Since = Field(description="Start of the rollout.")
    progress_since: ObservedField[Since] = Field(
        description="Start of the progress deadline: time since which pods are missing, or at "
        "which "
        "they last were."
    )
    pods_awaited: ObservedField[int] = Field(
        default=0,
        description="Number of ready pods required since then; 0 if none are missing. If more are "
        "required, the deadline starts again.",
    )
    carried_by: KeptField[int] = Field(
        default=0,
        description="Number of ready pods that the weight required when it last had all of them: "
        "with fewer, pods are lost; more are only added.",
    )
    analysis_since: Timestamp | None = Field(
        default=None,
        description="Time since which the route gives it traffic; requests count from then on.",
    )
    effective_since: Since | None = Field(
        default=None,
        description="Time since which the weight of the step is in effect; the times of the step "
        "count from then on.",
    )
    weight_since: KeptField[Since | None] = Field(
        default=None,
        description="Time at which the weight of the step took effect first; maxStepDuration "
        "counts from then on.",
    )
    interrupted_since: KeptField[Since | None] = Field(
        default=None,
        description="Time since which it is no longer in effect, until it is again. "
        "maxStepDuration and a pause exclude that time.",
    )
    passed: KeptField[Annotated[str, Field(max_length=12)]] = Field(
        default="",
        description="Hash of the spec.rollout of which all steps have passed; if it changes, the "
        "last one begins again.",
    )
    entries: KeptField[int] = Field(
        default=0,
        description="Number of times that the weight of the step took effect. Each time the "
        "evidence for the candidate starts again, with a smaller part of falsePassBudget.",
    )
    unmeasured: KeptField[float] = Field(
        default=0.0,
        description="Seconds in this step without its weight or readable metrics, with a wrong "
        "traffic split, with revisions that are asked differently or with a pod to mend; "
        "maxStepDuration excludes them.",
    )
    step_since: Since | None = Field(default=None, description="Start of the current pause.")
    guarding: Guarding | None = Field(
        default=None, description="In the stages Guarded and TakingBack: the guard."
    )
    approved: Approved | None = Field(
        default=None, description="The last approval of this candidate."
    )
    task: StepTask | None = Field(
        default=None, description="The last Job that was started by a step of this candidate."
    )
    results: Annotated[list[StepResult], Field(max_length=RESULTS_KEPT)] = Field(
        default_factory=list, description="Results of the Jobs of its steps, newest last."
    )
    skipped: Annotated[list[int], Field(max_length=32)] = Field(
        default_factory=list,
        description="Indexes of steps that the command advance has ended before what they run "
        "had said that the model is good.",
    )
    alone_since: Since | None = Field(
        default=None,
        description="Time since which stable had no ready pod while this revision served. Until "
        "all of stable's pods are ready again, or one has been for progressDeadline, only a "
        "command or a failed check removes its traffic.",
    )
    replaced: Annotated[list[ReplacedPod], Field(max_length=16)] = Field(
        default_factory=list,
        description="Pods that are evicted because a check named them (onePodToBlame, stablePod).",
    )
    node_suspected: Sentence = Field(
        default="",
        description="What the pods that came in their place have shown; empty: nothing yet.",
    )
    images_differed: KeptField[bool] = Field(
        default=False,
        description="Whether pods of one revision have run different images since its evidence "
        "began.",
    )
    hold: ObservedField[Hold | None] = Field(default=None, description="Why the rollout waits.")
    restarts: KeptField[EvidenceField[Restarts | None]] = Field(
        default=None, description="Restarts of containers; unset until pods have been listed."
    )
    lost_readiness: KeptField[EvidenceField[LostReadiness | None]] = Field(
        default=None,
        description="Lost readiness of its pods; unset until pods have been listed twice.",
    )
    unready: KeptField[UnreadyTime] = Field(
        default=UnreadyTime(),
        description="How long its pods were unready after they had been ready; progressDeadline "
        "limits the total.",
    )
    unreadable_since: Since | None = Field(
        default=None, description="Time since which maxStepDuration stops."
    )
    unreported_since: KeptField[EvidenceField[Since | None]] = Field(
        default=None, description="Time since which Prometheus has fewer pods than are ready."
    )
    errors_in_a_row: KeptField[EvidenceField[int]] = Field(
        default=0, description="Number of consecutive failed measurements."
    )
    measured_at: EvidenceField[Timestamp | None] = Field(
        default=None, description="Time of the last successful measurement."
    )
    scraped_every: KeptField[EvidenceField[float | None]] = Field(
        default=None, description="Seconds between two scrapes, as the last measurement shows it."
    )
    silence: KeptField[EvidenceField[Silence | None]] = Field(
        default=None, description="Set while stable answers and the candidate does not."
    )
    inputs: KeptField[EvidenceField[Inputs | None]] = Field(
        default=None,
        description="Whether it is asked like stable; unset if stable exports no features.",
    )
    withdrawn: Withdrawn | None = Field(
        default=None, description="In the stage Withdrawn: since when, and from which weight."
    )
    baseline: ObservedField[Baseline | None] = Field(
        default=None, description="Result of stable's history before the first traffic."
    )
    counted: KeptField[EvidenceField[Annotated[dict[str, float], Field(max_length=4000)]]] = Field(
        default_factory=dict,
        description="Time of the last counted sample in Unix seconds, by pod and address.",
    )
    audit_counted: KeptField[EvidenceField[Annotated[dict[str, float], Field(max_length=4000)]]] = (
        Field(
            default_factory=dict,
            description="The same for the counters of checks in audit mode, which are counted by "
            "themselves; empty: the same times.",
        )
    )
    checks: EvidenceField[Annotated[list[CheckStatus], Field(max_length=17)]] = Field(
        default_factory=list, description="The checks and their evidence."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, written: Any) -> Any:
        """Flags that stood for the stage."""
        if not isinstance(written, dict) or "mode" not in written:
            return written
        rest = {k: v for k, v in written.items() if k not in FLAGS}
        return {"stage": stage_in_flags(written), **rest}

    @property
    def deciding(self) -> list[CheckStatus]:
        """The checks on which the rollout depends."""
        return [check for check in self.checks if check.decides]

    @property
    def audited(self) -> list[CheckStatus]:
        """The checks in audit mode."""
        return [check for check in self.checks if not check.decides]


class Rejected(StatusType):
    """A revision in the spec that is not run until the spec changes or it is retried."""

    revision: Hash = Field(description="Hash of the revision.")
    reason: ReasonText = Field(description="Machine-readable cause.")
    message: Sentence = Field(description="Human-readable cause.")
    at: Timestamp = Field(description="Time of the rejection.")


class Retiring(StatusType):
    """A revision that lost its traffic and whose pods will be deleted."""

    revision: Hash = Field(description="Hash of the revision.")
    since: Since = Field(description="Time at which its traffic was removed.")
    idle_since: ObservedField[Since | None] = Field(
        default=None,
        description="Time since which no route in effect leads to it; its pods are deleted "
        "scaleDownDelay later.",
    )


class Decision(StatusType):
    """A decision of Serinus."""

    at: Timestamp = Field(description="Time of the decision.")
    reason: ReasonText = Field(description="Machine-readable decision.")
    revision: Hash = Field(description="Hash of the revision concerned.")
    message: Sentence = Field(description="Human-readable cause.")
    times: int = Field(
        default=1,
        description="How often it was decided without another decision between: several "
        "WeightLowered are kept as one, the last.",
    )
    first: Timestamp | None = Field(
        default=None, description="Time of the first of these, if there were several."
    )


class VersionWrite(StatusType):
    """What a registry is told of a version, which the spec then followed there."""

    registry: Annotated[str, Field(max_length=63)] = Field(description="Name of the registry.")
    model: Annotated[str, Field(max_length=255)] = Field(description="Name of the model.")
    version: Annotated[str, Field(max_length=LONGEST_VERSION)] = Field(
        description="The version that was promoted or rolled back."
    )
    alias: Annotated[str, Field(max_length=128)] = Field(
        default="", description="The alias to set to it, if any."
    )


class Notice(StatusType):
    """What endpoints are yet to be told."""

    id: Annotated[str, Field(max_length=32)] = Field(description="Identifier, the same at retries.")
    kind: NoticeKind = Field(description="What happened.")
    at: Timestamp = Field(description="Time at which it happened.")
    reason: ReasonText = Field(description="Machine-readable cause.")
    revision: Hash = Field(default="", description="Hash of the revision concerned, if any.")
    version: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="model.version of the revision."
    )
    stable: Hash = Field(default="", description="Hash of the stable revision until then, if any.")
    weight: float = Field(
        default=0.0, description="Actual percentage of the traffic of the candidate until then."
    )
    seconds: float = Field(default=0.0, description="Seconds since the start of the rollout.")
    message: Sentence = Field(default="", description="Human-readable cause with the evidence.")
    write: VersionWrite | None = Field(
        default=None, description="What a registry is told, if it is to be."
    )
    to: Annotated[
        list[Annotated[str, Field(max_length=64)]], Field(max_length=MOST_ENDPOINTS + 1)
    ] = Field(
        default_factory=list,
        description="Names of the endpoints, and the registry, that are yet to be told.",
    )


class ObeyedCommand(StatusType):
    """A command by annotation that was executed or refused."""

    command: Annotated[str, Field(max_length=256)] = Field(description="Value of the annotation.")
    outcome: Sentence = Field(description="Human-readable result.")
    at: Timestamp = Field(description="Time of the command.")


class InEffect(StatusType):
    """What was given to the candidate."""

    weight: float = Field(description="Weight of the step, in percent.")
    mirrored: float | None = Field(
        default=None, description="Percentage of requests that were copied to the candidate."
    )
    actual: float | None = Field(
        default=None, description="Actual weight from the number of ready pods, if different."
    )
    since: Timestamp = Field(description="Time at which it took effect.")
    until: Timestamp | None = Field(
        default=None,
        description="Time at which it ended because pods were lost or traffic was withdrawn.",
    )


class Timeline(StatusType):
    """The timeline of a rollout, as required by serinus replay in addition to decisions and
    metrics."""

    revision: Hash = Field(description="Hash of the candidate.")
    stable: Hash = Field(description="Hash of the stable revision.")
    since: Timestamp = Field(description="Start of the rollout.")
    measured_since: Timestamp | None = Field(
        default=None, description="Time since which the candidate's requests count."
    )
    weights: Annotated[list[InEffect], Field(max_length=64)] = Field(
        default_factory=list, description="Weights that were in effect, oldest first."
    )
    commands: Annotated[list[ObeyedCommand], Field(max_length=16)] = Field(
        default_factory=list, description="Commands during the rollout, oldest first."
    )
    guarded_since: Timestamp | None = Field(
        default=None, description="Time of the promotion, if a guard followed."
    )
    until: Timestamp | None = Field(
        default=None,
        description="End of the rollout: promotion, rollback or replacement, or the "
        "end of the guard.",
    )
    baseline: Baseline | None = Field(
        default=None, description="Result of stable's history; set at the end of the rollout."
    )


class FeatureReference(StatusType):
    """The reference distribution of a feature."""

    feature: Annotated[str, Field(max_length=100)] = Field(description="Name of the feature.")
    bounds: Annotated[list[float], Field(max_length=64)] = Field(
        default_factory=list,
        description="Upper bounds of the ranges of numeric values, in ascending order.",
    )
    shares: Annotated[list[float], Field(max_length=65)] = Field(
        default_factory=list, description="Share of each range; the last is above all bounds."
    )
    categories: Annotated[dict[str, float], Field(max_length=64)] = Field(
        default_factory=dict, description="Share of each category."
    )
    hours: Annotated[
        dict[str, Annotated[list[float], Field(max_length=64)]], Field(max_length=168)
    ] = Field(
        default_factory=dict,
        description="By hour of the week, from 0 (Monday, 0:00 to 1:00 UTC) to 167, the share of "
        "each range, of each category, and of all other categories.",
    )


class FeatureStatus(StatusType):
    """Whether a feature has drifted."""

    feature: Annotated[str, Field(max_length=100)] = Field(description="Name of the feature.")
    drifted: bool = Field(default=False, description="Whether the feature has drifted.")
    since: Since = Field(description="Time of the last change.")
    message: Sentence = Field(default="", description="Human-readable evidence.")
    part: Annotated[str, Field(max_length=128)] = Field(
        default="",
        description="If it has drifted: the range or category that differed most when that was "
        "shown.",
    )
    share: float | None = Field(default=None, description="Its share of the values then, 0 to 1.")
    expected: float | None = Field(default=None, description="Its share in the reference.")


class Unknown(StatusType):
    """Why the state of what is monitored is unknown."""

    reason: ReasonText = Field(description="Machine-readable cause.")
    message: Sentence = Field(description="Human-readable cause.")


class MonitoredShare(StatusType):
    """State of a share that is compared with a limit."""

    basis: Annotated[str, Field(max_length=32)] = Field(
        description="Hash of the settings; if it changes, monitoring starts again."
    )
    above_limit: bool = Field(
        default=False, description="Whether the share was shown to be above the limit."
    )
    since: Since | None = Field(
        default=None, description="Time of the last change; absent before the first measurement."
    )
    message: Sentence = Field(default="", description="Human-readable evidence.")
    share: float | None = Field(
        default=None, description="The share by which that was shown, 0 to 1."
    )
    unknown: Unknown | None = Field(default=None, description="Why it is unknown.")


class Distributions(StatusType):
    """State of distributions that are compared with a reference."""

    basis: Annotated[str, Field(max_length=32)] = Field(
        default="",
        description="Hash of the settings, and of the revision if the reference is recorded; if it "
        "changes, monitoring starts again. Empty: they are not monitored.",
    )
    reference: KeptField[Annotated[list[FeatureReference], Field(max_length=64)]] = Field(
        default_factory=list, description="Reference distributions."
    )
    features: Annotated[list[FeatureStatus], Field(max_length=64)] = Field(
        default_factory=list, description="The features, by name."
    )
    unknown: Unknown | None = Field(default=None, description="Why drift is unknown.")


class Monitored(Distributions):
    """State of the monitoring of the stable revision: of its features, and of the rest."""

    predictions: Distributions | None = Field(
        default=None, description="Predictions; the features are scores and classes."
    )
    error_rate: MonitoredShare | None = Field(default=None, description="Failed requests.")
    negative_feedback: MonitoredShare | None = Field(default=None, description="Negative feedback.")


class Alarm(StatusType):
    """What was beyond its reference or limit."""

    quantity: Annotated[str, Field(max_length=32)] = Field(
        description="Its key in spec.monitoring, such as featureDrift."
    )
    since: Since = Field(description="Since when.")
    message: Sentence = Field(default="", description="Human-readable evidence.")


class NewVersion(StatusType):
    """The new revision from a retraining."""

    revision: Hash = Field(description="Hash of the revision.")
    version: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="model.version of the revision."
    )
    outcome: Literal["RollingOut", "Promoted", "Rejected", "Cancelled"] = Field(
        default="RollingOut",
        description="Cancelled: the spec or a command replaced it before a verdict.",
    )
    since: Since = Field(description="Start of its rollout.")
    ended: Timestamp | None = Field(default=None, description="End of its rollout.")
    message: Sentence = Field(default="", description="Human-readable cause of its end.")


class RetrainingRun(StatusType):
    """A Job that was started because an alarm persisted, or what was started instead."""

    job: Annotated[str, Field(max_length=63)] = Field(description="Name of the Job.")
    api_version: Annotated[str, Field(max_length=253)] | None = Field(
        default=None, description="apiVersion of what was started instead of a Job."
    )
    kind: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="Kind of what was started instead of a Job."
    )
    since: Since = Field(description="Time of its start.")
    revision: Hash = Field(description="Hash of the revision that was stable.")
    version: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="model.version of that revision."
    )
    alarms: Annotated[list[Alarm], Field(max_length=8)] = Field(
        default_factory=list, description="What started it."
    )
    outcome: Literal["Running", "Succeeded", "Failed", "Stopped"] = Field(
        default="Running",
        description="Stopped: the Job was ended because it is no longer wanted.",
    )
    message: Sentence = Field(
        default="", description="Human-readable outcome, or why no container of the Job runs."
    )
    ended: Since | None = Field(default=None, description="Time of that outcome.")
    seen: KeptField[bool] = Field(
        default=False, description="Whether the Job was there; then it is not created again."
    )
    idle_since: KeptField[Since | None] = Field(
        default=None, description="Time since which no container of the Job runs."
    )
    late_since: KeptField[Since | None] = Field(
        default=None, description="Time at which its timeout was found to be over."
    )
    remove_at: KeptField[Timestamp | None] = Field(
        default=None,
        description="When what was started instead of a Job is deleted; unset: not yet known, or "
        "it is gone, or left in place.",
    )
    made: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="The version that the Job reports to have made."
    )
    new: NewVersion | None = Field(
        default=None, description="The revision that was rolled out from it; unset: none yet."
    )

    @property
    def named(self) -> str:
        """For messages."""
        return f"{self.kind or 'Job'} {self.job}"


class TaskReview(StatusType):
    """Whether the API server has asked if the writer of a task may run it."""

    digest: Annotated[str, Field(max_length=12)] = Field(description="Hash of the task.")
    passed: bool = Field(
        default=False,
        description="Whether the admission policy reviewed its kind when it was first seen.",
    )


class Retraining(StatusType):
    """Jobs that were started because of persistent alarms."""

    waiting: ObservedField[Sentence] = Field(
        default="", description="Why no Job is started although there is an alarm; otherwise empty."
    )
    history: Annotated[list[RetrainingRun], Field(max_length=RETRAININGS_KEPT)] = Field(
        default_factory=list, description="The Jobs, newest first."
    )
    review: KeptField[TaskReview | None] = Field(
        default=None, description="Of spec.monitoring.retrain.task; unset: there is none."
    )

    @property
    def running(self) -> RetrainingRun | None:
        """The one that has not ended, as far as it is known."""
        last = self.history[0] if self.history else None
        return last if last is not None and last.outcome == "Running" else None


def _written_whole(schema: dict[str, Any]) -> None:
    # one writer replaces it as a whole, so field ownership within it is not tracked
    schema["x-kubernetes-map-type"] = "atomic"
    described = "What only the operator reads; serinus get --evidence prints it."
    schema["properties"][FIELD] = {
        "type": "string",
        "maxLength": LONGEST,
        "description": described,
    }


class Status(StatusType):
    """The observed state of a ModelDeployment."""

    model_config = ConfigDict(json_schema_extra=_written_whole)

    observed_generation: int = Field(default=0, description="Generation that was last reconciled.")
    phase: Phase = Field(
        default="Progressing",
        description="Healthy, also during a guard. Progressing: it goes on by itself. Paused: a "
        "person must decide. RolledBack: stable serves, and the revision in the spec was rejected. "
        "Degraded: a person must repair something. Unavailable: nobody is served, and a person "
        "must act.",
    )
    message: MessageField[Sentence] = Field(
        default="", description="Human-readable state of the rollout."
    )
    conditions: ObservedField[
        Annotated[
            list[Condition],
            Field(
                max_length=16,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                },
            ),
        ]
    ] = Field(
        default_factory=list,
        description="Ready, Reconciling, Stalled, Available, ModelResolved, MetricsAvailable, "
        "Drifted, PredictionsDrifted, ErrorsAboveLimit, FeedbackAboveLimit, ImagesDiffer, "
        "NodeSuspected, Overridden, FieldsIgnored, InternalError. Available: stable serves, also "
        "during a rollout.",
    )
    replicas: ObservedField[int] = Field(
        default=0, description="Pods of the stable revision, for the scale subresource."
    )
    selector: Annotated[str, Field(max_length=512)] = Field(
        default="",
        description="Selector of the pods of all revisions, for the scale subresource: all of them "
        "together serve the traffic.",
    )
    model: FollowedVersion | None = Field(
        default=None,
        description="The version to which spec.model.registry was last resolved.",
    )
    stable: Stable | None = Field(default=None, description="The stable revision.")
    candidate: Candidate | None = Field(
        default=None, description="The revision that is being rolled out."
    )
    rejected: Rejected | None = Field(default=None, description="The rejected revision.")
    retiring: Annotated[list[Retiring], Field(max_length=16)] = Field(
        default_factory=list, description="Revisions whose pods will be deleted."
    )
    former: Annotated[list[Hash], Field(max_length=100)] = Field(
        default_factory=list,
        description="Former stable revisions, newest first; undo returns to them.",
    )
    contents: Annotated[dict[Hash, Digest], Field(max_length=120)] = Field(
        default_factory=dict,
        description="Digest of the model and template of each revision above. What is stored "
        "under the name of one of them with other content is not that revision.",
    )
    decisions: Annotated[list[Decision], Field(max_length=20)] = Field(
        default_factory=list, description="Recent decisions, newest first."
    )
    notices: KeptField[ObservedField[Annotated[list[Notice], Field(max_length=20)]]] = Field(
        default_factory=list,
        description="Notifications that are not yet delivered to all endpoints, oldest first.",
    )
    announced: KeptField[
        ObservedField[Annotated[dict[str, Timestamp], Field(max_length=MOST_ANNOUNCED)]]
    ] = Field(
        default_factory=dict,
        description="When endpoints were last to be told of a state, by its kind, reason, "
        "revision, step and a digest of the spec without replicas; it is not told again for "
        "six hours.",
    )
    command: ObeyedCommand | None = Field(default=None, description="The last command.")
    timeline: KeptField[Timeline | None] = Field(
        default=None, description="Timeline of the last rollout, for serinus replay."
    )
    monitoring: Monitored | None = Field(
        default=None, description="Monitoring of the stable revision."
    )
    retraining: Retraining | None = Field(
        default=None, description="Retraining for what is monitored (spec.monitoring.retrain)."
    )

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, written: Any) -> Any:
        return unpacked(written, KEPT) if isinstance(written, dict) else written

    def in_full(self) -> dict[str, Any]:
        """The JSON form with every field in its place."""
        return super().to_json()

    def to_json(self) -> dict[str, Any]:
        """The JSON form as it is written, with `evidence`."""
        return packed(self.in_full(), KEPT)


KEPT: Final = mask(Status, Role.KEPT)
"""What is written in `status.evidence`."""
