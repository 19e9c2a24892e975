"""What Serinus tells: the status of a ModelDeployment. It is also all that a restart needs."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from serinus.api.base import EvidenceField, MessageField, Moment, ObservedField, StatusType
from serinus.api.baseline import Baseline

Phase = Literal["Healthy", "Progressing", "Paused", "Degraded"]
Verdict = Literal["Pass", "Fail", "Inconclusive", "NoData", "Error"]
Hash = Annotated[str, Field(max_length=16)]
Sentence = Annotated[str, Field(max_length=1024)]
ReasonText = Annotated[str, Field(max_length=64)]


class Condition(StatusType):
    """A standard condition: Ready, Reconciling and Stalled as kstatus reads them,
    MetricsAvailable, Drifted and FieldsIgnored."""

    type: Annotated[str, Field(max_length=64)] = Field(description="Name of the condition.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: ReasonText = Field(description="Machine-readable cause.")
    message: MessageField[Sentence] = Field(default="", description="The cause in a sentence.")
    observed_generation: int = Field(default=0, description="Generation that this speaks of.")
    last_transition_time: Moment = Field(description="When status last changed.")


LogEvidence = Annotated[list[float], Field(max_length=16)]


ByPod = Annotated[dict[str, float], Field(max_length=16)]


class Comparison(StatusType):
    """One quantity of both arms, with the log of an e-value for each alternative."""

    name: Annotated[str, Field(max_length=128)] = Field(
        description="What is compared: errors, limit, a class, a score range or two groups."
    )
    candidate: float = Field(default=0.0, description="Candidate's count in this rollout.")
    stable: float = Field(default=0.0, description="Stable's count in this rollout.")
    pods: ByPod = Field(
        default_factory=dict, description="Candidate's count by pod, of the first 16 pods."
    )
    above: LogEvidence = Field(
        default_factory=list,
        description="Against 'no more common than tolerated'; goes on over the whole rollout.",
    )
    below: LogEvidence = Field(
        default_factory=list,
        description="Against 'no rarer than tolerated'; goes on over the whole rollout.",
    )
    not_above: LogEvidence = Field(
        default_factory=list,
        description="Against 'more common than the margin'; starts anew with each weight.",
    )
    not_below: LogEvidence = Field(
        default_factory=list,
        description="Against 'rarer than the margin'; starts anew with each weight.",
    )


class ArmRequests(StatusType):
    """Requests of one arm since a moment; pods are scraped when they are, not at that moment."""

    certain: float = Field(default=0.0, description="Counted from a scrape after that moment.")
    doubtful: float = Field(
        default=0.0, description="Counted from a scrape before: some may have come earlier."
    )
    marked: float = Field(default=0.0, description="The certain ones when the mark was set.")


class SplitState(StatusType):
    """How the requests were split since a moment, and what was found before."""

    since: Moment = Field(description="Since when requests are counted.")
    trial: int = Field(default=1, description="How often counting began in this rollout.")
    marked_at: Moment | None = Field(
        default=None, description="Up to when the marked requests had come."
    )
    candidate: ArmRequests = Field(default=ArmRequests(), description="Candidate's requests.")
    stable: ArmRequests = Field(default=ArmRequests(), description="Stable's requests.")
    found: Verdict = Field(default="Inconclusive", description="The last verdict at this weight.")
    evidence: Sentence = Field(default="", description="What it rests on.")


class CheckState(StatusType):
    """What a resumed judge needs of a check, and the evidence in figures."""

    policy: Annotated[str, Field(max_length=16)] = Field(
        default="", description="Digest of the check's settings; with others it starts anew."
    )
    budget: Annotated[str, Field(max_length=16)] = Field(
        default="",
        description="Digest of what the analysis gave the check to decide by: its budgets and "
        "minRequests. With others its verdict waits for the next look.",
    )
    peak: float = Field(
        default=0.0,
        description="Greatest log e-value against the candidate so far; exp(-peak) is an "
        "anytime-valid p-value.",
    )
    held_back: float = Field(
        default=1.0,
        description="Weight held back: for changes later in the rollout, and for classes that are "
        "still to appear.",
    )
    releases: int = Field(default=0, description="How often held-back weight was released.")
    candidate: Annotated[dict[str, float], Field(max_length=64)] = Field(
        default_factory=dict, description="Candidate's requests in this rollout, by what was read."
    )
    stable: Annotated[dict[str, float], Field(max_length=8)] = Field(
        default_factory=dict, description="Stable's requests in this rollout, by what was read."
    )
    pods: ByPod = Field(
        default_factory=dict, description="Candidate's requests by pod, of the first 16 pods."
    )
    step_requests: float = Field(
        default=0.0, description="Candidate's requests since the weight last changed."
    )
    alone: float = Field(
        default=0.0,
        description="What one arm has counted at this weight since the other last counted any: "
        "stable's if positive, candidate's if negative.",
    )
    comparisons: Annotated[list[Comparison], Field(max_length=128)] = Field(
        default_factory=list, description="What is compared, with its evidence."
    )
    breached_since: Moment | None = Field(
        default=None, description="Since when a threshold is breached without a break."
    )
    in_bounds_since: Moment | None = Field(
        default=None, description="Since when a threshold is in bounds without a break."
    )
    split: SplitState | None = Field(default=None, description="What trafficShare has counted.")


class CheckStatus(StatusType):
    """A check of the running analysis."""

    name: Annotated[str, Field(max_length=63)] = Field(description="Name of the check.")
    kind: Annotated[str, Field(max_length=32)] = Field(description="Kind of the check.")
    verdict: Verdict = Field(description="Pass, Fail, Inconclusive, NoData or Error.")
    message: Sentence = Field(default="", description="The evidence in a sentence.")
    state: CheckState = Field(default=CheckState(), description="What a resumed judge needs.")

    @property
    def rolls_back(self) -> bool:
        """It failed, and by the candidate's fault."""
        return self.verdict == "Fail" and self.kind != "trafficShare"

    @property
    def split_is_wrong(self) -> bool:
        """It failed, and the routing is to blame."""
        return self.verdict == "Fail" and self.kind == "trafficShare"


