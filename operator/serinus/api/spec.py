"""The spec of a ModelDeployment."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import inf
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Self

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, model_validator

from serinus.api.analysis import Analysis
from serinus.api.base import LABEL, Duration, Holdback, Interval, Type, written
from serinus.api.capabilities import Capability
from serinus.api.checks import kinds_that
from serinus.api.monitoring import Monitoring
from serinus.api.presets import PRESETS
from serinus.api.problem import Problem
from serinus.api.quantities import fraction, seconds
from serinus.api.registry import Reference
from serinus.api.route_rule import MOST_RULES, RULE_SCHEMA, keeps_sessions, of_rules
from serinus.api.steps import IN_ORDER, ORDERED, RISE, Step
from serinus.api.storage import is_downloaded
from serinus.api.template import SOURCE_SCHEMA, TEMPLATE_SCHEMA, VARIABLE_SCHEMA, of_schema

Hostname = Annotated[
    str,
    Field(max_length=253),
    written(
        rf"^(\*\.)?{LABEL}(\.{LABEL})*$",
        "must be a host name such as fraud.example.com or *.example.com",
    ),
]
Name = Annotated[
    str,
    Field(max_length=253),
    written(
        rf"^{LABEL}(\.{LABEL})*$", "a name must consist of lower-case letters, digits, dots and -"
    ),
]
Namespace = Annotated[
    str,
    Field(max_length=63),
    written(f"^{LABEL}$", "a namespace must consist of lower-case letters, digits and -"),
]


_ALIAS: Final = written(
    "^[A-Za-z0-9_][-A-Za-z0-9_.]*$", "must consist of letters, digits, _, - and dots"
)


class OnRollback(Type):
    """What else is written to the registry when a version is rolled back."""

    set_alias: Annotated[str, Field(max_length=128), _ALIAS] = Field(
        description="Alias that is set to the version; not the followed one, and one of the "
        "rollbackAliases in the operator's configuration of the registry."
    )


class TellBack(Type):
    """The outcome of each version that is promoted or rolled back is written to the registry, as
    the version's tags serinus.outcome, serinus.reason, serinus.message, serinus.time and
    serinus.object."""

    on_rollback: OnRollback | None = Field(
        default=None, description="What else is written when a version is rolled back."
    )


_FOLLOWED_ALIAS: Final = "tellBack.onRollback.setAlias must not be the alias that is followed"


class FollowedModel(Type):
    """An alias in a model registry that the administrator of Serinus has set up."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.tellBack) || !has(self.tellBack.onRollback) || "
                    "self.tellBack.onRollback.setAlias.lowerAscii() != self.alias.lowerAscii()",
                    "message": _FOLLOWED_ALIAS,
                }
            ]
        }
    )

    name: Annotated[
        str,
        Field(max_length=63),
        written(f"^{LABEL}$", "a registry's name must consist of lower-case letters, digits and -"),
    ] = Field(description="Name of the registry, as the operator knows it.")
    model: Annotated[
        str,
        Field(max_length=255),
        written(
            "^[A-Za-z0-9]+(([-_]+|[. /])[A-Za-z0-9]+)*$",
            "must be the name of a registered model, or the path of a repository, without a host",
        ),
    ] = Field(description="Name of the registered model in MLflow; the repository in OCI.")
    alias: Annotated[str, Field(max_length=128), _ALIAS] = Field(
        description="Alias of the version in MLflow; the tag in OCI."
    )
    tell_back: TellBack | None = Field(
        default=None,
        description="Write the outcome of each version's rollout to the registry; needs writeBack "
        "in the operator's configuration of the registry. Nothing is written if unset.",
    )

    @model_validator(mode="after")
    def _never_the_followed_alias(self) -> Self:
        moved = self.tell_back and self.tell_back.on_rollback
        if moved and moved.set_alias.lower() == self.alias.lower():
            raise ValueError(_FOLLOWED_ALIAS)
        return self

    @property
    def reference(self) -> Reference:
        """What the registry is asked."""
        return Reference(self.name, self.model, self.alias)


