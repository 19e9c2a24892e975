"""What the conditions mean. A new one without a meaning fails `make generated`."""

from collections.abc import Mapping
from typing import Final

CONDITIONS: Final[Mapping[str, str]] = {
    "Ready": "The revision in the spec serves with all of its pods.",
    "Reconciling": "A rollout goes on, or is paused.",
    "Stalled": "Nothing changes until a person acts.",
    "Available": "Stable has a ready pod and a Gateway that serves.",
    "ModelResolved": "The registry says which version the spec follows; absent if it follows none.",
    "MetricsAvailable": "The metrics of all checks can be read; absent without a candidate.",
    "Drifted": "The inputs of stable differ from their reference; absent if not monitored.",
    "PredictionsDrifted": "The predictions of stable differ from their reference; absent if not "
    "monitored.",
    "ErrorsAboveLimit": "Stable fails more often than its limit; absent if not monitored.",
    "FeedbackAboveLimit": "More feedback on stable is negative than its limit; absent if not "
    "monitored.",
    "ImagesDiffer": "Pods of one revision run different images; absent otherwise.",
    "NodeSuspected": "A pod was bad on a node, and those in its place elsewhere are not; absent "
    "otherwise. It stays until the next rollout.",
    "Overridden": "Something else keeps changing a child object; absent otherwise.",
    "FieldsIgnored": "The spec has fields that this version does not know; absent otherwise.",
    "InternalError": "The operator's own code raises an exception; absent otherwise.",
}