class Weight(StatusType):
    """Percent of the traffic that the candidate takes."""

    wanted: float = Field(description="What the step asks for.")
    actual: ObservedField[float] = Field(
        description="What the route, or the number of ready pods, gives."
    )
    since: ObservedField[Moment | None] = Field(
        default=None, description="Since when it gives that."
    )


class Restarts(StatusType):
    """Restarts of containers in a rollout, as far as they were counted."""

    candidate: int = Field(default=0, description="Of the candidate's pods, gone ones included.")
    expected: float = Field(
        default=0.0, description="What as many pods of stable restarted meanwhile."
    )
    last: Sentence = Field(
        default="", description="How the candidate's container that ended last came to its end."
    )
    pods: Annotated[dict[str, int], Field(max_length=256)] = Field(
        default_factory=dict,
        description="By pod, its restarts when they were last counted; of the first 256 pods with "
        "any.",
    )


class Silence(StatusType):
    """Requests that stable answered since the last one of the candidate's was counted."""

    stable: float = Field(default=0.0, description="Stable's requests.")
    expected: float = Field(
        default=0.0, description="The candidate's, as its share of the traffic makes them."
    )
    since: Moment | None = Field(
        default=None, description="Since when enough were expected for their absence to mean much."
    )
    until: Moment = Field(description="The last look that found it so.")


class Withdrawn(StatusType):
    """A candidate's traffic was taken away, and its step waits."""

    since: Moment = Field(description="Since when.")
    weight: float = Field(description="Percent that its step asks for.")
    policy: Annotated[str, Field(max_length=16)] = Field(
        description="Digest of spec.rollout; with another one the step is resumed."
    )


class UnreadyTime(StatusType):
    """Time in which pods of the candidate that had been ready were not."""

    seconds: float = Field(default=0.0, description="In sum, of the times that are over.")
    times: int = Field(default=0, description="How often it began.")
    since: Moment | None = Field(default=None, description="Since when it is so now.")


class Hold(StatusType):
    """Why the rollout does not go on."""

    reason: ReasonText = Field(description="Machine-readable cause.")
    message: MessageField[Sentence] = Field(description="The cause in a sentence.")
    since: Moment = Field(description="Since when.")


class Stable(StatusType):
    """The revision that serves."""

    revision: Hash = Field(description="Hash of the revision.")
    number: int = Field(description="Its place in the history.")
    version: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="model.version, where it was given."
    )
    ready_replicas: ObservedField[int] = Field(default=0, description="Its ready pods.")
    since: Moment = Field(description="When it took over.")