class Model(Type):
    """The model that the pods serve. A change creates a new revision."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.registry) || !(has(self.storageUri) || has(self.version))",
                    "message": "registry replaces storageUri and version: remove these",
                }
            ]
        }
    )

    registry: FollowedModel | None = Field(
        default=None,
        description="The version that an alias in a registry names, instead of storageUri and "
        "version. Once the alias names another version, that one is rolled out.",
    )
    storage_uri: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="Location of the model, passed to each container as MODEL_URI. "
        "pvc://claim/path and oci://image are mounted at /mnt/models. s3://, gs://, hf://, "
        "https://, http:// and models:/name/version are downloaded there before the containers "
        "start, if the operator has a storage initializer; otherwise the server downloads them.",
    )
    version: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        default=None,
        description="Name of this version, passed to each container as MODEL_VERSION.",
    )
    env: Annotated[
        list[Annotated[dict[str, Any], Field(json_schema_extra=VARIABLE_SCHEMA)]],
        Field(max_length=100),
    ] = Field(
        default_factory=list,
        description="Environment variables of the container that downloads the model, as in a "
        "Pod; take secrets from a Secret, by valueFrom.",
    )
    env_from: Annotated[
        list[Annotated[dict[str, Any], Field(json_schema_extra=SOURCE_SCHEMA)]],
        Field(max_length=16),
    ] = Field(
        default_factory=list,
        description="Secrets and ConfigMaps whose keys become environment variables of the "
        "container that downloads the model, as in a Pod.",
    )

    def problems(self) -> Iterator[Problem]:
        """An environment for a download that does not take place; and what the API server would
        reject in it."""
        for field, schema, given in (
            ("env", VARIABLE_SCHEMA, self.env),
            ("envFrom", SOURCE_SCHEMA, self.env_from),
        ):
            for index, each in enumerate(given):
                yield from of_schema(schema, each, f"{field}[{index}]")
            if given and self.storage_uri is not None and not is_downloaded(self.storage_uri):
                message = "is for a model that is downloaded, and this storageUri is not"
                yield Problem(field, message)


class ParentRef(Type):
    """A Gateway that the route attaches to."""

    name: Name = Field(description="Name of the Gateway.")
    namespace: Namespace | None = Field(
        default=None,
        description="Namespace of the Gateway; defaults to that of the ModelDeployment.",
    )
    section_name: Name | None = Field(
        default=None, description="A listener of the Gateway; defaults to all."
    )
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Port of the listeners; defaults to all."
    )


RouteKind = Literal["HTTPRoute", "GRPCRoute"]


class Gateway(Type):
    """Traffic split by weights in a route of the Gateway API, which Serinus owns."""

    capabilities: ClassVar = frozenset(Capability)

    kind: RouteKind | None = Field(
        default=None,
        description="Kind of the route; defaults to HTTPRoute, which splits gRPC calls too. The "
        "rules of a GRPCRoute match by service and method.",
    )

    parent_refs: Annotated[list[ParentRef], Field(min_length=1, max_length=8)] = Field(
        description="Gateways that the route attaches to."
    )
    hostnames: Annotated[list[Hostname], Field(max_length=16)] = Field(
        default_factory=list,
        description="Host names that the route serves, such as fraud.example.com or *.example.com; "
        "defaults to all.",
    )
    rules: Annotated[
        list[Annotated[dict[str, Any], Field(json_schema_extra=RULE_SCHEMA)]],
        Field(max_length=MOST_RULES),
    ] = Field(
        default_factory=list,
        description="Rules of the route, as in an HTTPRoute or GRPCRoute, each split by the same "
        "weights; defaults to one for all requests. The gateway refuses requests that match none.",
    )

    @property
    def route_kind(self) -> RouteKind:
        """Kind of the route."""
        return self.kind or "HTTPRoute"

    def serves(self, host: str) -> bool:
        """Whether clients may ask this host name."""
        return not self.hostnames or any(
            host == each or (each.startswith("*.") and host.endswith(each[1:]))
            for each in self.hostnames
        )

    def problems(self, namespace: str) -> Iterator[Problem]:
        """The Gateway API's own rule: two references to one Gateway must name different listeners;
        and what is wrong with the rules. `namespace` is the ModelDeployment's."""
        listeners: dict[tuple[str, str], list[tuple[str | None, int | None]]] = {}
        for index, reference in enumerate(self.parent_refs):
            parent = (reference.namespace or namespace, reference.name)
            earlier = listeners.setdefault(parent, [])
            listener = (reference.section_name, reference.port)
            if not all(map(partial(_differs, listener), earlier)):
                listed = f"Gateway {'/'.join(parent)} is listed twice"
                message = f"{listed}; set a different sectionName for each"
                yield Problem(f"parentRefs[{index}]", message)
            earlier.append(listener)
        yield from of_rules(self.rules, "rules")


