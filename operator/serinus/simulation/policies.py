"""Other policies for a rollout, to be compared with its own."""

from dataclasses import dataclass
from typing import Final

from serinus.api.spec import Rollout
from serinus.api.steps import Step

TARGETS: Final = ("30m", "2h")
WEIGHTS: Final = ((5, 25, 50), (50,))
"""Percent."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a revision may be rolled out."""

    name: str
    rollout: Rollout


def policies(rollout: Rollout) -> list[Policy]:
    """The policy as it is, and others that trade time for requests of clients. What comes to the
    same as an earlier one is left out."""
    offered = [Policy("as in the manifest", rollout)]
    for target in TARGETS:
        offered.append(Policy(f"no steps, target {target}", _without_steps(rollout, target)))
    for weights in WEIGHTS:
        shown = ", ".join(f"{weight}%" for weight in weights)
        own = rollout.replace(steps=Step.of_weights(weights), at_most=None)
        offered.append(Policy(f"steps {shown}", own))
    return [each for number, each in enumerate(offered) if not _is_among(each, offered[:number])]


def _without_steps(rollout: Rollout, target: str) -> Rollout:
    written = rollout.model_dump(mode="json", by_alias=True, exclude_unset=True)
    written.pop("steps", None)
    return Rollout.model_validate({**written, "target": target})


def _is_among(policy: Policy, others: list[Policy]) -> bool:
    alike = policy.rollout.step_choice, policy.rollout.steps
    return alike in [(each.rollout.step_choice, each.rollout.steps) for each in others]
