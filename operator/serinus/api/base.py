"""How our types read and write JSON: camelCase keys, unknown keys refused, values frozen."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from serinus.api.quantities import DURATION_PATTERN, PERCENT_PATTERN


class Type(BaseModel):
    """Base of every type in a ModelDeployment."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True
    )

    def to_json(self) -> dict[str, Any]:
        """The JSON form, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


Duration = Annotated[str, Field(pattern=DURATION_PATTERN, max_length=32)]
Percent = Annotated[str, Field(pattern=PERCENT_PATTERN, max_length=12)]


def _unix(moment: Any) -> Any:
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).timestamp()
    return moment


def rfc3339(moment: float) -> str:
    """Unix seconds -> `2026-11-25T08:00:00.250Z`, to the millisecond."""
    text = datetime.fromtimestamp(round(moment, 3), UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


Moment = Annotated[
    float,
    BeforeValidator(_unix),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Unix seconds in Python, RFC 3339 with milliseconds in JSON."""
