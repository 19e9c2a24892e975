"""Validation that schema and CEL cannot express: each problem names its field and the remedy.

The API server rejects most mistakes at apply. Other mistakes are found here and shown as a
condition.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import combinations
from typing import Any, Final

from pydantic import ValidationError

from serinus.api.analysis import USUAL_STEP, Analysis
from serinus.api.base import LONGEST_NAME, NAME_PATTERN, Type
from serinus.api.checks import LabelMatcher, kinds_that
from serinus.api.checks.expressions import never_both
from serinus.api.evidence import EvidenceError, shown_alone, unpacked, without
from serinus.api.misspelt import fields_at, unknown_field
from serinus.api.presets import PRESETS
from serinus.api.problem import Problem
from serinus.api.quantities import seconds, spoken
from serinus.api.registry import Reference
from serinus.api.route_rule import of_a_preview
from serinus.api.spec import OF_CLIENTS, FollowedModel, Spec
from serinus.api.stages import PROMOTED, Stage
from serinus.api.status import KEPT, Candidate, Status
from serinus.api.storage import MODEL_PATH, MODEL_VOLUME, is_downloaded, mounted

_NO_STRATA: Final = ("__name__", "instance", "job", "le", "namespace", "pod")
_WANTED: Final = "Input should be"
"""How pydantic begins a message about another type or value."""
_OBJECT_EXPECTED: Final = ("model_type", "dict_type")
_SHORT: Final = 40
_LOOKS_OF_A_FAULT: Final = 2
MOST_UNREADABLE: Final = 32
"""Values that are removed from a status one by one, each by reading it again."""


def problems(namespace: str, name: str, spec: dict[str, Any]) -> list[Problem]:
    """What is wrong with a raw spec, in the order of its fields; empty if nothing is.

    The spec comes from the API server, which has checked it against the CRD's schema.
    """
    _, found = typed(namespace, name, spec)
    return found


def typed(namespace: str, name: str, spec: dict[str, Any]) -> tuple[Spec | None, list[Problem]]:
    """A raw spec by its types, and what is wrong with it; None if it has other types."""
    try:
        read = Spec.model_validate(spec, by_alias=True, by_name=False)
    except ValidationError as error:
        return None, [_of_the_types(detail, Spec, "spec") for detail in _errors(error)]
    written, found = _as_written(read, spec), list(_name(name))
    for check in _CHECKS:
        found += check(namespace, written)
    return read, found


def followed(spec: dict[str, Any]) -> Reference | None:
    """What a raw spec follows in a registry; None: nothing, or `typed` says what is wrong with
    it."""
    model = followed_model(spec)
    return None if model is None else model.reference


def followed_model(spec: Mapping[str, Any]) -> FollowedModel | None:
    """The same, with what else the spec says of it."""
    written = (spec.get("model") or {}).get("registry")
    if isinstance(written, dict):  # a newer CRD may add fields
        written, _ = readable(FollowedModel, written, "spec.model.registry", unknown_only=True)
    if written is None or of_type(FollowedModel, written, "spec.model.registry"):
        return None
    return FollowedModel.model_validate(written)


def _as_written(read: Spec, spec: dict[str, Any]) -> Spec:
    """With the checks that its user listed: fields are named by their place among these."""
    analysis = Analysis.model_validate((spec.get("rollout") or {}).get("analysis") or {})
    return read.replace(rollout=read.rollout.replace(analysis=analysis))


def of_type(
    wanted: type[Type], value: Any, field: str, *, strict: bool = False, secret: bool = False
) -> list[Problem]:
    """Why a value is not of a type, in the order of its fields.

    `strict`: by the types of JSON, as the API server, to which "20" is no number. `secret`: what
    was written is not repeated.
    """
    details = _details(wanted, value, strict=strict)
    return [_of_the_types(detail, wanted, field, secret=secret) for detail in details]


def readable(
    wanted: type[Type], value: dict[str, Any], field: str, *, unknown_only: bool = False
) -> tuple[dict[str, Any], list[Problem]]:
    """A value without the parts that this version cannot read, and these problems.

    An unreadable optional field is removed; otherwise the object or list item that requires it.
    `unknown_only`: remove only unknown fields.
    """
    rest, lost = value, list[Problem]()
    while True:
        details = _details(wanted, rest)
        if unknown_only:
            details = [each for each in details if each["type"] == "extra_forbidden"]
        if not details:
            return rest, lost
        rest = rest if lost else deepcopy(value)
        lost.append(_of_the_types(details[0], wanted, field))
        path = details[0]["loc"]
        if not _removed(rest, path[:-1] if details[0]["type"] == "missing" else path):
            return {}, lost


def in_full(written: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """A written status with every field in its place; without its evidence, and why, if that cannot
    be read."""
    try:
        return unpacked(written, KEPT), []
    except EvidenceError as error:
        return shown_alone(written), [_lost(str(error))]


def _lost(why: str) -> Problem:
    message = f"{why}; what was counted until now is lost, and evaluation starts again"
    return Problem("status.evidence", message)


def read_status(written: dict[str, Any]) -> tuple[Status, list[Problem]]:
    """The readable part of a status, and the problems of the rest, for example if a newer version
    wrote it.

    Stable is never inferred from an incomplete entry: if it cannot be read, there is neither stable
    nor a candidate, as in an empty status.
    """
    found, unread = in_full(written)
    try:
        return Status.model_validate(found), unread
    except ValidationError as error:
        if (count := error.error_count()) > MOST_UNREADABLE:
            found, unread = without(found, KEPT), [_lost(f"has {count} values that are unreadable")]
        rest, lost = readable(Status, found, "status")
    if "stable" in written and "stable" not in rest:
        rest.pop("candidate", None)
    status = Status.model_validate(rest)
    if status.candidate is not None:
        status = status.replace(candidate=_in_a_stage_that_was_read(status.candidate))
    return status, [*unread, *lost]


def _in_a_stage_that_was_read(candidate: Candidate) -> Candidate:
    """A candidate without what its stage needs is in its steps, or in the guard that is left."""
    guarding, stage = candidate.guarding, candidate.stage
    lacks_guard = stage in PROMOTED and guarding is None
    if lacks_guard or (stage is Stage.WITHDRAWN and candidate.withdrawn is None):
        return candidate.replace(stage=Stage.STEPPING)
    if stage is Stage.TAKING_BACK and guarding and guarding.taking_back is None:
        return candidate.replace(stage=Stage.GUARDED)
    return candidate


def _name(name: str) -> Iterator[Problem]:
    if len(name) > LONGEST_NAME or not re.fullmatch(NAME_PATTERN, name):
        message = (
            "must consist of lower-case letters, digits and -, "
            f"with at most {LONGEST_NAME} characters"
        )
        yield Problem("metadata.name", message)


def _details(wanted: type[Type], value: Any, *, strict: bool = False) -> list[Any]:
    try:
        if strict:
            text = json.dumps(value, default=str)
            wanted.model_validate_json(text, strict=True, by_alias=True, by_name=False)
        else:
            wanted.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        return _errors(error)
    return []


def _errors(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False))


def _removed(value: Any, path: Sequence[str | int]) -> bool:
    """Remove the value at the path; False if there is none."""
    try:
        for part in path[:-1]:
            value = value[part]
        del value[path[-1]]
    except (IndexError, KeyError, TypeError):
        return False
    return True


def _of_the_types(detail: Any, wanted: type[Type], field: str, *, secret: bool = False) -> Problem:
    for part in detail["loc"]:
        field += f"[{part}]" if isinstance(part, int) else f".{part}"
    if detail["type"] == "missing":
        return Problem(field, "is required")
    if detail["type"] == "extra_forbidden":
        *around, name = detail["loc"]
        return Problem(field, unknown_field(name, fields_at(wanted, around)))
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in _OBJECT_EXPECTED:  # says "dictionary", and the name of a class
        message = f"{_WANTED} an object"
    if message.startswith(_WANTED):
        instead = "" if secret else _instead_of(detail["input"])
        message = f"must be{message.removeprefix(_WANTED)}{instead}"
    return Problem(field, message)


def _instead_of(found: Any) -> str:
    """What was written, if it is short: often a number without its unit, or in quotes."""
    text = json.dumps(found, default=str)
    return f", not {text}" if len(text) <= _SHORT else ""


def _model(namespace: str, spec: Spec) -> Iterator[Problem]:
    if _follows(spec) and _given_by_model(spec):
        message = "replaces storageUri and version: remove these"
        yield Problem("spec.model.registry", message)
    uri = spec.model.storage_uri if spec.model else None
    if spec.model is not None:
        yield from (each.below("spec.model") for each in spec.model.problems())
    if uri is None:
        return
    try:
        mounted(uri)
    except ValueError as error:
        yield Problem("spec.model.storageUri", str(error))


def _template(namespace: str, spec: Spec) -> Iterator[Problem]:
    pod, field = spec.template["spec"], "spec.template.spec"
    given = _given_by_model(spec)
    mounts_model = _mounts_model(spec)
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(pod.get(kind) or []):
            yield from _container(f"{field}.{kind}[{index}]", container, given, mounts_model)
    names = [c["name"] for kind in ("initContainers", "containers") for c in pod.get(kind) or []]
    for name in _twice(names):
        yield Problem(field, f"two containers have the name {name} (including init containers)")
    for index, volume in enumerate(pod.get("volumes") or []):
        if mounts_model and volume["name"] == MODEL_VOLUME:
            message = (
                f"the name {MODEL_VOLUME} is reserved for the volume of the model; "
                "rename this volume"
            )
            yield Problem(f"{field}.volumes[{index}].name", message)
    for name in ("activeDeadlineSeconds", "ephemeralContainers"):
        if pod.get(name):
            yield Problem(f"{field}.{name}", "is not supported for pods that serve; remove it")


def _container(
    field: str, container: dict[str, Any], given: set[str], mounts_model: bool
) -> Iterator[Problem]:
    for index, variable in enumerate(container.get("env") or []):
        if variable["name"] in given:
            message = f"{variable['name']} is also set from spec.model; remove one of the two"
            yield Problem(f"{field}.env[{index}]", message)
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mounts_model and mount["mountPath"].rstrip("/") == MODEL_PATH:
            message = f"{MODEL_PATH} is the mount path of spec.model.storageUri; use another path"
            yield Problem(f"{field}.volumeMounts[{index}].mountPath", message)


def _given_by_model(spec: Spec) -> set[str]:
    if spec.model is None:
        return set()
    given = {"MODEL_URI": spec.model.storage_uri, "MODEL_VERSION": spec.model.version}
    return {name for name, value in given.items() if value is not None}


def _follows(spec: Spec) -> bool:
    """Whether the URI of the model is not known from the spec alone."""
    return spec.model is not None and spec.model.registry is not None


def _mounts_model(spec: Spec) -> bool:
    uri = spec.model.storage_uri if spec.model else None
    return uri is not None and uri.startswith(("pvc:", "oci:"))


def _has_it_downloaded(spec: Spec) -> bool:
    uri = spec.model.storage_uri if spec.model else None
    return uri is not None and is_downloaded(uri)


def _traffic(namespace: str, spec: Spec) -> Iterator[Problem]:
    yield from (each.below("spec.traffic") for each in spec.traffic.problems(namespace))


def _rules(namespace: str, spec: Spec) -> Iterator[Problem]:
    """For each rule that leads to the model there is one more while people try the candidate."""
    gateway, given = spec.traffic.gateway, [step.gives for step in spec.rollout.steps]
    if gateway is None:
        return
    found = [
        problem
        for each in given
        if each is not None and each.preview and each.preview.headers
        for problem in of_a_preview(
            gateway.rules, each.preview.headers, "spec.traffic.gateway.rules"
        )
    ]
    yield from dict.fromkeys(found)


def _hosts(namespace: str, spec: Spec) -> Iterator[Problem]:
    """Host names at which people are to try the candidate, and clients may ask."""
    gateway = spec.traffic.gateway
    if gateway is None:
        return
    for index, step in enumerate(spec.rollout.steps):
        tried = step.gives.preview if step.gives else None
        for number, host in enumerate(tried.hostnames if tried else ()):
            if gateway.serves(host):
                field = f"spec.rollout.steps[{index}].{step.kind}.hostnames[{number}]"
                yield Problem(field, OF_CLIENTS)


def _steps(namespace: str, spec: Spec) -> Iterator[Problem]:
    for index, step in enumerate(spec.rollout.steps):
        field = f"spec.rollout.steps[{index}]"
        yield from (each.below(field) for each in step.problems())
        if step.mounts_model and not (
            _mounts_model(spec) or _has_it_downloaded(spec) or _follows(spec)
        ):
            message = (
                "needs spec.model.storageUri to be a URI that is mounted, such as pvc:// or oci://,"
                " or downloaded, such as s3://"
            )
            yield Problem(f"{field}.{step.kind}.mountModel", message)
        if lacks := spec.traffic.lacks(step.needs):
            yield Problem(f"{field}.{step.kind}", lacks)


def _analysis(namespace: str, spec: Spec) -> Iterator[Problem]:
    analysis, field = spec.rollout.analysis, "spec.rollout.analysis"
    interval, longest = analysis.interval, analysis.max_step_duration or USUAL_STEP
    if seconds(longest) < seconds(interval):
        message = (
            f"{longest} is shorter than one interval of {interval}: no verdict would be possible"
        )
        yield Problem(f"{field}.maxStepDuration", message)
    for index, check in enumerate(analysis.checks):
        preset = check.preset or analysis.preset
        server = PRESETS[preset] if preset is not None else None
        path = f"{field}.checks[{index}].{check.kind}"
        yield from (each.below(path) for each in check.settings.problems(longest, server))
        yield from _never_met(check.settings, path)
    yield from dict.fromkeys(_seen_by_no_gateway(spec))
    if analysis.stratify:
        yield from _strata(analysis, analysis.stratify, field)


def _seen_by_no_gateway(spec: Spec) -> Iterator[Problem]:
    """Checks that read a gateway's counters, where none counts for each revision; by the preset if
    that has them do so."""
    analysis, field = spec.rollout.analysis, "spec.rollout.analysis"
    for index, check in enumerate(analysis.checks):
        if not (lacks := spec.traffic.lacks(check.settings.needs)):
            continue
        preset, own = check.preset or analysis.preset, f"{field}.checks[{index}]"
        by_preset = preset and PRESETS[preset].error_rate.requests.backend == check.settings.backend
        named = (f"{own}.preset" if check.preset else f"{field}.preset") if by_preset else None
        message = f"reads what a gateway counts of each revision, and {lacks}"
        yield Problem(named or f"{own}.{check.kind}", message)


def _never_met(settings: Type, field: str) -> Iterator[Problem]:
    """Matchers of one list that no series can meet together, in all fields of these settings."""
    for name, info in type(settings).model_fields.items():
        value, path = getattr(settings, name), f"{field}.{info.alias or name}"
        if isinstance(value, Type):
            yield from _never_met(value, path)
        elif isinstance(value, list):
            yield from _of_one_label(value, path)


def _of_one_label(matchers: Sequence[Any], field: str) -> Iterator[Problem]:
    wanted: dict[str, list[str]] = {}
    for each in matchers:
        if isinstance(each, LabelMatcher) and each.operator == "=":
            wanted.setdefault(each.label, []).append(each.value)
    for label, values in wanted.items():
        if len(both := list(dict.fromkeys(values))) > 1:
            either = json.dumps("|".join(map(re.escape, both)))
            message = (
                f"a series has one value of the label {label}, never both {both[0]} and {both[1]}: "
                f'one matcher with operator: "=~" and value: {either} selects either'
            )
            yield Problem(field, message)
    for one, other in combinations((m for m in matchers if isinstance(m, LabelMatcher)), 2):
        if not one.operator == other.operator == "=" and never_both(one, other):
            yield Problem(field, _contradiction(one, other))


def _contradiction(one: LabelMatcher, other: LabelMatcher) -> str:
    said = f"no series can meet both {one} and {other}"
    if one.operator.startswith("!") or other.operator.startswith("!"):
        return f"{said}: leave one of them out"
    each = (m.value if "~" in m.operator else re.escape(m.value) for m in (one, other))
    either = json.dumps("|".join(each))
    return f'{said}: one matcher with operator: "=~" and value: {either} selects either'


def _guard(namespace: str, spec: Spec) -> Iterator[Problem]:
    """A guard that can find nothing would promise what it does not keep."""
    guard = spec.rollout.guard
    if guard is None:
        return
    analysis = spec.rollout.analysis.after_promotion(guard.seconds)
    if not analysis.deciding:
        unfit = kinds_that(lambda kind: not kind.serves_a_guard(guard.seconds), "or")
        message = (
            f"requires a check that decides and judges in a guard of {spoken(guard.seconds)}, "
            f"which no {unfit} does: add one such as errorRate to analysis.checks, or remove the "
            "guard"
        )
        yield Problem("spec.rollout.guard", message)
        return
    blind = min(check.settings.decides_after_seconds for check in analysis.deciding)
    least = blind + _LOOKS_OF_A_FAULT * seconds(analysis.interval)
    if guard.seconds < least:
        waits = f" after {spoken(blind)} in which no check decides" if blind else ""
        message = (
            f"{spoken(guard.seconds)} is too short to find anything: a fault takes two looks, "
            f"{analysis.interval} apart{waits}; set at least {spoken(least)}"
        )
        yield Problem("spec.rollout.guard.duration", message)


def _strata(analysis: Analysis, labels: Sequence[str], field: str) -> Iterator[Problem]:
    for index, label in enumerate(labels):
        if label in _NO_STRATA:
            message = f"{label} distinguishes pods or buckets, not requests: remove it"
            yield Problem(f"{field}.stratify[{index}]", message)
    for label in _twice(labels):
        yield Problem(f"{field}.stratify", f"label {label} is listed twice")
    if not any(check.settings.compares_strata for check in analysis.checks):
        can = kinds_that(lambda kind: kind.compares_strata, "or")
        message = f"none of the checks can compare within labels: remove it, or add {can}"
        yield Problem(f"{field}.stratify", message)
    for index, check in enumerate(analysis.checks):
        path = f"{field}.checks[{index}].{check.kind}"
        found = check.settings.problems_with_strata(labels)
        yield from (each.below(path) for each in found)


def _monitoring(namespace: str, spec: Spec) -> Iterator[Problem]:
    monitoring = spec.monitoring
    if monitoring is None:
        return
    yield from _never_met(monitoring, "spec.monitoring")
    yield from (each.below("spec.monitoring") for each in monitoring.problems())


def _twice(names: Iterable[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)


_CHECKS: Final[tuple[Callable[[str, Spec], Iterator[Problem]], ...]] = (
    _model,
    _template,
    _traffic,
    _rules,
    _hosts,
    _steps,
    _analysis,
    _guard,
    _monitoring,
)
