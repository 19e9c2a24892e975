"""What people may type about the state of a rollout, as reasons propose it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that a person can do."""

    does: str
    command: str
    """In the table with {it} for the name and its namespace, {place} for the namespace, {name},
    {revision}, {stable}, {pods}, {route} for the kind of the route, and {object}; left out if
    there is no value for one of them."""


ABORT: Final = Remedy("Roll back", "serinus abort {it}")
ADVANCE: Final = Remedy("End the step", "serinus advance {it}")
PROMOTE: Final = Remedy("Skip the remaining steps", "serinus promote {it}")
RETRY: Final = Remedy("Roll the revision out again", "serinus retry {it}")
EDIT: Final = Remedy("Correct the spec", "kubectl edit mdep {it}")
OF_IT: Final = "{place} --selector=serinus.dev/name={name}"
ITS_PODS: Final = f"{OF_IT},serinus.dev/revision={{revision}}"
PODS: Final = Remedy("See why pods are not ready", f"kubectl describe pods {ITS_PODS}")
STABLE_PODS: Final = Remedy(
    "See why stable's pods are not ready",
    f"kubectl describe pods {OF_IT},serinus.dev/revision={{stable}}",
)
LOG: Final = Remedy("Read what they log", f"kubectl logs {ITS_PODS} --all-containers")
ROUTE: Final = Remedy("See what its gateway says", "kubectl describe {route} {it}")
ROUTES: Final = Remedy(
    "See which other routes lead to it", "kubectl get httproutes,services {place}"
)
DELETE: Final = Remedy("Replace the pod", "kubectl delete pods {place} {pods}")
UNDO: Final = Remedy("Return to the former revision", "serinus undo {it}")
DECIDE: Final = (ADVANCE, PROMOTE, ABORT)