def _differs(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Two listeners of a Gateway may be listed: they are named by the same fields, in other
    words."""
    return one != other and [each is None for each in one] == [each is None for each in other]


ROUTER_SETTINGS: Final[Mapping[str, type[Gateway]]] = {"gateway": Gateway}
"""The settings of each router, by the field of Traffic that has them."""
_OF_THE_SERVICE: Final = frozenset({Capability.WEIGHTS})
"""What the Service alone can do."""


class Traffic(Type):
    """How requests reach the pods."""

    gateway: Gateway | None = Field(
        default=None,
        description="Split traffic by weight at a Gateway. Without a gateway, the Service splits "
        "it by the number of pods, and weights are rounded accordingly.",
    )

    @property
    def router(self) -> str | None:
        """The field of the router that is asked for; None: the Service splits the traffic."""
        return next((name for name in ROUTER_SETTINGS if getattr(self, name) is not None), None)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Of that router."""
        return ROUTER_SETTINGS[self.router].capabilities if self.router else _OF_THE_SERVICE

    @property
    def keeps_sessions(self) -> bool:
        """Whether a client may stay with the revision that it got first, as the rules ask for."""
        return self.gateway is not None and any(map(keeps_sessions, self.gateway.rules))

    def lacks(self, needs: frozenset[Capability]) -> str:
        """What is needed and that router cannot do, with the remedy; empty: it can do all."""
        missing = sorted(needs - self.capabilities)
        if not missing:
            return ""
        able = [
            f"spec.traffic.{name}"
            for name, each in ROUTER_SETTINGS.items()
            if needs <= each.capabilities
        ]
        asked = f"spec.traffic.{self.router}" if self.router else "the Service alone"
        remedy = f"use {' or '.join(able)}, or remove it" if able else "remove it"
        return f"needs a router that can {' and '.join(missing)}, and {asked} cannot: {remedy}"

    def problems(self, namespace: str) -> Iterator[Problem]:
        """Problems that neither the schema nor CEL can express, in this namespace."""
        if self.router is not None:
            found = getattr(self, self.router).problems(namespace)
            yield from (each.below(self.router) for each in found)


class GuardAfterPromotion(Type):
    """How a promoted revision is still compared with the one before it. Defaults are not stored in
    the object, since they would keep the guard after a server-side apply that removes it."""

    duration: Interval | None = Field(
        default=None,
        description="How long the previous revision keeps its pods and a part of the traffic; "
        "defaults to 24h.",
    )
    holdback: Holdback | None = Field(
        default=None,
        description="Percentage of the traffic that stays with the previous revision, 1% to 50%; "
        "defaults to 5%. Without a gateway it keeps as many pods as come closest to that, at least "
        "one.",
    )

    @property
    def seconds(self) -> float:
        """Its duration."""
        return seconds(self.duration or "24h")

    @property
    def percent(self) -> int:
        """What is held back."""
        return round(100 * fraction(self.holdback or "5%"))


_ATMOST_AND_STEPS: Final = "atMost chooses the weights; leave out steps, or atMost"


class AtMost(Type):
    """What a bad candidate may cost."""

    failed_requests: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="Requests of clients that may fail until a candidate with 2, 5 or 100 times "
        "stable's errors is rolled back, as it is expected from stable's last hour.",
    )


