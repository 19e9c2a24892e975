"""That a policy copies requests to a second revision."""

from serinus.api.spec import Spec


def asked_twice(spec: Spec) -> str:
    """What to make sure of, in a sentence; empty if nothing is copied."""
    if not any(step.gives and step.gives.mirrored for step in spec.rollout.steps):
        return ""
    return (
        "rollout.steps copies requests to the candidate: make sure that it writes, charges and "
        "reports nothing, since stable does the same for the original request"
    )
