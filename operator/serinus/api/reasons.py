"""Reasons: the CamelCase identifiers in conditions, holds, decisions and events. They are API.

Each carries what other code has to know of it, so that none of it names a reason in a table of its
own.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, Literal, Self

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
COURSE: Final = "Course of a rollout"
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


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of a reason."""

    section: str
    """Of the reference."""
    text: str
    """What it means, as the reference says it."""
    needs: Needs = Needs.NOTHING
    ends: Ending | None = None
    """How a decision for this reason ends a rollout."""
    begins: bool = False
    """Whether a decision for this reason begins a rollout."""
    passes: bool = False
    """Whether a decision for this reason ends a step."""
    warns: bool = False
    """Whether the event of such a decision has the type Warning."""
    recorded: bool = False
    """Whether a recording has the time at which such a wait ended."""
    remedies: tuple[Remedy, ...] = ()
    """What to type, in the order in which it is worth trying."""

    @property
    def notice(self) -> NoticeKind | None:
        """As what such a decision is told to endpoints."""
        if self.ends:
            return _NOTICES[self.ends]
        if self.begins:
            return "Started"
        return "StepPassed" if self.passes else None


UNKNOWN: Final = Meaning(OTHER, "A reason that this version does not know.")


class Reason(StrEnum):
    """Machine-readable reasons. Scripts match on these; messages may change, reasons do not."""

    meaning: Meaning

    def __new__(cls, value: str, meaning: Meaning = UNKNOWN) -> Self:
        """A string that knows what it means."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    # course of a rollout
    HEALTHY = (
        "Healthy",
        Meaning(COURSE, "The revision in the spec serves with all of its pods.", remedies=(UNDO,)),
    )
    STABLE_SERVES = "StableServes", Meaning(COURSE, "Stable has a ready pod.")
    UNAVAILABLE = (
        "Unavailable",
        Meaning(
            COURSE,
            "Stable has no ready pod, or no Gateway that serves.",
            remedies=(STABLE_PODS, PODS, UNDO),
        ),
    )
    FIRST_DEPLOYMENT = (
        "FirstDeployment",
        Meaning(COURSE, "The first revision is deployed, without steps.", begins=True),
    )
    ROLLOUT_STARTED = (
        "RolloutStarted",
        Meaning(COURSE, "A candidate is rolled out.", begins=True),
    )
    WEIGHT_RAISED = (
        "WeightRaised",
        Meaning(COURSE, "A step raised the candidate's weight.", passes=True),
    )
    WEIGHT_LOWERED = (
        "WeightLowered",
        Meaning(
            COURSE, "The weight was lowered: pods were lost, or it was not in effect.", warns=True
        ),
    )
    WEIGHT_CHANGED = "WeightChanged", Meaning(COURSE, "The weight follows a change of the spec.")
    PROMOTING = (
        "Promoting",
        Meaning(
            COURSE,
            "All steps have passed; the candidate waits for its last pods.",
            passes=True,
        ),
    )
    PROMOTED = (
        "Promoted",
        Meaning(
            COURSE, "The candidate became stable, or is guarded before it does.", ends="promoted"
        ),
    )
    GUARDED = (
        "Guarded",
        Meaning(
            COURSE,
            "The promoted revision serves, and is guarded (`spec.rollout.guard`).",
            remedies=(
                Remedy("End the guard", "serinus promote {it}"),
                Remedy("Give all traffic back to the previous revision", "serinus abort {it}"),
            ),
        ),
    )
    GUARD_ENDED = (
        "GuardEnded",
        Meaning(COURSE, "The guard is over, and the promoted revision is stable."),
    )
    IMAGES_ALIKE = (
        "ImagesAlike",
        Meaning(
            COURSE, "Each revision's pods run the same images again; the evidence starts again."
        ),
    )
    REPAIRED = (
        "Repaired",
        Meaning(COURSE, "A child object that somebody deleted or changed is as it was (an event)."),
    )
    TAKEN_UP = "TakenUp", Meaning(COURSE, "Objects that existed already were taken up.")
    # end of a rollout
    CHECK_FAILED = (
        "CheckFailed",
        Meaning(
            END,
            "A check has shown that the candidate is worse than tolerated.",
            ends="rolled_back",
            warns=True,
            remedies=(RETRY,),
        ),
    )
    GUARD_FAILED = (
        "GuardFailed",
        Meaning(
            END,
            "In the guard, the promoted revision is shown to be worse, answers nothing, restarts "
            "or loses readiness too often, or could not be compared until long after its end; the "
            "previous one took the traffic back.",
            ends="rolled_back",
            warns=True,
            remedies=(RETRY,),
        ),
    )
    PROGRESS_DEADLINE_EXCEEDED = (
        "ProgressDeadlineExceeded",
        Meaning(
            END,
            "Pods were not ready within `progressDeadline`.",
            needs=Needs.REPAIR,
            ends="rolled_back",
            warns=True,
            remedies=(PODS, EDIT, PROMOTE, ABORT, RETRY),
        ),
    )
    TOO_MANY_RESTARTS = (
        "TooManyRestarts",
        Meaning(
            END,
            "Containers restarted more often than `maxRestarts` tolerates.",
            ends="rolled_back",
            warns=True,
            remedies=(RETRY,),
        ),
    )
    READINESS_LOST = (
        "ReadinessLost",
        Meaning(
            END,
            "Pods lost their readiness again and again, or for too long, and were not replaced.",
            ends="rolled_back",
            warns=True,
            remedies=(RETRY,),
        ),
    )
    INCONCLUSIVE = (
        "Inconclusive",
        Meaning(
            END,
            "A step had no verdict within `maxStepDuration`; `onInconclusive` says what follows.",
            needs=Needs.PERSON,
            ends="rolled_back",
            warns=True,
            remedies=(*DECIDE, RETRY),
        ),
    )
    ABORTED = (
        "Aborted",
        Meaning(END, "The command `abort` was obeyed.", ends="rolled_back", remedies=(RETRY,)),
    )
    REVERTED = (
        "Reverted",
        Meaning(END, "The spec returned to stable.", ends="cancelled", remedies=(RETRY,)),
    )
    SUPERSEDED = "Superseded", Meaning(END, "The spec asks for a third revision.", ends="cancelled")
    UNDONE = (
        "Undone",
        Meaning(END, "The command `undo` was obeyed.", ends="cancelled", remedies=(RETRY,)),
    )
    RETRIED = "Retried", Meaning(END, "The command `retry` was obeyed.")
    # waiting
    AWAITING_PODS = (
        "AwaitingPods",
        Meaning(WAITING, "Pods are not ready yet.", recorded=True, remedies=(PODS, ABORT, UNDO)),
    )
    AWAITING_ROUTE = (
        "AwaitingRoute",
        Meaning(
            WAITING,
            "The gateway has not taken up the route yet.",
            recorded=True,
            remedies=(ROUTE, ABORT),
        ),
    )
    AWAITING_VERDICT = (
        "AwaitingVerdict",
        Meaning(WAITING, "A check is Inconclusive.", remedies=DECIDE),
    )
    AWAITING_PAUSE = "AwaitingPause", Meaning(WAITING, "A pause with a duration.", remedies=DECIDE)
    AWAITING_COMMAND = (
        "AwaitingCommand",
        Meaning(WAITING, "A pause without a duration.", needs=Needs.PERSON, remedies=DECIDE),
    )
    AWAITING_APPROVAL = (
        "AwaitingApproval",
        Meaning(
            WAITING,
            "An approval step: a user with the verb `approve` is awaited.",
            needs=Needs.PERSON,
            remedies=(
                Remedy("Let it pass, which needs the RBAC verb approve", "serinus approve {it}"),
                ABORT,
            ),
        ),
    )
    PAUSED_BY_SPEC = (
        "PausedBySpec",
        Meaning(
            WAITING,
            "`spec.rollout.paused` is true.",
            needs=Needs.PERSON,
            remedies=(
                Remedy("Let the rollout go on", "serinus resume {it}"),
                PROMOTE,
                ABORT,
            ),
        ),
    )
    SCALED_TO_ZERO = (
        "ScaledToZero",
        Meaning(
            WAITING,
            "`replicas` is 0.",
            remedies=(
                Remedy("Give it a pod", "kubectl scale mdep {it} --replicas=1"),
                ABORT,
            ),
        ),
    )
    NO_DATA = (
        "NoData",
        Meaning(
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
        ),
    )
    CANDIDATE_SILENT = (
        "CandidateSilent",
        Meaning(
            WAITING,
            "The candidate answers no requests; its traffic was withdrawn.",
            needs=Needs.REPAIR,
            warns=True,
            remedies=(
                LOG,
                Remedy("Give it its traffic again", "serinus advance {it}"),
                ABORT,
                RETRY,
            ),
        ),
    )
    CANDIDATE_METRICS_UNUSABLE = (
        "CandidateMetricsUnusable",
        Meaning(
            WAITING,
            "What the candidate exports cannot be judged; its traffic was withdrawn.",
            needs=Needs.REPAIR,
            warns=True,
            remedies=(
                LOG,
                Remedy(
                    "Give it its traffic again, once its metrics are mended", "serinus advance {it}"
                ),
                ABORT,
                RETRY,
            ),
        ),
    )
    TRAFFIC_SPLIT_WRONG = (
        "TrafficSplitWrong",
        Meaning(
            WAITING,
            "The candidate gets another share than its weight.",
            needs=Needs.REPAIR,
            remedies=(ROUTES, PROMOTE, ABORT),
        ),
    )
    IMAGES_DIFFER = (
        "ImagesDiffer",
        Meaning(
            WAITING,
            "Pods of one revision run different images, since a tag was moved; no verdict counts "
            "meanwhile.",
            needs=Needs.REPAIR,
            warns=True,
            remedies=(
                Remedy(
                    "See which pod runs which image",
                    f"kubectl describe pods {OF_IT}",
                ),
                Remedy("Name the image by its digest", "kubectl edit mdep {it}"),
                ABORT,
            ),
        ),
    )
    STABLE_POD_DIFFERS = (
        "StablePodDiffers",
        Meaning(
            WAITING,
            "A pod of stable is worse than its other pods.",
            needs=Needs.REPAIR,
            remedies=(DELETE, PROMOTE, ABORT),
        ),
    )
    ONE_POD_TO_BLAME = (
        "OnePodToBlame",
        Meaning(
            WAITING,
            "One pod of the candidate is worse than tolerated.",
            needs=Needs.PERSON,
            remedies=(DELETE, PROMOTE, ABORT),
        ),
    )
    ARMS_DIFFER = (
        "ArmsDiffer",
        Meaning(
            WAITING,
            "The revisions are asked differently.",
            needs=Needs.REPAIR,
            remedies=(ROUTES, PROMOTE, ABORT),
        ),
    )
    METRICS_UNAVAILABLE = (
        "MetricsUnavailable",
        Meaning(
            WAITING,
            "The metrics of a check cannot be read.",
            needs=Needs.METRICS,
            remedies=(
                Remedy("See which query fails, and how", "kubectl describe mdep {it}"),
                *DECIDE,
            ),
        ),
    )
    METRICS_READABLE = "MetricsReadable", Meaning(WAITING, "The metrics of all checks can be read.")
    # a person is needed
    INVALID_SPEC = (
        "InvalidSpec",
        Meaning(
            PERSON_NEEDED,
            "The spec is invalid; the message names the field.",
            needs=Needs.REPAIR,
            ends="cancelled",
            warns=True,
            remedies=(EDIT,),
        ),
    )
    APPROVALS_UNGUARDED = (
        "ApprovalsUnguarded",
        Meaning(
            PERSON_NEEDED,
            "Nobody can approve, since the admission policy is absent.",
            needs=Needs.REPAIR,
            remedies=(
                Remedy(
                    "See whether the policy is there",
                    "kubectl get validatingadmissionpolicies {place}",
                ),
                Remedy("Remove the step", "kubectl edit mdep {it}"),
                ABORT,
            ),
        ),
    )
    NAME_TAKEN = (
        "NameTaken",
        Meaning(
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
        ),
    )
    HISTORY_LOST = (
        "HistoryLost",
        Meaning(
            PERSON_NEEDED,
            "The ControllerRevision of a revision is gone.",
            needs=Needs.REPAIR,
            remedies=(
                Remedy(
                    "See what is left",
                    f"kubectl get controllerrevisions {OF_IT}",
                ),
                Remedy("Restore its model and template", "kubectl edit mdep {it}"),
            ),
        ),
    )
    ROUTE_REFUSED = (
        "RouteRefused",
        Meaning(
            PERSON_NEEDED,
            "The route or its Gateway is not accepted.",
            needs=Needs.REPAIR,
            warns=True,
            recorded=True,
            remedies=(ROUTE, ABORT),
        ),
    )
    ROUTE_CONTESTED = (
        "RouteContested",
        Meaning(
            PERSON_NEEDED,
            "An older route has the same host names at the same Gateway, and gets all requests.",
            needs=Needs.REPAIR,
            remedies=(
                ROUTES,
                Remedy("Give it host names of its own", "kubectl edit mdep {it}"),
            ),
        ),
    )
    CHANGED_BY_OTHERS = (
        "ChangedByOthers",
        Meaning(PERSON_NEEDED, "Something else keeps changing a child object."),
    )
    STATUS_NOT_WRITTEN = (
        "StatusNotWritten",
        Meaning(PERSON_NEEDED, "The API server does not accept the status."),
    )
    INTERNAL_ERROR = (
        "InternalError",
        Meaning(
            PERSON_NEEDED,
            "The operator's own code raises an exception. If that keeps the candidate from being "
            "judged, its traffic is withdrawn.",
            needs=Needs.REPAIR,
            warns=True,
            remedies=(
                Remedy("See which line raises", "kubectl describe mdep {it}"),
                Remedy("Give it its traffic again, once that is mended", "serinus advance {it}"),
                ABORT,
                RETRY,
            ),
        ),
    )
    STATUS_UNREADABLE = (
        "StatusUnreadable",
        Meaning(PERSON_NEEDED, "A part of the status cannot be read, and was dropped.", warns=True),
    )
    FIELDS_UNKNOWN = (
        "FieldsUnknown",
        Meaning(PERSON_NEEDED, "The spec has fields that this version does not know."),
    )
    # other decisions
    AUDIT_FAILED = (
        "AuditFailed",
        Meaning(OTHER, "A check in audit mode failed, which decides nothing."),
    )
    APPROVED = "Approved", Meaning(OTHER, "A step was approved; the message names the approver.")
    COMMAND_OBEYED = "CommandObeyed", Meaning(OTHER, "A command was obeyed.")
    COMMAND_REFUSED = (
        "CommandRefused",
        Meaning(OTHER, "A command was refused; the message says why.", warns=True),
    )
    # monitored between rollouts
    RECORDING_REFERENCE = (
        "RecordingReference",
        Meaning(MONITORED, "The reference is being recorded."),
    )
    WITHIN_REFERENCE = (
        "WithinReference",
        Meaning(MONITORED, "All that is compared is within the tolerance."),
    )
    FEATURES_DRIFTED = "FeaturesDrifted", Meaning(MONITORED, "A feature has drifted.", warns=True)
    PREDICTIONS_DRIFTED = (
        "PredictionsDrifted",
        Meaning(MONITORED, "A class or score range has drifted.", warns=True),
    )
    WITHIN_LIMIT = (
        "WithinLimit",
        Meaning(MONITORED, "The share is not shown to be above its limit, or below it again."),
    )
    ERRORS_ABOVE_LIMIT = (
        "ErrorsAboveLimit",
        Meaning(
            MONITORED, "The share of failed requests is shown to be above its limit.", warns=True
        ),
    )
    FEEDBACK_ABOVE_LIMIT = (
        "FeedbackAboveLimit",
        Meaning(
            MONITORED, "The share of negative feedback is shown to be above its limit.", warns=True
        ),
    )


_MEANINGS: Final = {each.value: each.meaning for each in Reason}


def meaning_of(reason: str) -> Meaning:
    """What is known of a reason in a status, which another version may have written."""
    return _MEANINGS.get(reason, UNKNOWN)