class Candidate(StatusType):
    """The revision that is being rolled out."""

    revision: Hash = Field(description="Hash of the revision.")
    number: int = Field(description="Its place in the history.")
    version: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="model.version, where it was given."
    )
    mode: Literal["First", "Steps", "Direct"] = Field(
        description="First: there is no stable yet. Steps: by spec.rollout.steps. Direct: an "
        "undo, which needs no steps."
    )
    step: int = Field(
        default=0, description="Index of the current step; its number of steps once all are done."
    )
    weight: Weight = Field(default=Weight(wanted=0, actual=0), description="Its traffic.")
    ready_replicas: ObservedField[int] = Field(default=0, description="Its ready pods.")
    since: Moment = Field(description="When the rollout started.")
    progress_since: ObservedField[Moment] = Field(
        description="Since when pods are missing, or were last; the progress deadline counts from "
        "here."
    )
    pods_awaited: ObservedField[int] = Field(
        default=0,
        description="Ready pods that are awaited since then; 0: none are missing. If more are "
        "needed, the deadline counts anew.",
    )
    analysis_since: Moment | None = Field(
        default=None,
        description="Since when the route gives it traffic; requests count from here.",
    )
    effective_since: Moment | None = Field(
        default=None,
        description="Since when the weight wanted is in effect; the step's clocks count from here.",
    )
    unmeasured: float = Field(
        default=0.0,
        description="Seconds at this weight in which nothing could be judged: without readable "
        "metrics, or with another split than asked for; maxStepDuration does not count them.",
    )
    step_since: Moment | None = Field(
        default=None, description="Since when the current pause is waited for."
    )
    promoting: bool = Field(
        default=False, description="All steps are done; it takes all traffic once it can."
    )
    commanded: bool = Field(
        default=False,
        description="It was promoted by command, which spec.rollout.paused does not hold.",
    )
    alone_since: Moment | None = Field(
        default=None,
        description="Since when stable had no ready pod while this revision served. Until all of "
        "stable's pods are ready again, only a person or a failed check takes its traffic.",
    )
    hold: ObservedField[Hold | None] = Field(default=None, description="Why it does not go on.")
    restarts: EvidenceField[Restarts | None] = Field(
        default=None, description="Restarts of containers; None until pods were listed."
    )
    unready: UnreadyTime = Field(
        default=UnreadyTime(),
        description="How long its pods were unready after they had been ready; progressDeadline "
        "bounds the sum.",
    )
    unreadable_since: Moment | None = Field(
        default=None, description="Since when nothing can be judged."
    )
    unreported_since: EvidenceField[Moment | None] = Field(
        default=None, description="Since when Prometheus knows fewer pods than are ready."
    )
    errors_in_a_row: EvidenceField[int] = Field(
        default=0, description="Failed measurements in a row."
    )
    measured_at: EvidenceField[Moment | None] = Field(
        default=None, description="Last good measurement."
    )
    silence: EvidenceField[Silence | None] = Field(
        default=None, description="While stable answers and the candidate does not."
    )
    withdrawn: Withdrawn | None = Field(
        default=None, description="Why it takes no traffic though its step asks for some."
    )
    baseline: ObservedField[Baseline | None] = Field(
        default=None, description="What stable's history showed before the first traffic."
    )
    counted: EvidenceField[Annotated[dict[str, float], Field(max_length=4000)]] = Field(
        default_factory=dict,
        description="By pod and address, the time in Unix seconds of the last sample counted.",
    )
    checks: EvidenceField[Annotated[list[CheckStatus], Field(max_length=16)]] = Field(
        default_factory=list, description="Its checks and their evidence."
    )


class Rejected(StatusType):
    """A revision that is asked for and not run, until the spec changes or a retry."""

    revision: Hash = Field(description="Hash of the revision.")
    reason: ReasonText = Field(description="Machine-readable cause.")
    message: Sentence = Field(description="The cause in a sentence.")
    at: Moment = Field(description="When it was rejected.")


class Retiring(StatusType):
    """A revision that lost its traffic and whose pods are about to go."""

    revision: Hash = Field(description="Hash of the revision.")
    since: Moment = Field(description="When it was to lose its traffic.")
    idle_since: ObservedField[Moment | None] = Field(
        default=None,
        description="Since when no route that is in effect leads to it; its pods go "
        "scaleDownDelay later.",
    )


class Decision(StatusType):
    """What Serinus did, and why."""

    at: Moment = Field(description="When.")
    reason: ReasonText = Field(description="What, machine-readable.")
    revision: Hash = Field(description="Hash of the revision it is about.")
    message: Sentence = Field(description="Why, in a sentence.")


class ObeyedCommand(StatusType):
    """The last serinus.dev/command that was obeyed or refused."""

    command: Annotated[str, Field(max_length=256)] = Field(description="The annotation's value.")
    outcome: Sentence = Field(description="What came of it.")
    at: Moment = Field(description="When.")


class InEffect(StatusType):
    """A weight that the candidate had."""

    weight: float = Field(description="Percent of the traffic, as its step asked.")
    actual: float | None = Field(
        default=None, description="What the number of ready pods gave, where that was another."
    )
    since: Moment = Field(description="When it took effect.")
    until: Moment | None = Field(
        default=None, description="When pods that carried it were lost or it was withdrawn, if so."
    )


