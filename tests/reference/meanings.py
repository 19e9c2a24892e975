"""What the reasons and conditions mean. A new one without a meaning fails `make generated`."""

from collections.abc import Mapping
from typing import Final

from serinus.api.reasons import Reason

CONDITIONS: Final[Mapping[str, str]] = {
    "Ready": "The revision in the spec serves with all of its pods.",
    "Reconciling": "A rollout goes on, or is paused.",
    "Stalled": "Nothing changes until a person acts.",
    "Available": "Stable has a ready pod and a Gateway that serves.",
    "MetricsAvailable": "The metrics of all checks can be read; absent without a candidate.",
    "Drifted": "The inputs of stable differ from their reference; absent if not monitored.",
    "PredictionsDrifted": "The predictions of stable differ from their reference; absent if not "
    "monitored.",
    "ErrorsAboveLimit": "Stable fails more often than its limit; absent if not monitored.",
    "FeedbackAboveLimit": "More feedback on stable is negative than its limit; absent if not "
    "monitored.",
    "ImagesDiffer": "Pods of one revision run different images; absent otherwise.",
    "Overridden": "Something else keeps changing a child object; absent otherwise.",
    "FieldsIgnored": "The spec has fields that this version does not know; absent otherwise.",
    "InternalError": "The operator's own code raises an exception; absent otherwise.",
}

