"""A step in which people try the candidate before any client does."""

from typing import Annotated, Final

from pydantic import Field

from serinus.api.base import Type, written
from serinus.api.capabilities import Capability
from serinus.api.steps.given import Given

NEEDS: Final = frozenset({Capability.PREVIEW})
"""Of the router."""

HeaderName = Annotated[
    str,
    Field(min_length=1, max_length=256),
    written(
        r"^[A-Za-z0-9!#$%&*+.^_|~-]+$",
        "must be the name of an HTTP header, such as x-preview",
    ),
]


class Header(Type):
    """A header field that a request must have."""

    name: HeaderName = Field(description="Name of the header, such as x-preview.")
    value: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Exact value of the header."
    )


class Preview(Type):
    """Requests that the candidate answers before it gets a part of the traffic."""

    headers: Annotated[list[Header], Field(min_length=1, max_length=8)] = Field(
        description="Header fields by which such requests are known. They must have all of them."
    )

    @property
    def gives(self) -> Given:
        """Only whoever sends the header fields gets its answers."""
        return Given(preview=tuple((each.name, each.value) for each in self.headers))
