"""Reasons: the CamelCase identifiers in conditions, holds, decisions and events. They are API."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Machine-readable reasons. Scripts match on these; messages may change, reasons do not."""

    # state of a rollout
    HEALTHY = "Healthy"
    STABLE_SERVES = "StableServes"
    UNAVAILABLE = "Unavailable"
    FIRST_DEPLOYMENT = "FirstDeployment"
    ROLLOUT_STARTED = "RolloutStarted"
    WEIGHT_RAISED = "WeightRaised"
    WEIGHT_LOWERED = "WeightLowered"
    WEIGHT_CHANGED = "WeightChanged"
    PROMOTING = "Promoting"
    PROMOTED = "Promoted"
    GUARDED = "Guarded"
    GUARD_ENDED = "GuardEnded"
    # why it ended
    CHECK_FAILED = "CheckFailed"
    GUARD_FAILED = "GuardFailed"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    TOO_MANY_RESTARTS = "TooManyRestarts"
    READINESS_LOST = "ReadinessLost"
    INCONCLUSIVE = "Inconclusive"
    ABORTED = "Aborted"
    REVERTED = "Reverted"
    SUPERSEDED = "Superseded"
    UNDONE = "Undone"
    RETRIED = "Retried"
    # why it waits
    AWAITING_PODS = "AwaitingPods"
    AWAITING_ROUTE = "AwaitingRoute"
    AWAITING_VERDICT = "AwaitingVerdict"
    AWAITING_PAUSE = "AwaitingPause"
    AWAITING_COMMAND = "AwaitingCommand"
    AWAITING_APPROVAL = "AwaitingApproval"
    APPROVALS_UNGUARDED = "ApprovalsUnguarded"
    PAUSED_BY_SPEC = "PausedBySpec"
    SCALED_TO_ZERO = "ScaledToZero"
    NO_DATA = "NoData"
    CANDIDATE_SILENT = "CandidateSilent"
    CANDIDATE_METRICS_UNUSABLE = "CandidateMetricsUnusable"
    TRAFFIC_SPLIT_WRONG = "TrafficSplitWrong"
    STABLE_POD_DIFFERS = "StablePodDiffers"
    ONE_POD_TO_BLAME = "OnePodToBlame"
    ARMS_DIFFER = "ArmsDiffer"
    IMAGES_DIFFER = "ImagesDiffer"
    IMAGES_ALIKE = "ImagesAlike"
    METRICS_UNAVAILABLE = "MetricsUnavailable"
    METRICS_READABLE = "MetricsReadable"
    # other information
    AUDIT_FAILED = "AuditFailed"
    TAKEN_UP = "TakenUp"
    FIELDS_UNKNOWN = "FieldsUnknown"
    STATUS_UNREADABLE = "StatusUnreadable"
    INTERNAL_ERROR = "InternalError"
    REPAIRED = "Repaired"
    # what is monitored of stable
    RECORDING_REFERENCE = "RecordingReference"
    WITHIN_REFERENCE = "WithinReference"
    FEATURES_DRIFTED = "FeaturesDrifted"
    PREDICTIONS_DRIFTED = "PredictionsDrifted"
    WITHIN_LIMIT = "WithinLimit"
    ERRORS_ABOVE_LIMIT = "ErrorsAboveLimit"
    FEEDBACK_ABOVE_LIMIT = "FeedbackAboveLimit"
    # why it needs a person
    INVALID_SPEC = "InvalidSpec"
    NAME_TAKEN = "NameTaken"
    HISTORY_LOST = "HistoryLost"
    ROUTE_REFUSED = "RouteRefused"
    ROUTE_CONTESTED = "RouteContested"
    CHANGED_BY_OTHERS = "ChangedByOthers"
    STATUS_NOT_WRITTEN = "StatusNotWritten"
    APPROVED = "Approved"
    COMMAND_OBEYED = "CommandObeyed"
    COMMAND_REFUSED = "CommandRefused"


WARNINGS: Final = frozenset(
    {
        Reason.WEIGHT_LOWERED,
        Reason.ROUTE_REFUSED,
        Reason.CHECK_FAILED,
        Reason.GUARD_FAILED,
        Reason.PROGRESS_DEADLINE_EXCEEDED,
        Reason.TOO_MANY_RESTARTS,
        Reason.READINESS_LOST,
        Reason.CANDIDATE_SILENT,
        Reason.IMAGES_DIFFER,
        Reason.CANDIDATE_METRICS_UNUSABLE,
        Reason.INCONCLUSIVE,
        Reason.FEATURES_DRIFTED,
        Reason.PREDICTIONS_DRIFTED,
        Reason.ERRORS_ABOVE_LIMIT,
        Reason.FEEDBACK_ABOVE_LIMIT,
        Reason.INVALID_SPEC,
        Reason.STATUS_UNREADABLE,
        Reason.INTERNAL_ERROR,
        Reason.COMMAND_REFUSED,
    }
)
"""Reasons of decisions whose events have the type Warning."""