class StepChoice(NamedTuple):
    """By what the weights of a rollout are chosen whose spec has no steps."""

    within: float
    """Seconds in which it should end."""
    may_fail: float = math.inf
    """Requests of clients that a bad candidate may fail; infinity: any number."""


class Rollout(Type):
    """How a new revision is rolled out."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": RISE,
                    "message": "the weights of steps must increase",
                    "fieldPath": ".steps",
                },
                {"rule": ORDERED, "message": IN_ORDER, "fieldPath": ".steps"},
                {
                    "rule": "!has(self.atMost) || !has(self.steps)",
                    "message": _ATMOST_AND_STEPS,
                    "fieldPath": ".atMost",
                },
            ]
        }
    )

    steps: Annotated[list[Step], Field(max_length=32)] = Field(
        default=Step.usual(),
        description="Steps before the candidate is promoted. Without this field their weights are "
        "5, 25 and 50, or, where stable's last hour shows that this would take longer than target, "
        "10, 25 and 50, 25 and 50, or 50 alone. With an empty list the candidate is promoted as "
        "soon as its pods are ready.",
    )
    target: Interval = Field(
        default="30m",
        description="Time in which a rollout without steps of its own should end, if the candidate "
        "is as good as stable.",
    )
    at_most: AtMost | None = Field(
        default=None,
        description="Without steps: choose a first weight at which a bad candidate costs no more, "
        "even if the rollout then takes longer than target. If none of the first weights is small "
        "enough, 5% is taken, and the message says so.",
    )
    analysis: Analysis = Field(
        default=Analysis(), description="How the candidate is analysed while it gets traffic."
    )
    guard: GuardAfterPromotion | None = Field(
        default=None,
        description="A guard after the promotion; disabled by default. The previous revision keeps "
        "a part of the traffic for a time, and the checks go on, without "
        f"{kinds_that(lambda kind: not kind.serves_a_guard(inf))}, and without "
        f"{kinds_that(lambda kind: kind.shortest_guard > 0)} if it lasts less than an hour. If the "
        "new revision is shown to be worse, the previous one takes all traffic back, and the new "
        "one is rejected. Behind a gateway both run at full size meanwhile.",
    )
    progress_deadline: Interval = Field(
        default="10m",
        description="How long required pods may be missing, from when they were lost or "
        "requested, and how long pods that were ready may be unready in total over the "
        "rollout. When this time is exceeded, the rollout is rolled back. In a guard, how long "
        "each pod may be unready on average.",
    )
    max_restarts: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=3,
        description="Tolerated number of restarts of the candidate's containers over the whole "
        "rollout, in addition to those of as many stable pods in the same time. One more rolls "
        "back. In a rollout of many hours, restarts are forgiven with time. In a guard these are "
        "tolerated in any case, and more of them if they are not shown to be more than twice as "
        "frequent as those of the previous revision. Sidecars count, other init containers do not.",
    )
    scale_down_delay: Duration = Field(
        default="30s",
        description="How long the pods of a revision keep running once no route in effect "
        "leads to them.",
    )
    paused: bool = Field(
        default=False,
        description="Pause rollouts at their present weight: no step passes and nothing is "
        "promoted, with or without steps. A new revision still starts, at the weight of the first "
        "step. Checks and the progress deadline stay active and can roll back. First deployments "
        "and commands are not affected.",
    )

    @property
    def step_choice(self) -> StepChoice | None:
        """By what the weights are chosen; None: the spec has steps."""
        if "steps" in self.model_fields_set:
            return None
        may_fail = math.inf if self.at_most is None else self.at_most.failed_requests
        return StepChoice(seconds(self.target), may_fail)

    @model_validator(mode="after")
    def _at_most_chooses(self) -> Self:
        if self.at_most is not None and "steps" in self.model_fields_set:
            raise ValueError(f"atMost: {_ATMOST_AND_STEPS}")
        return self

    @model_validator(mode="after")
    def _weights_rise(self) -> Self:
        given = [step.gives for step in self.steps if step.gives is not None]
        weights = [each.weight for each in given if each.weight]
        if any(later <= earlier for earlier, later in itertools.pairwise(weights)):
            raise ValueError("the weights of steps must increase")
        ranks = [each.rank for each in given]
        if ranks != sorted(ranks):
            raise ValueError(IN_ORDER)
        return self


DEFAULT_CLASS: Final = "default"
"""The class of ModelDeployments and operators without a class."""

ClassName = Annotated[
    str,
    Field(max_length=40),
    written(f"^{LABEL}$", "a class must consist of lower-case letters, digits and -"),
]


_SERVED: Final = "c == h || (c.startsWith('*.') && h.endsWith(c.substring(1)))"
_TRIED_APART: Final = (
    "!has(self.traffic) || !has(self.traffic.gateway) || !has(self.rollout) || "
    "!has(self.rollout.steps) || self.rollout.steps.all(s, !has(s.preview) || "
    "!has(s.preview.hostnames) || (has(self.traffic.gateway.hostnames) && "
    "self.traffic.gateway.hostnames.size() > 0 && s.preview.hostnames.all(h, "
    f"!self.traffic.gateway.hostnames.exists(c, {_SERVED}))))"
)
OF_CLIENTS: Final = (
    "a host name of a preview must not be one that clients use: list those in "
    "spec.traffic.gateway.hostnames, since without it clients may use every host name"
)


class Spec(Type):
    """The desired state of a model deployment."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": _TRIED_APART, "message": OF_CLIENTS, "fieldPath": ".rollout.steps"}
            ]
        }
    )

    class_: ClassName | None = Field(
        default=None,
        alias="class",
        description="Class of the operator that acts on this object, if several operators are "
        "installed. Defaults to default.",
    )
    model: Model | None = Field(
        default=None,
        description="The model that the pods serve, if the image does not contain it.",
    )
    replicas: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=1,
        description="Number of pods for all of the traffic; kubectl scale sets it too.",
    )
    template: Annotated[dict[str, Any], Field(json_schema_extra=TEMPLATE_SCHEMA)]
    traffic: Traffic = Field(default=Traffic(), description="How requests reach the pods.")
    rollout: Rollout = Field(default=Rollout(), description="How a new revision is rolled out.")
    monitoring: Monitoring | None = Field(
        default=None,
        description="Continuous monitoring of the stable revision; disabled by default.",
    )
    revision_history_limit: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10, description="Number of revisions kept for undo, in addition to running ones."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _monitored_by_preset(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """With a preset of the analysis, metrics omitted in monitoring come from the preset."""
        spec = handler(data)
        preset = spec.rollout.analysis.preset
        if spec.monitoring is None or preset is None:
            return spec
        return spec.filled(monitoring=spec.monitoring.completed(PRESETS[preset]))

    @model_validator(mode="wrap")
    @classmethod
    def _split_is_checked(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Where connections or sessions are split, and not requests, a few may be far off."""
        spec = handler(data)
        each_request = Capability.EACH_REQUEST in spec.traffic.capabilities
        if not each_request or spec.traffic.keeps_sessions:
            return spec
        analysis = spec.rollout.analysis.with_split_checked()
        return spec.filled(rollout=spec.rollout.filled(analysis=analysis))
