"""Reasons: the CamelCase identifiers in conditions, holds, decisions and events. They are API.

Each carries what other code has to know of it, so that none of it names a reason in a table of its
own.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, Literal, Self

from serinus.api.notifications import NoticeKind
from serinus.api.remedies import (
    ABORT,
    DECIDE,
    DELETE,
    EDIT,
    LOG,
    OF_IT,
    PODS,
    PROMOTE,
    RETRY,
    ROUTE,
    ROUTES,
    STABLE_PODS,
    UNDO,
    Remedy,
)

Ending = Literal["promoted", "rolled_back", "cancelled"]
"""Cancelled: the spec or a command replaced the candidate before a verdict."""
_NOTICES: Final[dict[Ending, NoticeKind]] = {
    "promoted": "Promoted",
    "rolled_back": "RolledBack",
    "cancelled": "Cancelled",
}
PROGRESS: Final = "Progress of a rollout"
END: Final = "End of a rollout"
WAITING: Final = "Waiting"
PERSON_NEEDED: Final = "A person is needed"
OTHER: Final = "Other decisions"
MONITORED: Final = "Monitored between rollouts"


class Needs(Enum):
    """What ends a wait for this reason."""

    NOTHING = "nothing"
    """It ends by itself."""
    METRICS = "metrics"
    """It ends by itself once metrics can be read; a rollout is reported as paused meanwhile."""
    PERSON = "person"
    """A person's decision: the rollout is paused."""
    REPAIR = "repair"
    """A person's repair: the rollout is degraded and stalled."""


class About(Enum):
    """What a problem is about, and what a wait is for."""

    ROUTE = "route"
    """The objects that split the traffic."""
    REQUESTS = "requests"
    """Which requests they get."""
    WITHDRAWAL = "withdrawal"
    """That the candidate's traffic was withdrawn without a status."""
    PODS = "pods"
    """What makes the pods of a revision."""
    CANDIDATE = "candidate"
    """The pods of the candidate."""
    HISTORY = "history"
    """The revisions that are kept."""
    TASK = "task"
    """The Job of a step."""
    RETRAINING = "retraining"
    """The Job that retrains the model, for which nothing waits."""
    CHILDREN = "children"
    """Children for which nothing is known to wait."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of a reason."""

    section: str
    """Of the reference."""
    text: str
    """What it means, as the reference says it."""
    needs: Needs = Needs.NOTHING
    about: tuple[About, ...] = ()
    """What a wait for this reason is for; its message has the gravest problem about it."""
    ends: Ending | None = None
    """How a decision for this reason ends a rollout."""
    begins: bool = False
    """Whether a decision for this reason begins a rollout."""
    passes: bool = False
    """Whether a decision for this reason ends a step."""
    retrains: bool = False
    """Whether such a decision is about a retraining."""
    warns: bool = False
    """Whether the event of such a decision has the type Warning."""
    recorded: bool = False
    """Whether a recording has the time at which such a wait ended."""
    remedies: tuple[Remedy, ...] = ()
    """What to type, in the order in which it is worth trying."""

    @property
    def notice(self) -> NoticeKind | None:
        """As what such a decision is sent to endpoints."""
        if self.ends:
            return _NOTICES[self.ends]
        if self.begins:
            return "Started"
        if self.retrains:
            return "Retraining"
        return "StepPassed" if self.passes else None


UNKNOWN: Final = Meaning(OTHER, "A reason that this version does not know.")


def means(value: str, section: str, text: str, **properties: Any) -> tuple[str, Meaning]:
    """A reason and its meaning."""
    return value, Meaning(section, text, **properties)


