"""What a user asks for: the spec of a ModelDeployment."""

import itertools
from collections.abc import Iterator
from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, model_validator

from serinus.api.analysis import Analysis
from serinus.api.base import CelRule, Duration, Interval, Type, Written
from serinus.api.monitoring import Monitoring
from serinus.api.problem import Problem
from serinus.api.template import TEMPLATE_SCHEMA

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Hostname = Annotated[
    str,
    Field(max_length=253),
    Written(
        rf"^(\*\.)?{_LABEL}(\.{_LABEL})*$",
        "a host name is written like fraud.example.com or *.example.com",
    ),
]
Name = Annotated[
    str,
    Field(max_length=253),
    Written(rf"^{_LABEL}(\.{_LABEL})*$", "a name has lower-case letters, digits, - and . only"),
]
Namespace = Annotated[
    str,
    Field(max_length=63),
    Written(f"^{_LABEL}$", "a namespace has lower-case letters, digits and - only"),
]


class Model(Type):
    """Which model the pods serve; changing it makes a new revision."""

    storage_uri: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="Location of the model, passed to each container as MODEL_URI. "
        "pvc://claim/path and oci://image are mounted at /mnt/models.",
    )
    version: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        default=None,
        description="Name of this version, passed to each container as MODEL_VERSION.",
    )


class ParentRef(Type):
    """A Gateway that the route attaches to."""

    name: Name = Field(description="Name of the Gateway.")
    namespace: Namespace | None = Field(
        default=None,
        description="Namespace of the Gateway; by default that of the ModelDeployment.",
    )
    section_name: Name | None = Field(
        default=None, description="A listener of the Gateway; all if left out."
    )


class Gateway(Type):
    """Weights in an HTTPRoute of the Gateway API, which Serinus owns entirely."""

    parent_refs: Annotated[list[ParentRef], Field(min_length=1, max_length=8)] = Field(
        description="Gateways that the route attaches to."
    )
    hostnames: Annotated[list[Hostname], Field(max_length=16)] = Field(
        default_factory=list,
        description="Host names that the route serves, *.example.com for all below one; all if "
        "empty.",
    )

    def problems(self, namespace: str) -> Iterator[Problem]:
        """The Gateway API's own rule: two references to one Gateway must name different listeners.

        `namespace` is the ModelDeployment's.
        """
        sections: dict[tuple[str, str], list[str | None]] = {}
        for index, reference in enumerate(self.parent_refs):
            parent = (reference.namespace or namespace, reference.name)
            earlier, section = sections.setdefault(parent, []), reference.section_name
            if earlier and (section is None or {None, section} & {*earlier}):
                named = f"Gateway {'/'.join(parent)} is named before"
                message = f"{named}; give each a sectionName of its own"
                yield Problem(f"parentRefs[{index}]", message)
            earlier.append(section)


class Traffic(Type):
    """How requests reach the pods."""

    gateway: Gateway | None = Field(
        default=None,
        description="Split traffic by weight at a Gateway. If left out, the Service splits it "
        "by the number of pods, and weights are only as fine as that number "
        "allows.",
    )

    def problems(self, namespace: str) -> Iterator[Problem]:
        """What neither schema nor CEL can say, for a ModelDeployment of this namespace."""
        if self.gateway is not None:
            yield from (each.below("gateway") for each in self.gateway.problems(namespace))


class Pause(Type):
    """A wait."""

    duration: Duration | None = Field(
        default=None, description="How long to wait; if left out, until the command advance."
    )


MOST_WEIGHT: Final = 99
ALL_TRAFFIC: Final = (
    "must be 99 at most: the candidate is compared with stable, which needs traffic too. Leave "
    "this step out: after the last step the candidate is promoted and takes all traffic"
)
"""What a refusal of weight 100 says, by the API server and here alike."""


