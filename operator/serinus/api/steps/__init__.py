"""The steps of a rollout. A file a kind."""

from serinus.api.steps.step import KINDS, Step
from serinus.api.steps.weight import RISE

__all__ = ["KINDS", "RISE", "Step"]
