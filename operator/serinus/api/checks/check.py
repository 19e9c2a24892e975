"""A check: a name, and the settings of one kind."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_snake

from serinus.api.base import Type, written
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.fairness import Fairness
from serinus.api.checks.feedback import Feedback
from serinus.api.checks.latency import Latency
from serinus.api.checks.prediction_drift import PredictionDrift
from serinus.api.checks.server import ServerMetrics
from serinus.api.checks.settings import Settings
from serinus.api.checks.threshold import Threshold
from serinus.api.checks.traffic_share import TrafficShare
from serinus.api.preset_files import PresetName

CheckName = Annotated[
    str,
    Field(max_length=63),
    written(
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "a check's name must consist of lower-case letters, digits and -",
    ),
]


Mode = Literal["Enforce", "Audit"]
"""Whether a check decides, in the words of policy engines for Kubernetes."""

KINDS: Final[Mapping[str, type[Settings]]] = {
    "errorRate": ErrorRate,
    "fairness": Fairness,
    "feedback": Feedback,
    "latency": Latency,
    "predictionDrift": PredictionDrift,
    "threshold": Threshold,
    "trafficShare": TrafficShare,
}
"""Every kind of check, by its key in a manifest; each has a field of Check."""


def kinds_that(match: Callable[[type[Settings]], bool], last: str = "and") -> str:
    """The kinds whose settings match, as a list in a sentence: `latency and trafficShare`."""
    *others, final = [kind for kind, settings in KINDS.items() if match(settings)]
    return f" {last} ".join(filter(None, (", ".join(others), final)))


_FIELDS: Final = {kind: to_snake(kind) for kind in KINDS}
_ONE_KIND: Final = f"a check must have exactly one of {', '.join(KINDS)}"


class Check(Type):
    """A check of the candidate. Set exactly one kind."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": f"[{', '.join(f'has(self.{kind})' for kind in KINDS)}]"
                    ".filter(x, x).size() == 1",
                    "message": _ONE_KIND,
                }
            ]
        }
    )

    name: CheckName = Field(description="Name of the check, shown in status and events.")
    mode: Mode = Field(
        default="Enforce",
        description="Enforce: every step must pass the check, and a failure rolls back or holds. "
        "Audit: the check is judged and shown, and decides nothing; the decisions say what it "
        "would have done.",
    )
    weight: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Share of the false-rollback budget, relative to the other checks."
    )
    preset: PresetName | None = Field(
        default=None,
        description="The server or proxy whose metrics this check reads by default, in place of "
        "that of the analysis: such as the gateway in front of the model.",
    )
    error_rate: ErrorRate | None = Field(
        default=None, description="Share of failed requests, candidate compared with stable."
    )
    fairness: Fairness | None = Field(
        default=None, description="Groups of the candidate, compared with each other."
    )
    feedback: Feedback | None = Field(
        default=None,
        description="Share of negative outcomes that users report, candidate compared with stable.",
    )
    latency: Latency | None = Field(
        default=None, description="Share of slow requests, candidate compared with stable."
    )
    prediction_drift: PredictionDrift | None = Field(
        default=None, description="Distribution of predictions, candidate compared with stable."
    )
    threshold: Threshold | None = Field(
        default=None,
        description="Value of a query, compared with bounds; no statistical guarantee.",
    )
    traffic_share: TrafficShare | None = Field(
        default=None,
        description="The candidate's share of requests, compared with its weight. Holds the "
        "rollout, and never rolls back.",
    )

    @property
    def decides(self) -> bool:
        """Whether a rollout depends on it."""
        return self.mode == "Enforce"

    @cached_property
    def kind(self) -> str:
        """The key that is set, such as errorRate."""
        return next(iter(self.kinds()))

    @cached_property
    def settings(self) -> Settings:
        """Those of its kind."""
        return self.kinds()[self.kind]

    def kinds(self) -> dict[str, Settings]:
        """The keys that are set, with their settings."""
        found = ((kind, getattr(self, field)) for kind, field in _FIELDS.items())
        return {kind: settings for kind, settings in found if settings is not None}

    def completed(self, server: ServerMetrics) -> Self:
        """The check, with what its user left out as this server has it, so far as it does."""
        kinds = self.kinds().items()
        return self.replace(**{_FIELDS[kind]: each.completed(server) for kind, each in kinds})

    @cached_property
    def digest(self) -> str:
        """12 characters that stand for kind and settings; others give other ones."""
        settings = {kind: value.to_json() for kind, value in self.kinds().items()}
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __hash__(self) -> int:
        """Its settings have lists, which have none."""
        return hash(self.digest)

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> Self:
        if len(self.kinds()) != 1:
            raise ValueError(_ONE_KIND)
        return self