class Step(Type):
    """One step of a rollout; exactly one key."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "[has(self.setWeight), has(self.pause)].filter(x, x).size() == 1",
                    "message": "a step has exactly one key: setWeight or pause",
                }
            ]
        }
    )

    set_weight: (
        Annotated[int, Field(ge=1, le=100), CelRule(f"self <= {MOST_WEIGHT}", ALL_TRAFFIC)] | None
    ) = Field(
        default=None,
        description="Percent of the traffic that the candidate takes from here on, 1 to 99. After "
        "the last step it is promoted and takes all.",
    )
    pause: Pause | None = Field(default=None, description="Stay at this weight before going on.")

    @model_validator(mode="after")
    def _exactly_one_key(self) -> Self:
        if (self.set_weight is None) == (self.pause is None):
            raise ValueError("a step has exactly one key: setWeight or pause")
        return self


class Rollout(Type):
    """How a new revision takes over."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.steps) || "
                    "self.steps.filter(s, has(s.setWeight)).map(s, s.setWeight).isSorted() && "
                    "self.steps.filter(s, has(s.setWeight)).all(s, "
                    "self.steps.exists_one(t, has(t.setWeight) && t.setWeight == s.setWeight))",
                    "message": "the weights of steps must rise from step to step",
                    "fieldPath": ".steps",
                }
            ]
        }
    )

    steps: Annotated[list[Step], Field(max_length=32)] = Field(
        default=[Step(set_weight=weight) for weight in (5, 25, 50)],
        description="What happens before the candidate is promoted; weights of 5, 25 and 50 if "
        "left out. An empty list promotes as soon as its pods are ready.",
    )
    analysis: Analysis = Field(
        default=Analysis(), description="How the candidate is judged while it takes traffic."
    )
    progress_deadline: Interval = Field(
        default="10m",
        description="How long pods may be missing that the weight needs, from when they went "
        "missing or were asked for, and how long pods that had been ready may be unready in sum "
        "over the whole rollout; then the rollout is rolled back.",
    )
    max_restarts: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=3,
        description="Restarts of the candidate's containers, over the whole rollout and beyond "
        "what as many pods of stable restart meanwhile, that are tolerated; one more rolls back. "
        "Sidecars count, init containers that run to their end do not.",
    )
    scale_down_delay: Duration = Field(
        default="30s",
        description="How long the pods of a revision keep running once no route that is in "
        "effect leads to them.",
    )
    paused: bool = Field(
        default=False,
        description="Hold every rollout at its weight: no step is passed and nothing is promoted, "
        "with or without steps. A new revision still starts, at the weight of the first step. "
        "Checks and the progress deadline go on, and may roll back. First deployments and commands "
        "are not held.",
    )

    @model_validator(mode="after")
    def _weights_rise(self) -> Self:
        weights = [step.set_weight for step in self.steps if step.set_weight is not None]
        if any(later <= earlier for earlier, later in itertools.pairwise(weights)):
            raise ValueError("the weights of steps must rise from step to step")
        return self


DEFAULT_CLASS: Final = "default"
"""The class of a ModelDeployment that names none, and of an operator that is given none."""

ClassName = Annotated[
    str,
    Field(max_length=40),
    Written(f"^{_LABEL}$", "a class has lower-case letters, digits and - only"),
]


class Spec(Type):
    """The desired state of a model deployment."""

    class_: ClassName | None = Field(
        default=None,
        alias="class",
        description="Class of the operator that acts on this object, where several are "
        "installed. Defaults to the operator of the class default.",
    )
    model: Model | None = Field(
        default=None,
        description="The model that the pods serve, if it is not part of the image.",
    )
    replicas: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=1,
        description="Number of pods that serve all of the traffic; also set by kubectl scale.",
    )
    template: Annotated[dict[str, Any], Field(json_schema_extra=TEMPLATE_SCHEMA)]
    traffic: Traffic = Field(default=Traffic(), description="How requests reach the pods.")
    rollout: Rollout = Field(default=Rollout(), description="How a new revision takes over.")
    monitoring: Monitoring | None = Field(
        default=None,
        description="Continuous monitoring of the stable revision; none if left out.",
    )
    revision_history_limit: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10, description="Number of revisions kept for undo, in addition to those that run."
    )
