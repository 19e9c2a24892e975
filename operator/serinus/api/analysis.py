"""The analysis of a rollout: checks, budgets, and the metrics that they read."""

import itertools
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from serinus.api.base import Budget, Interval, SilentFor, Type
from serinus.api.checks import Check, LabelName, kinds_that
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.prediction_drift import PredictionDrift
from serinus.api.checks.traffic_share import TrafficShare
from serinus.api.preset_files import PresetName
from serinus.api.presets import PRESETS
from serinus.api.quantities import seconds


class OnSilence(Type):
    """When the traffic of a candidate that does not answer is withdrawn."""

    after: SilentFor = Field(
        default="2m",
        description="Withdraw the candidate's traffic if none of its requests is counted for this "
        "time, although stable answers and 20 or more are expected. The step then waits for "
        "`advance` or a change of spec.rollout. Must be longer than two scrape intervals.",
    )


class OnUnlike(Type):
    """When the traffic of a candidate that receives different inputs from stable is withdrawn."""

    after: SilentFor = Field(
        default="10m",
        description="Withdraw the candidate's traffic if it was shown for this time to receive "
        "different inputs from stable, or to compute a feature differently. The step then waits "
        "for `advance` or a change of spec.rollout.",
    )


USUAL_STEP: Final = "30m"
"""How long a step may last, if nothing else is said or expected."""
STEP_THAT_FINDS: Final = "2h"
"""The same, with a check that first finds out from when on it may count."""
_TIMES_EXPECTED: Final = 3.0
"""How many times the expected time a step may last."""
_LONGEST_STEP: Final = 86400.0
"""Seconds."""