class Reason(StrEnum):
    """Machine-readable reasons. Scripts match on these; messages may change, reasons do not."""

    meaning: Meaning

    def __new__(cls, value: str, meaning: Meaning = UNKNOWN) -> Self:
        """A string that knows what it means."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    # progress of a rollout
    HEALTHY = means(
        "Healthy",
        PROGRESS,
        "The revision in the spec serves with all of its pods.",
        remedies=(UNDO,),
    )
    STABLE_SERVES = means("StableServes", PROGRESS, "Stable has a ready pod.")
    MODEL_RESOLVED = means(
        "ModelResolved", PROGRESS, "The registry says which version the alias in the spec names."
    )
    UNAVAILABLE = means(
        "Unavailable",
        PROGRESS,
        "Stable has no ready pod, or no Gateway that serves.",
        remedies=(STABLE_PODS, PODS, UNDO),
    )
    FIRST_DEPLOYMENT = means(
        "FirstDeployment", PROGRESS, "The first revision is deployed, without steps.", begins=True
    )
    ROLLOUT_STARTED = means("RolloutStarted", PROGRESS, "A candidate is rolled out.", begins=True)
    WEIGHT_RAISED = means(
        "WeightRaised", PROGRESS, "A step raised the candidate's weight.", passes=True
    )
    WEIGHT_LOWERED = means(
        "WeightLowered",
        PROGRESS,
        "The weight was lowered: pods were lost, or it was not in effect.",
        warns=True,
    )
    STEP_TIMED_OUT = means(
        "StepTimedOut",
        PROGRESS,
        "A step had no verdict within `maxStepDuration`, and waits for a person.",
        warns=True,
    )
    WEIGHT_CHANGED = means("WeightChanged", PROGRESS, "The weight follows a change of the spec.")
    PROMOTING = means(
        "Promoting",
        PROGRESS,
        "All steps have passed; the candidate waits for its last pods.",
        passes=True,
    )
    PROMOTED = means(
        "Promoted",
        PROGRESS,
        "The candidate became stable, or is guarded before it does.",
        ends="promoted",
    )
    GUARDED = means(
        "Guarded",
        PROGRESS,
        "The promoted revision serves, and is guarded (`spec.rollout.guard`).",
        remedies=(
            Remedy("End the guard", "serinus promote {it}"),
            Remedy("Give all traffic back to the previous revision", "serinus abort {it}"),
        ),
    )
    GUARD_ENDED = means(
        "GuardEnded", PROGRESS, "The guard is over, and the promoted revision is stable."
    )
    IMAGES_ALIKE = means(
        "ImagesAlike",
        PROGRESS,
        "Each revision's pods run the same images again; the evidence starts again.",
    )
    REPAIRED = means(
        "Repaired",
        PROGRESS,
        "A child object that somebody deleted or changed was restored (an event).",
    )
    TAKEN_UP = means("TakenUp", PROGRESS, "Objects that existed already were adopted.")
    # end of a rollout
    CHECK_FAILED = means(
        "CheckFailed",
        END,
        "A check has shown that the candidate is worse than tolerated.",
        ends="rolled_back",
        warns=True,
        remedies=(RETRY,),
    )
    GUARD_FAILED = means(
        "GuardFailed",
        END,
        "In the guard, the promoted revision is shown to be worse, answers nothing, "
        "restarts or loses readiness too often, or could not be compared until long after "
        "its end; the previous one took the traffic back.",
        ends="rolled_back",
        warns=True,
        remedies=(RETRY,),
    )
    PROGRESS_DEADLINE_EXCEEDED = means(
        "ProgressDeadlineExceeded",
        END,
        "Pods were not ready within `progressDeadline`.",
        needs=Needs.REPAIR,
        about=(About.PODS, About.CANDIDATE),
        ends="rolled_back",
        warns=True,
        remedies=(PODS, EDIT, PROMOTE, ABORT, RETRY),
    )
    TOO_MANY_RESTARTS = means(
        "TooManyRestarts",
        END,
        "Containers restarted more often than `maxRestarts` tolerates.",
        ends="rolled_back",
        warns=True,
        remedies=(RETRY,),
    )
    READINESS_LOST = means(
        "ReadinessLost",
        END,
        "Pods lost their readiness again and again, or for too long, and were not replaced.",
        ends="rolled_back",
        warns=True,
        remedies=(RETRY,),
    )
    JOB_FAILED = means(
        "JobFailed",
        END,
        "The Job of a step rejected the model.",
        ends="rolled_back",
        warns=True,
        remedies=(RETRY,),
    )
    VALIDATION_UNFINISHED = means(
        "ValidationUnfinished",
        END,
        "No Job of a step could say whether the model is good; `onUnfinished` says what follows.",
        needs=Needs.REPAIR,
        ends="rolled_back",
        warns=True,
        remedies=(
            Remedy(
                "See its Job",
                "kubectl describe jobs,pods {place} --selector=serinus.dev/task={name}",
            ),
            Remedy("Run the Job again, once that is repaired", "serinus retry {it}"),
            EDIT,
            *DECIDE,
        ),
    )
    INCONCLUSIVE = means(
        "Inconclusive",
        END,
        "A step had no verdict within `maxStepDuration`; `onInconclusive` says what follows.",
        needs=Needs.PERSON,
        ends="rolled_back",
        warns=True,
        remedies=(*DECIDE, RETRY),
    )
    ABORTED = means(
        "Aborted", END, "The command `abort` was obeyed.", ends="rolled_back", remedies=(RETRY,)
    )
    REVERTED = means(
        "Reverted", END, "The spec returned to stable.", ends="cancelled", remedies=(RETRY,)
    )
    SUPERSEDED = means("Superseded", END, "The spec asks for a third revision.", ends="cancelled")
    UNDONE = means(
        "Undone", END, "The command `undo` was obeyed.", ends="cancelled", remedies=(RETRY,)
    )
    RETRIED = means("Retried", END, "The command `retry` was obeyed.")
    # waiting
    AWAITING_PODS = means(
        "AwaitingPods",
        WAITING,
        "Pods are not ready yet.",
        about=(About.PODS, About.CANDIDATE),
        recorded=True,
        remedies=(PODS, ABORT, UNDO),
    )
    AWAITING_ROUTE = means(
        "AwaitingRoute",
        WAITING,
        "The gateway has not taken up the route yet.",
        about=(About.ROUTE, About.WITHDRAWAL),
        recorded=True,
        remedies=(ROUTE, ABORT),
    )
    AWAITING_VERDICT = means(
        "AwaitingVerdict", WAITING, "A check is Inconclusive.", remedies=DECIDE
    )
    AWAITING_PAUSE = means("AwaitingPause", WAITING, "A pause with a duration.", remedies=DECIDE)
    AWAITING_COMMAND = means(
        "AwaitingCommand",
        WAITING,
        "A pause without a duration.",
        needs=Needs.PERSON,
        remedies=DECIDE,
    )
    AWAITING_APPROVAL = means(
        "AwaitingApproval",
        WAITING,
        "An approval step: a user with the verb `approve` is awaited.",
        needs=Needs.PERSON,
        remedies=(
            Remedy("Let it pass, which needs the RBAC verb approve", "serinus approve {it}"),
            ABORT,
        ),
    )
    AWAITING_JOB = means(
        "AwaitingJob",
        WAITING,
        "A step waits for its Job.",
        about=(About.TASK,),
        remedies=(
            Remedy(
                "See its pod", "kubectl describe pods {place} --selector=serinus.dev/task={name}"
            ),
            *DECIDE,
        ),
    )
    JOB_UNFINISHED = means(
        "JobUnfinished",
        WAITING,
        "A Job of a step could not say whether the model is good, and is started again.",
        warns=True,
    )
    PAUSED_BY_SPEC = means(
        "PausedBySpec",
        WAITING,
        "`spec.rollout.paused` is true.",
        needs=Needs.PERSON,
        remedies=(Remedy("Let the rollout go on", "serinus resume {it}"), PROMOTE, ABORT),
    )
    SCALED_TO_ZERO = means(
        "ScaledToZero",
        WAITING,
        "`replicas` is 0.",
        remedies=(Remedy("Give it a pod", "kubectl scale mdep {it} --replicas=1"), ABORT),
    )
    NO_DATA = means(
        "NoData",
        WAITING,
        "A check has no recent samples.",
        needs=Needs.METRICS,
        remedies=(
            Remedy(
                "See whether its pods export what the checks read", "kubectl describe mdep {it}"
            ),
            LOG,
            *DECIDE,
        ),
    )
    CANDIDATE_SILENT = means(
        "CandidateSilent",
        WAITING,
        "The candidate answers no requests; its traffic was withdrawn.",
        needs=Needs.REPAIR,
        warns=True,
        remedies=(LOG, Remedy("Restore its traffic", "serinus advance {it}"), ABORT, RETRY),
    )
    CANDIDATE_METRICS_UNUSABLE = means(
        "CandidateMetricsUnusable",
        WAITING,
        "What the candidate exports cannot be judged; its traffic was withdrawn.",
        needs=Needs.REPAIR,
        warns=True,
        remedies=(
            LOG,
            Remedy("Restore its traffic, once its metrics are corrected", "serinus advance {it}"),
            ABORT,
            RETRY,
        ),
    )
    ARMS_STILL_DIFFER = means(
        "ArmsStillDiffer",
        WAITING,
        "The revisions received different inputs for too long; the candidate's traffic was "
        "withdrawn.",
        needs=Needs.REPAIR,
        warns=True,
        remedies=(
            ROUTES,
            Remedy("Restore its traffic, once both receive similar inputs", "serinus advance {it}"),
            PROMOTE,
            ABORT,
        ),
    )
    TRAFFIC_SPLIT_WRONG = means(
        "TrafficSplitWrong",
        WAITING,
        "The candidate receives another share of the requests than its weight.",
        needs=Needs.REPAIR,
        remedies=(ROUTES, PROMOTE, ABORT),
    )
    REGISTRY_UNANSWERED = means(
        "RegistryUnanswered",
        WAITING,
        "The registry does not say which version the alias in the spec names; what was known "
        "before stays.",
        remedies=(EDIT,),
    )
    IMAGES_DIFFER = means(
        "ImagesDiffer",
        WAITING,
        "Pods of one revision run different images, since a tag was moved; no verdict "
        "counts meanwhile.",
        needs=Needs.REPAIR,
        warns=True,
        remedies=(
            Remedy("See which pod runs which image", f"kubectl describe pods {OF_IT}"),
            Remedy("Name the image by its digest", "kubectl edit mdep {it}"),
            ABORT,
        ),
    )
    STABLE_POD_DIFFERS = means(
        "StablePodDiffers",
        WAITING,
        "A pod of stable is worse than its other pods, or predicts differently.",
        needs=Needs.REPAIR,
        remedies=(DELETE, PROMOTE, ABORT),
    )
    ONE_POD_TO_BLAME = means(
        "OnePodToBlame",
        WAITING,
        "One pod of the candidate is worse than tolerated.",
        needs=Needs.PERSON,
        remedies=(DELETE, PROMOTE, ABORT),
    )
    POD_REPLACED = means(
        "PodReplaced",
        WAITING,
        "One or a few of several pods have the failures, and are evicted: their node may be bad.",
        warns=True,
        remedies=(PROMOTE, ABORT),
    )
    NODE_SUSPECTED = means(
        "NodeSuspected",
        WAITING,
        "The failures of an evicted pod have not followed to other nodes; the rollout goes on.",
        warns=True,
    )
    ARMS_DIFFER = means(
        "ArmsDiffer",
        WAITING,
        "The revisions receive different inputs.",
        needs=Needs.REPAIR,
        remedies=(ROUTES, PROMOTE, ABORT),
    )
    METRICS_UNAVAILABLE = means(
        "MetricsUnavailable",
        WAITING,
        "The metrics of a check cannot be read.",
        needs=Needs.METRICS,
        remedies=(Remedy("See which query fails, and how", "kubectl describe mdep {it}"), *DECIDE),
    )
    METRICS_READABLE = means("MetricsReadable", WAITING, "The metrics of all checks can be read.")
    # a person is needed
    INVALID_SPEC = means(
        "InvalidSpec",
        PERSON_NEEDED,
        "The spec is invalid; the message names the field.",
        needs=Needs.REPAIR,
        ends="cancelled",
        warns=True,
        remedies=(EDIT,),
    )
    APPROVALS_UNGUARDED = means(
        "ApprovalsUnguarded",
        PERSON_NEEDED,
        "Nobody can approve, since the admission policy is absent.",
        needs=Needs.REPAIR,
        remedies=(
            Remedy(
                "See whether the policy is there", "kubectl get validatingadmissionpolicies {place}"
            ),
            Remedy("Remove the step", "kubectl edit mdep {it}"),
            ABORT,
        ),
    )
    NAME_TAKEN = means(
        "NameTaken",
        PERSON_NEEDED,
        "Another owner's object has a name that is needed.",
        needs=Needs.REPAIR,
        remedies=(
            Remedy("See whose it is", "kubectl get {object} {place} --output=yaml"),
            Remedy(
                "Hand it over, if it is a Service or a route without an owner",
                "kubectl annotate {object} {place} serinus.dev/adopt={name}",
            ),
        ),
    )
    REGISTRY_REFUSED = means(
        "RegistryRefused",
        PERSON_NEEDED,
        "The operator does not know the registry in the spec, or this namespace may not use it.",
        remedies=(EDIT,),
    )
    HISTORY_LOST = means(
        "HistoryLost",
        PERSON_NEEDED,
        "The ControllerRevision of a revision is gone.",
        needs=Needs.REPAIR,
        remedies=(
            Remedy("See what is left", f"kubectl get controllerrevisions {OF_IT}"),
            Remedy("Restore its model and template", "kubectl edit mdep {it}"),
        ),
    )
    ROUTE_REFUSED = means(
        "RouteRefused",
        PERSON_NEEDED,
        "The route or its Gateway is not accepted.",
        needs=Needs.REPAIR,
        about=(About.ROUTE, About.WITHDRAWAL),
        warns=True,
        recorded=True,
        remedies=(ROUTE, ABORT),
    )
    ROUTE_CONTESTED = means(
        "RouteContested",
        PERSON_NEEDED,
        "An older route has the same host names at the same Gateway, and gets all requests.",
        needs=Needs.REPAIR,
        remedies=(ROUTES, Remedy("Give it host names of its own", "kubectl edit mdep {it}")),
    )
    CHANGED_BY_OTHERS = means(
        "ChangedByOthers", PERSON_NEEDED, "Something else keeps changing a child object."
    )
    STATUS_NOT_WRITTEN = means(
        "StatusNotWritten", PERSON_NEEDED, "The API server does not accept the status."
    )
    INTERNAL_ERROR = means(
        "InternalError",
        PERSON_NEEDED,
        "The operator's own code raises an exception. If that keeps the candidate from "
        "being judged, its traffic is withdrawn.",
        needs=Needs.REPAIR,
        warns=True,
        remedies=(
            Remedy("See which line raises", "kubectl describe mdep {it}"),
            Remedy("Restore its traffic, once that is repaired", "serinus advance {it}"),
            ABORT,
            RETRY,
        ),
    )
    STATUS_UNREADABLE = means(
        "StatusUnreadable",
        PERSON_NEEDED,
        "A part of the status cannot be read, and was dropped.",
        warns=True,
    )
    FIELDS_UNKNOWN = means(
        "FieldsUnknown", PERSON_NEEDED, "The spec has fields that this version does not know."
    )
    # other decisions
    AUDIT_FAILED = means(
        "AuditFailed", OTHER, "A check in audit mode failed, which decides nothing."
    )
    APPROVED = means("Approved", OTHER, "A step was approved; the message names the approver.")
    COMMAND_OBEYED = means("CommandObeyed", OTHER, "A command was obeyed.")
    COMMAND_REFUSED = means(
        "CommandRefused", OTHER, "A command was refused; the message says why.", warns=True
    )
    # monitored between rollouts
    RECORDING_REFERENCE = means("RecordingReference", MONITORED, "The reference is being recorded.")
    WITHIN_REFERENCE = means(
        "WithinReference", MONITORED, "All that is compared is within the tolerance."
    )
    FEATURES_DRIFTED = means("FeaturesDrifted", MONITORED, "A feature has drifted.", warns=True)
    PREDICTIONS_DRIFTED = means(
        "PredictionsDrifted", MONITORED, "A class or score range has drifted.", warns=True
    )
    WITHIN_LIMIT = means(
        "WithinLimit", MONITORED, "The share is not shown to be above its limit, or below it again."
    )
    ERRORS_ABOVE_LIMIT = means(
        "ErrorsAboveLimit",
        MONITORED,
        "The share of failed requests is shown to be above its limit.",
        warns=True,
    )
    FEEDBACK_ABOVE_LIMIT = means(
        "FeedbackAboveLimit",
        MONITORED,
        "The share of negative feedback is shown to be above its limit.",
        warns=True,
    )
    RETRAINING_STARTED = means(
        "RetrainingStarted",
        MONITORED,
        "An alarm persisted, and a retraining Job was started.",
        retrains=True,
    )
    RETRAINING_DELAYED = means(
        "RetrainingDelayed",
        MONITORED,
        "No container of the retraining Job has run for `progressDeadline`; it is waited for.",
        retrains=True,
        warns=True,
    )
    RETRAINING_SUCCEEDED = means(
        "RetrainingSucceeded", MONITORED, "The retraining Job has succeeded.", retrains=True
    )
    RETRAINING_FAILED = means(
        "RetrainingFailed",
        MONITORED,
        "The retraining Job failed, was deleted, or could not be created; another may start after "
        "`cooldown`.",
        retrains=True,
        warns=True,
    )
    RETRAINING_STOPPED = means(
        "RetrainingStopped",
        MONITORED,
        "The retraining Job is no longer wanted: `retrain` was removed, another revision became "
        "stable before the Job was created, or its kind is no longer allowed.",
        retrains=True,
    )
    RETRAINING_REFUSED = means(
        "RetrainingRefused",
        MONITORED,
        "`retrain.task` is not run: its kind is not allowed, or it was not reviewed whether its "
        "writer may run it.",
        retrains=True,
        warns=True,
    )
    RETRAINED = means(
        "Retrained",
        MONITORED,
        "The version from a retraining is stable; the message has the time since the alarm.",
        retrains=True,
    )
    RETRAINED_IN_VAIN = means(
        "RetrainedInVain",
        MONITORED,
        "The version from a retraining was rejected, or replaced before a verdict.",
        retrains=True,
        warns=True,
    )


_MEANINGS: Final = {each.value: each.meaning for each in Reason}


def meaning_of(reason: str) -> Meaning:
    """What is known of a reason in a status, which another version may have written."""
    return _MEANINGS.get(reason, UNKNOWN)