REASONS: Final[Mapping[str, Mapping[Reason, str]]] = {
    "Course of a rollout": {
        Reason.HEALTHY: "The revision in the spec serves with all of its pods.",
        Reason.STABLE_SERVES: "Stable has a ready pod.",
        Reason.UNAVAILABLE: "Stable has no ready pod, or no Gateway that serves.",
        Reason.FIRST_DEPLOYMENT: "The first revision is deployed, without steps.",
        Reason.ROLLOUT_STARTED: "A candidate is rolled out.",
        Reason.WEIGHT_RAISED: "A step raised the candidate's weight.",
        Reason.WEIGHT_LOWERED: "The weight was lowered: pods were lost, or it was not in effect.",
        Reason.WEIGHT_CHANGED: "The weight follows a change of the spec.",
        Reason.PROMOTING: "All steps have passed; the candidate waits for its last pods.",
        Reason.PROMOTED: "The candidate became stable, or is guarded before it does.",
        Reason.GUARDED: "The promoted revision serves, and is guarded (`spec.rollout.guard`).",
        Reason.GUARD_ENDED: "The guard is over, and the promoted revision is stable.",
        Reason.IMAGES_ALIKE: "Each revision's pods run the same images again; the evidence "
        "starts again.",
        Reason.REPAIRED: "A child object that somebody deleted or changed is as it was (an event).",
        Reason.TAKEN_UP: "Objects that existed already were taken up.",
    },
    "End of a rollout": {
        Reason.CHECK_FAILED: "A check has shown that the candidate is worse than tolerated.",
        Reason.GUARD_FAILED: "In the guard, the promoted revision is shown to be worse, answers "
        "nothing, restarts or loses readiness too often, or could not be compared until long after "
        "its end; the previous one took the traffic back.",
        Reason.PROGRESS_DEADLINE_EXCEEDED: "Pods were not ready within `progressDeadline`.",
        Reason.TOO_MANY_RESTARTS: "Containers restarted more often than `maxRestarts` tolerates.",
        Reason.READINESS_LOST: "Pods lost their readiness again and again, or for too long, and "
        "were not replaced.",
        Reason.INCONCLUSIVE: "A step had no verdict within `maxStepDuration`; `onInconclusive` "
        "says what follows.",
        Reason.ABORTED: "The command `abort` was obeyed.",
        Reason.REVERTED: "The spec returned to stable.",
        Reason.SUPERSEDED: "The spec asks for a third revision.",
        Reason.UNDONE: "The command `undo` was obeyed.",
        Reason.RETRIED: "The command `retry` was obeyed.",
    },
    "Waiting": {
        Reason.AWAITING_PODS: "Pods are not ready yet.",
        Reason.AWAITING_ROUTE: "The gateway has not taken up the route yet.",
        Reason.AWAITING_VERDICT: "A check is Inconclusive.",
        Reason.AWAITING_PAUSE: "A pause with a duration.",
        Reason.AWAITING_COMMAND: "A pause without a duration.",
        Reason.AWAITING_APPROVAL: "An approval step: a user with the verb `approve` is awaited.",
        Reason.APPROVALS_UNGUARDED: "An approval step, without the policy that guards approvals.",
        Reason.PAUSED_BY_SPEC: "`spec.rollout.paused` is true.",
        Reason.SCALED_TO_ZERO: "`replicas` is 0.",
        Reason.NO_DATA: "A check has no recent samples.",
        Reason.CANDIDATE_SILENT: "The candidate answers no requests; its traffic was withdrawn.",
        Reason.CANDIDATE_METRICS_UNUSABLE: "What the candidate exports cannot be judged; its "
        "traffic was withdrawn.",
        Reason.TRAFFIC_SPLIT_WRONG: "The candidate gets another share than its weight.",
        Reason.IMAGES_DIFFER: "Pods of one revision run different images, since a tag was moved; "
        "no verdict counts meanwhile.",
        Reason.STABLE_POD_DIFFERS: "A pod of stable is worse than its other pods, or predicts "
        "otherwise.",
        Reason.ONE_POD_TO_BLAME: "One pod of the candidate is worse than tolerated.",
        Reason.ARMS_DIFFER: "The revisions are asked differently.",
        Reason.METRICS_UNAVAILABLE: "The metrics of a check cannot be read.",
        Reason.METRICS_READABLE: "The metrics of all checks can be read.",
    },
    "A person is needed": {
        Reason.INVALID_SPEC: "The spec is invalid; the message names the field.",
        Reason.APPROVALS_UNGUARDED: "Nobody can approve, since the admission policy is absent.",
        Reason.NAME_TAKEN: "Another owner's object has a name that is needed.",
        Reason.HISTORY_LOST: "The ControllerRevision of a revision is gone.",
        Reason.ROUTE_REFUSED: "The route or its Gateway is not accepted.",
        Reason.ROUTE_CONTESTED: "An older route has the same host names at the same Gateway, and "
        "gets all requests.",
        Reason.CHANGED_BY_OTHERS: "Something else keeps changing a child object.",
        Reason.STATUS_NOT_WRITTEN: "The API server does not accept the status.",
        Reason.INTERNAL_ERROR: "The operator's own code raises an exception. If that keeps the "
        "candidate from being judged, its traffic is withdrawn.",
        Reason.STATUS_UNREADABLE: "A part of the status cannot be read, and was dropped.",
        Reason.FIELDS_UNKNOWN: "The spec has fields that this version does not know.",
    },
    "Other decisions": {
        Reason.AUDIT_FAILED: "A check in audit mode failed, which decides nothing.",
        Reason.APPROVED: "A step was approved; the message names the approver.",
        Reason.COMMAND_OBEYED: "A command was obeyed.",
        Reason.COMMAND_REFUSED: "A command was refused; the message says why.",
    },
    "Monitored between rollouts": {
        Reason.RECORDING_REFERENCE: "The reference is being recorded.",
        Reason.WITHIN_REFERENCE: "All that is compared is within the tolerance.",
        Reason.FEATURES_DRIFTED: "A feature has drifted.",
        Reason.PREDICTIONS_DRIFTED: "A class or score range has drifted.",
        Reason.WITHIN_LIMIT: "The share is not shown to be above its limit, or below it again.",
        Reason.ERRORS_ABOVE_LIMIT: "The share of failed requests is shown to be above its limit.",
        Reason.FEEDBACK_ABOVE_LIMIT: "The share of negative feedback is shown to be above its "
        "limit.",
    },
}