class Analysis(Type):
    """How the candidate is analysed while it gets traffic."""

    interval: Interval = Field(
        default="15s",
        description="Time between two measurements; at least 1s. After one that shows something "
        "against the candidate, the next one comes after one scrape interval if that is shorter.",
    )
    false_rollback_budget: Budget = Field(
        default="1%",
        description="Greatest probability that a candidate as good as stable is rolled back, over "
        "the whole rollout and all checks with a guarantee.",
    )
    false_pass_budget: Budget = Field(
        default="5%",
        description="Greatest probability that a candidate worse than the margin passes, for each "
        "check and step.",
    )
    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=50, description="Minimum number of candidate requests for a step to pass."
    )
    max_step_duration: Interval | None = Field(
        default=None,
        description="How long a step waits for a verdict before onInconclusive decides. Without "
        "this field, three times as long as the forecast for the slowest step, but at least "
        f"{USUAL_STEP}, or {STEP_THAT_FINDS} if a check first measures how late feedback arrives, "
        "and at most 24h.",
    )
    on_inconclusive: Literal["Pause", "Promote", "Rollback"] = Field(
        default="Pause",
        description="What to do if a step has lasted maxStepDuration without a verdict. "
        "Missing data always pauses.",
    )
    one_pod_to_blame: Literal["Replace", "Hold", "Rollback"] = Field(
        default="Replace",
        description="What to do if a check fails because of one of several pods of the candidate. "
        "Replace: the pod is evicted, since its node may be bad, and so are several on one node or "
        "in one zone; if a pod that comes in its place is as bad, the candidate is rolled back. "
        "Hold: the step waits until that pod is removed; then the check starts again.",
    )
    stable_pod: Literal["Hold", "Replace"] | None = Field(
        default=None,
        description="What to do if one of stable's pods is worse than its others, or predicts "
        "differently. Without this field or with Hold, the step waits until that pod recovers or "
        "is removed. Replace: the pod is also evicted, once in a rollout.",
    )
    on_silence: OnSilence = Field(
        default=OnSilence(),
        description="What to do with a candidate that hangs, that is, none of its requests is "
        "counted while stable answers. This is not a verdict.",
    )
    on_unlike: OnUnlike = Field(
        default=OnUnlike(),
        description="What to do with a candidate whose features are not those of stable, while the "
        "rollout is held with the reason ArmsDiffer. This is not a verdict.",
    )
    on_wrong_split: Literal["Hold", "Ignore"] = Field(
        default="Hold",
        description="What to do if a gateway splits the traffic and the candidate is shown to get "
        "another share of the requests than its weight. Hold: the step waits; if no check is a "
        "trafficShare, one named split is added to the first errorRate, and reads the same "
        "counters. Ignore: no trafficShare is evaluated, neither the added one nor your own.",
    )
    preset: PresetName | None = Field(
        default=None,
        description="The model server or proxy whose metrics the checks read by default. Without "
        "a preset they read model_requests_total and so on. A check may have one of its own.",
    )
    stratify: Annotated[list[LabelName], Field(max_length=3)] | None = Field(
        default=None,
        description="Labels of the counters, such as route or tenant. "
        f"{kinds_that(lambda kind: kind.compares_strata)} then compare within each of their "
        "values, so that a different mix of routes in one revision is not evidence. At most 20 "
        "combinations of values; every series must have the labels. Without this field, each check "
        "compares within the labels of requests by which stable's last hour differs, if there are "
        "any; with an empty list, never.",
    )
    checks: Annotated[
        list[Check],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = Field(
        default=[
            Check(name="errors", error_rate=ErrorRate()),
            Check(name="drift", prediction_drift=PredictionDrift()),
        ],
        description="Checks that every step must pass, except those in mode Audit. Defaults to "
        "errorRate and predictionDrift, or to the checks of the preset. Behind a gateway a "
        "trafficShare is added, see onWrongSplit. If none decides, steps pass by time alone.",
    )

    @property
    def deciding(self) -> list[Check]:
        """The checks on which a rollout depends."""
        return [check for check in self.checks if check.decides]

    @property
    def audited(self) -> list[Check]:
        """The checks in audit mode."""
        return [check for check in self.checks if not check.decides]

    def after_promotion(self, lasting: float) -> Self:
        """The analysis in a guard after promotion of so many seconds: no step waits for a split,
        and what needs a reference has no time for it in a short one."""
        checks = [each for each in self.checks if each.settings.serves_a_guard(lasting)]
        return self.filled(checks=checks)

    def of_copies(self) -> Self:
        """The analysis of a candidate whose answers nobody gets."""
        checks = [each for each in self.checks if each.settings.serves_a_mirror]
        return self.filled(checks=checks)

    def step_may_last(self, expected: float | None) -> float:
        """Seconds until onInconclusive decides; `expected`: of the slowest step, None: unknown."""
        if self.max_step_duration is not None:
            return seconds(self.max_step_duration)
        times = _TIMES_EXPECTED * (expected or 0.0)
        finds = any(check.settings.finds_when_to_count for check in self.deciding)
        least = seconds(STEP_THAT_FINDS if finds else USUAL_STEP)
        return min(max(least, times), _LONGEST_STEP)

    def with_split_checked(self) -> Self:
        """The analysis of traffic that is split request by request, as `on_wrong_split` says."""
        if self.on_wrong_split == "Ignore":
            kept = [check for check in self.checks if not check.settings.tests_routing]
            return self.filled(checks=kept)
        rates = [(check.mode, check.error_rate) for check in self.checks if check.error_rate]
        if not rates or any(check.settings.tests_routing for check in self.checks):
            return self
        mode, rate = next((each for each in rates if each[0] == "Enforce"), rates[0])
        counted = TrafficShare(requests=rate.requests, failures=rate.failures)
        names = {check.name for check in self.checks}
        name = next(free for free in _split_names() if free not in names)
        added = Check(name=name, mode=mode, traffic_share=counted)
        return self.filled(checks=[*self.checks, added])

    def as_listed(self) -> Self:
        """Without the trafficShare that `with_split_checked` added."""
        listed = self.filled(checks=self.checks[:-1])
        return listed if listed.with_split_checked() == self else self

    @model_validator(mode="wrap")
    @classmethod
    def _read_by_preset(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """With a preset, settings omitted in the checks come from the preset."""
        analysis = handler(data)
        checks = analysis.checks
        if analysis.preset is not None and "checks" not in analysis.model_fields_set:
            checks = PRESETS[analysis.preset].checks
        named = [check.preset or analysis.preset for check in checks]
        if not any(named):
            return analysis
        completed = [
            check.completed(PRESETS[name]) if name else check
            for name, check in zip(named, checks, strict=True)
        ]
        return analysis.replace(checks=completed)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [check.name for check in self.checks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two checks are named {twice[0]}")
        return self


def _split_names() -> Iterator[str]:
    """Names of the check that is added; users may have given the first to another one."""
    yield "split"
    yield from (f"split-{number}" for number in itertools.count(2))
