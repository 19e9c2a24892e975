"""Base types: camelCase keys in JSON, unknown keys rejected, instances immutable."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache, lru_cache
from typing import Annotated, Any, Final, Self, TypeVar, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from serinus.api.quantities import DURATION_PATTERN, PERCENT_PATTERN, fraction, seconds

NAME_PATTERN: Final = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""Pattern of a part of a name in the DNS."""
LONGEST_NAME: Final = 37
"""A pod is named <name>-<8 of the revision>-<10 of the ReplicaSet>-<5>. If the name were longer
than 63 characters, its end would be cut off, and revisions could not be distinguished."""


class Type(BaseModel):
    """Base of every type in a ModelDeployment."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True
    )

    def replace(self, **changes: Any) -> Self:
        """A copy with these fields changed, given by their Python names. Raises TypeError for an
        unknown field; values are not validated, since the judge makes hundreds of copies a look."""
        fields = type(self).__pydantic_fields__
        for name in changes:
            if name not in fields:
                raise TypeError(f"{type(self).__name__} has no field {name}")
        changed, put = object.__new__(type(self)), object.__setattr__
        values = {**self.__dict__, **changes}
        if len(values) > len(fields):  # a cached property may depend on what has changed
            values = {name: values[name] for name in fields}
        put(changed, "__dict__", values)
        put(changed, "__pydantic_fields_set__", self._set_with(changes))
        put(changed, "__pydantic_extra__", self.__pydantic_extra__)
        put(changed, "__pydantic_private__", None)
        return changed

    def filled(self, **values: Any) -> Self:
        """A copy like that of `replace`, with values that do not count as given."""
        filled = self.replace(**values)
        object.__setattr__(filled, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        return filled

    def _set_with(self, changes: Mapping[str, Any]) -> set[str]:
        """Fields that were given, including the changed ones."""
        return self.__pydantic_fields_set__.union(changes)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Not allowed: the method of BaseModel accepts misspelt fields."""
        raise TypeError("use replace(), which rejects unknown fields")

    def to_json(self) -> dict[str, Any]:
        """The JSON form, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def types_in(annotation: Any) -> Iterator[type[Type]]:
    """The types of objects in `Step`, `Pause | None` or `Annotated[list[Step], ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Type):
        yield annotation
    for inner in get_args(annotation):
        yield from types_in(inner)


KEPT: Final = "x-kept"
"""What a schema says of a field with that role."""


class Role(Enum):
    """The role of a status field, which determines when a change is written. A field without one of
    the first three is a decision. The last determines where: not as a field for people, but in
    `status.evidence`."""

    OBSERVED = "observed"
    EVIDENCE = "evidence"
    MESSAGE = "message"
    KEPT = "kept"

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        return {**schema, KEPT: True} if self is Role.KEPT else schema


T = TypeVar("T")
ObservedField = Annotated[T, Role.OBSERVED]
"""Observed or derived from observations; not a decision."""
EvidenceField = Annotated[T, Role.EVIDENCE]
"""Evidence of looks since the last decision."""
MessageField = Annotated[T, Role.MESSAGE]
"""A message that repeats other fields."""
KeptField = Annotated[T, Role.KEPT]
"""Only the operator reads it."""

_NOT_KEPT: Final[set[str]] = set()


class StatusType(Type):
    """Base of every type in a status. Unknown fields, written by a newer version of Serinus, are
    kept and written back.

    The set of given fields is not kept, because it is not used and would need twice the memory of
    the values.
    """

    model_config = ConfigDict(extra="allow")

    def model_post_init(self, context: Any, /) -> None:
        """Called by pydantic for each instance that it makes."""
        object.__setattr__(self, "__pydantic_fields_set__", _NOT_KEPT)

    def _set_with(self, changes: Mapping[str, Any]) -> set[str]:
        return _NOT_KEPT


FOR_EDITORS: Final = "x-for-editors"
"""What a schema for editors has instead of a rule in CEL."""


@dataclass(frozen=True)
class CelRule:
    """A CEL rule of the CRD on the annotated type, and its error message.

    A validator implements the same rule, so a spec that the API server accepted can always be
    read.
    """

    rule: str
    message: str
    pattern: str | None = None
    """What an editor can check of it."""
    holds: Callable[[Any], bool] | None = None
    """The same rule for a value that has been read; None: another validator implements it."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema, holds = handler(source), self.holds
        if holds is None:
            return schema

        def check(value: Any) -> Any:
            if not holds(value):
                raise ValueError(self.message)
            return value

        return core_schema.no_info_after_validator_function(check, schema)

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        before = schema.get("x-kubernetes-validations", [])
        rule = {"rule": self.rule, "message": self.message}
        ruled = {**schema, "x-kubernetes-validations": [*before, rule]}
        if self.pattern is None:
            return ruled
        return {
            **ruled,
            FOR_EDITORS: {"pattern": self.pattern, "patternErrorMessage": self.message},
        }


def written(pattern: str, message: str) -> CelRule:
    """The rule that a string has a pattern."""
    return CelRule(
        f"self.matches(r'{pattern}')",
        message,
        pattern,
        holds=lambda text: re.fullmatch(pattern, text) is not None,
    )


_IS_DURATION: Final = f"self.matches(r'{DURATION_PATTERN}')"


def _at_least(bound: str) -> CelRule:
    return CelRule(
        f"!{_IS_DURATION} || duration(self) >= duration('{bound}')",
        f"must be at least {bound}",
        holds=lambda text: seconds(text) >= seconds(bound),
    )


def _at_most(bound: str) -> CelRule:
    return CelRule(
        f"!{_IS_DURATION} || duration(self) <= duration('{bound}')",
        f"must be at most {bound}",
        holds=lambda text: seconds(text) <= seconds(bound),
    )


LONGEST_DURATION: Final = "2562047h"
"""That the API server can compare: 292 years."""


def _duration(text: str) -> str:
    if seconds(text) > seconds(LONGEST_DURATION):
        raise ValueError(f"must be at most {LONGEST_DURATION}")
    return text


def _percent(text: str) -> str:
    fraction(text)
    return text


_DURATION: Final = "must be a duration such as 30s, 5m or 1h30m"
_PERCENTAGE: Final = "must be a percentage such as 1% or 0.5%, at most 100%"
_HOLDBACK: Final = "must be a whole percentage from 1% to 50%"


def _text(message: str) -> BeforeValidator:
    """A number without its unit is the usual mistake."""
    expected = f"Input should {message.removeprefix('must ')}"

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise PydanticCustomError("text_expected", "{expected}", {"expected": expected})
        return value

    return BeforeValidator(check)


_IS_PERCENT = f"self.matches(r'{PERCENT_PATTERN}')"
_PERCENT = "double(self.replace('%', ''))"

Duration = Annotated[
    str,
    Field(max_length=32),
    AfterValidator(_duration),
    CelRule(_IS_DURATION, _DURATION, DURATION_PATTERN),
    _text(_DURATION),
]
Interval = Annotated[Duration, _at_least("1s")]
TimeBetweenAlarms = Annotated[Duration, _at_least("24h")]
SilentFor = Annotated[Duration, _at_least("10s")]
WarmUp = Annotated[Duration, _at_most("10m")]
Holdback = Annotated[
    str,
    Field(max_length=4),
    written("^([1-9]|[1-4][0-9]|50)%$", _HOLDBACK),
    _text(_HOLDBACK),
]
Percent = Annotated[
    str,
    Field(max_length=12),
    AfterValidator(_percent),
    CelRule(
        f"{_IS_PERCENT} && {_PERCENT} <= 100.0",
        _PERCENTAGE,
        PERCENT_PATTERN,
    ),
    _text(_PERCENTAGE),
]
Budget = Annotated[
    Percent,
    CelRule(
        f"!{_IS_PERCENT} || ({_PERCENT} > 0.0 && {_PERCENT} < 100.0)",
        "must be above 0% and below 100%",
        holds=lambda text: 0 < fraction(text) < 1,
    ),
]


def _unix(moment: Any) -> Any:
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).timestamp()
    return moment


_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC).timestamp()
_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def _of_the_calendar(moment: float) -> float:
    if not _FIRST <= moment <= _LAST:
        raise ValueError("must be a time in the years 1 to 9999")
    return moment


@lru_cache(maxsize=4096)  # a status has the same times from pass to pass
def rfc3339(moment: float) -> str:
    """Unix seconds -> `2026-11-25T08:00:00.250Z`, to the millisecond."""
    text = datetime.fromtimestamp(round(moment, 3), UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


Timestamp = Annotated[
    float,
    BeforeValidator(_unix),
    AfterValidator(_of_the_calendar),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Unix seconds in Python, RFC 3339 with milliseconds in JSON."""

_SINCE: Final = object()
Since = Annotated[Timestamp, _SINCE]
"""When something began whose duration counts: never later than now, see `begun_by`."""


def begun_by(now: float, value: T) -> T:
    """A copy in which every `Since`, at any depth, is at most now, Unix seconds: if the clock was
    set back, no wait lasts longer for that."""
    if isinstance(value, list):
        return cast(T, [begun_by(now, each) for each in value])
    if not isinstance(value, Type):
        return value
    changes = {}
    for name, is_one in _since_in(type(value)).items():
        before = getattr(value, name)
        if before is not None:
            after = min(before, now) if is_one else begun_by(now, before)
            if after != before:
                changes[name] = after
    return value.replace(**changes) if changes else value


@cache
def _since_in(of: type[Type]) -> dict[str, bool]:
    """The fields that are a `Since`, and those in which there is one, by whether they are one."""
    found = {}
    for name, each in of.__pydantic_fields__.items():
        if _SINCE in each.metadata or any(_SINCE in get_args(a) for a in get_args(each.annotation)):
            found[name] = True
        elif any(_since_in(inner) for inner in types_in(each.annotation)):
            found[name] = False
    return found
