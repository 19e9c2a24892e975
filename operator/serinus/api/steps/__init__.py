"""The steps of a rollout. A file a kind."""

from serinus.api.steps.given import Given, Tried
from serinus.api.steps.step import IN_ORDER, KINDS, ORDERED, Step
from serinus.api.steps.weight import RISE

__all__ = ["IN_ORDER", "KINDS", "ORDERED", "RISE", "Given", "Step", "Tried"]
