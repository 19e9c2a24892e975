"""A step: the settings of one kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_snake

from serinus.api.base import Type
from serinus.api.capabilities import Capability
from serinus.api.problem import Problem
from serinus.api.steps.approval import Approval
from serinus.api.steps.given import Given
from serinus.api.steps.job import Job
from serinus.api.steps.mirror import Mirror
from serinus.api.steps.pause import Pause
from serinus.api.steps.preview import Preview
from serinus.api.steps.weight import NEEDS, SetWeight, gives, too_much


def _nothing(_: Any) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of step, as far as manifests go."""

    needs: Callable[[Any], frozenset[Capability]] = lambda _: frozenset()
    """Of the router."""
    problems: Callable[[Any], Iterator[Problem]] = _nothing
    """What the schema does not say of its settings."""
    gives: Callable[[Any], Given] | None = None
    """What the candidate is given from this step on; None: the same as before."""
    mounts_model: Callable[[Any], bool] = lambda _: False
    """Whether what it runs finds the model where the candidate's pods have it."""
    order: str = ""
    """How much a step `s` gives, as a number in CEL; empty: the same as before."""


KINDS: Final[Mapping[str, Kind]] = {
    "preview": Kind(
        lambda preview: preview.needs,
        Preview.problems,
        gives=lambda preview: preview.gives,
        order="0",
    ),
    "mirror": Kind(
        lambda mirror: mirror.needs, gives=lambda mirror: mirror.gives, order="s.mirror.percent"
    ),
    "setWeight": Kind(lambda _: NEEDS, too_much, gives, order="100 + s.setWeight"),
    "pause": Kind(),
    "approval": Kind(),
    "job": Kind(problems=Job.problems, mounts_model=lambda job: job.mount_model),
}
"""Every kind of step by its key in a manifest; each has a field of Step."""
*_OTHERS, _LAST = KINDS
ONE_KEY: Final = f"a step must have exactly one of {', '.join(_OTHERS)} and {_LAST}"

_GIVING: Final = {kind: each.order for kind, each in KINDS.items() if each.order}
*_FIRST, _FINALLY = _GIVING
_NUMBER: Final = "".join(f"has(s.{kind}) ? {_GIVING[kind]} : " for kind in _FIRST)
ORDERED: Final = (
    f"!has(self.steps) || self.steps.filter(s, {' || '.join(f'has(s.{k})' for k in _GIVING)})"
    f".map(s, {_NUMBER}{_GIVING[_FINALLY]}).isSorted()"
)
"""That no step gives the candidate less than one before it, in CEL."""
IN_ORDER: Final = (
    f"the steps {', '.join(_FIRST)} and {_FINALLY} must come in this order: each gives the "
    "candidate more of the traffic"
)

USUAL_WEIGHTS: Final = (5, 25, 50)

_FIELDS: Final = {kind: to_snake(kind) for kind in KINDS}


class Step(Type):
    """A step of a rollout. Set exactly one field."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": f"[{', '.join(f'has(self.{kind})' for kind in KINDS)}]"
                    ".filter(x, x).size() == 1",
                    "message": ONE_KEY,
                }
            ]
        }
    )

    preview: Preview | None = Field(
        default=None,
        description="From this step until the next mirror or setWeight, requests with these header "
        "fields, or to these host names, reach the candidate, and no others. They do not count "
        "for the checks. End it by a pause, an approval or a job after it. Requires "
        "spec.traffic.gateway.",
    )
    mirror: Mirror | None = Field(
        default=None,
        description="From this step until the next setWeight, the gateway copies a percentage of "
        "the requests to the candidate and drops its answers. The checks judge it as at a weight, "
        "except feedback. Side effects of an answer, such as writes to a database, happen twice. "
        "Requires spec.traffic.gateway and a GatewayClass that mirrors, by percentage "
        "if it is less than 100.",
    )
    set_weight: SetWeight | None = Field(
        default=None,
        description="Percentage of the traffic for the candidate from this step on, 1 to 99. After "
        "the last step the candidate is promoted and gets all traffic.",
    )
    pause: Pause | None = Field(
        default=None, description="Stay at the current weight before the next step."
    )
    approval: Approval | None = Field(
        default=None,
        description="Stay at the current weight until a user who has the RBAC verb approve on this "
        "ModelDeployment approves the candidate. An approval is for one revision, one step and "
        "one spec.rollout. Requires the admission policy of the chart.",
    )
    job: Job | None = Field(
        default=None,
        description="Stay at the current weight until a Job says that the model is good; roll back "
        "if it rejects it. Only the commands advance and promote skip it.",
    )

    @cached_property
    def kind(self) -> str:
        """The key that is set, such as setWeight."""
        return next(iter(self._kinds()))

    @cached_property
    def settings(self) -> Any:
        """Those of its kind."""
        return self._kinds()[self.kind]

    @property
    def needs(self) -> frozenset[Capability]:
        """What the router must be able to do."""
        return KINDS[self.kind].needs(self.settings)

    @property
    def mounts_model(self) -> bool:
        """Whether what it runs finds the model where the candidate's pods have it."""
        return KINDS[self.kind].mounts_model(self.settings)

    @property
    def gives(self) -> Given | None:
        """What the candidate is given from this step on; None: the same as before."""
        given = KINDS[self.kind].gives
        return given(self.settings) if given else None

    def problems(self) -> Iterator[Problem]:
        """What the schema does not say, with paths below the step."""
        found = KINDS[self.kind].problems(self.settings)
        yield from (each.below(self.kind) for each in found)

    @classmethod
    def usual(cls) -> list[Self]:
        """The steps of a rollout that names none, if none are chosen."""
        return cls.of_weights(USUAL_WEIGHTS)

    @classmethod
    def of_weights(cls, weights: Iterable[int]) -> list[Self]:
        """Steps that only give the candidate so much traffic, in percent."""
        return [cls(set_weight=weight) for weight in weights]

    @staticmethod
    def weights_of(steps: Iterable["Step"]) -> list[int]:
        """The weights that steps give, in percent."""
        return [step.gives.weight for step in steps if step.gives and step.gives.weight]

    def _kinds(self) -> dict[str, Any]:
        found = ((kind, getattr(self, field)) for kind, field in _FIELDS.items())
        return {kind: settings for kind, settings in found if settings is not None}

    @model_validator(mode="after")
    def _exactly_one_key(self) -> Self:
        if len(self._kinds()) != 1:
            raise ValueError(ONE_KEY)
        return self
