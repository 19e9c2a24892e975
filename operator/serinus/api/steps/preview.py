"""A step in which people try the candidate before any client does."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from serinus.api.base import Type, written
from serinus.api.capabilities import Capability
from serinus.api.problem import Problem
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


HeaderValue = Annotated[
    str,
    Field(min_length=1, max_length=1024),
    written(
        r"^[!-~]([ -~]*[!-~])?$",
        "must be what a request can have as the value of a header: printable ASCII characters, and "
        "no spaces around them",
    ),
]


class Header(Type):
    """A header field that a request must have."""

    name: HeaderName = Field(description="Name of the header, such as x-preview.")
    value: HeaderValue = Field(description="Exact value of the header.")


class Preview(Type):
    """Requests that the candidate answers before it gets a part of the traffic."""

    headers: Annotated[list[Header], Field(min_length=1, max_length=8)] = Field(
        description="Header fields by which such requests are known. They must have all of them."
    )

    @property
    def gives(self) -> Given:
        """Only whoever sends the header fields gets its answers."""
        return Given(preview=tuple((each.name, each.value) for each in self.headers))

    def problems(self) -> Iterator[Problem]:
        """A header that is named twice: the API server refuses such a route, and a gateway reads
        only the first of two whose names differ in case."""
        names = [each.name.lower() for each in self.headers]
        for index, name in enumerate(names):
            if name in names[:index]:
                message = f"header {name} is listed twice, whatever the case of its letters"
                yield Problem(f"headers[{index}].name", message)