class Timeline(StatusType):
    """How a rollout went, beside its decisions: what it takes to judge it again from what
    Prometheus has kept."""

    revision: Hash = Field(description="Hash of the revision that was rolled out.")
    stable: Hash = Field(description="Hash of the revision that it was compared with.")
    since: Moment = Field(description="When it started.")
    measured_since: Moment | None = Field(
        default=None, description="Since when the candidate's requests count."
    )
    weights: Annotated[list[InEffect], Field(max_length=64)] = Field(
        default_factory=list, description="The weights as they took effect, oldest first."
    )
    commands: Annotated[list[ObeyedCommand], Field(max_length=16)] = Field(
        default_factory=list, description="Commands given meanwhile, oldest first."
    )
    until: Moment | None = Field(
        default=None, description="When it was promoted, rolled back or given up."
    )
    baseline: Baseline | None = Field(
        default=None, description="What stable's history had shown, once the rollout is over."
    )


class FeatureReference(StatusType):
    """The shares that a feature's values are compared with."""

    feature: Annotated[str, Field(max_length=100)] = Field(description="Name of the feature.")
    bounds: Annotated[list[float], Field(max_length=64)] = Field(
        default_factory=list, description="Upper bounds of the ranges of numeric values, rising."
    )
    shares: Annotated[list[float], Field(max_length=65)] = Field(
        default_factory=list, description="Share of each range; the last lies above all bounds."
    )
    categories: Annotated[dict[str, float], Field(max_length=64)] = Field(
        default_factory=dict, description="Share of each category."
    )


class FeatureStatus(StatusType):
    """Whether a feature has left its reference."""

    feature: Annotated[str, Field(max_length=100)] = Field(description="Name of the feature.")
    drifted: bool = Field(default=False, description="Whether it was last shown to have.")
    since: Moment = Field(description="Since when.")
    message: Sentence = Field(default="", description="The evidence in a sentence.")


class Unknown(StatusType):
    """Why nothing is known."""

    reason: ReasonText = Field(description="Machine-readable cause.")
    message: Sentence = Field(description="The cause in a sentence.")


class Monitored(StatusType):
    """What is monitored of the stable revision."""

    basis: Annotated[str, Field(max_length=32)] = Field(
        description="Stands for the settings, and the revision where the reference is recorded; "
        "with another one it starts anew."
    )
    reference: Annotated[list[FeatureReference], Field(max_length=64)] = Field(
        default_factory=list, description="What the features are compared with."
    )
    features: Annotated[list[FeatureStatus], Field(max_length=64)] = Field(
        default_factory=list, description="The features, by name."
    )
    unknown: Unknown | None = Field(default=None, description="Why nothing can be told.")


class Status(StatusType):
    """The observed state of a model deployment."""

    # one writer replaces it as a whole: whose each of its fields is need not be kept
    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    observed_generation: int = Field(default=0, description="Generation that was last acted on.")
    phase: Phase = Field(
        default="Progressing", description="Healthy, Progressing, Paused or Degraded."
    )
    message: MessageField[Sentence] = Field(
        default="", description="Where it stands, in a sentence."
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
        description="Ready, Reconciling, Stalled, MetricsAvailable, Drifted, Overridden, "
        "FieldsIgnored.",
    )
    replicas: ObservedField[int] = Field(
        default=0, description="Pods of the stable revision, for /scale."
    )
    selector: Annotated[str, Field(max_length=512)] = Field(
        default="",
        description="Selects the pods of all revisions, for /scale: what they use together is "
        "what the whole traffic takes.",
    )
    stable: Stable | None = Field(default=None, description="The revision that serves.")
    candidate: Candidate | None = Field(default=None, description="The revision rolled out.")
    rejected: Rejected | None = Field(default=None, description="The revision refused.")
    retiring: Annotated[list[Retiring], Field(max_length=16)] = Field(
        default_factory=list, description="Revisions whose pods are about to go."
    )
    former: Annotated[list[Hash], Field(max_length=100)] = Field(
        default_factory=list,
        description="Revisions that were stable before, the last one first; undo returns to them.",
    )
    decisions: Annotated[list[Decision], Field(max_length=20)] = Field(
        default_factory=list, description="The last decisions, newest first."
    )
    command: ObeyedCommand | None = Field(default=None, description="The last command obeyed.")
    timeline: Timeline | None = Field(
        default=None, description="How the last rollout went, for serinus replay."
    )
    monitoring: Monitored | None = Field(
        default=None, description="What is watched of the stable revision."
    )
