"""A step in which people try the candidate before any client does."""

from collections.abc import Iterator
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from serinus.api.base import LABEL, Type, written
from serinus.api.capabilities import Capability
from serinus.api.problem import Problem
from serinus.api.route_rule import HEADER_TWICE
from serinus.api.steps.given import Given, Tried

_BY_NOTHING: Final = (
    "set headers, hostnames or both: they select the requests that reach the candidate"
)

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


TriedHost = Annotated[
    str,
    Field(max_length=253),
    written(
        rf"^{LABEL}(\.{LABEL})*$",
        "must be a host name such as try.fraud.example.com, without a wildcard",
    ),
]


class Preview(Type):
    """Requests that the candidate answers before it gets a part of the traffic."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.headers) || has(self.hostnames)", "message": _BY_NOTHING}
            ]
        }
    )

    headers: Annotated[list[Header], Field(min_length=1, max_length=8)] = Field(
        default_factory=list,
        description="Header fields by which such requests are known. They must have all of them.",
    )
    hostnames: Annotated[list[TriedHost], Field(min_length=1, max_length=8)] = Field(
        default_factory=list,
        description="Host names at which the candidate answers all requests, by a route of its own "
        "that exists during the preview alone. A listener of the Gateway must allow them, and "
        "spec.traffic.gateway.hostnames must not serve them.",
    )

    @property
    def needs(self) -> frozenset[Capability]:
        """Of the router."""
        by = {Capability.PREVIEW: self.headers, Capability.PREVIEW_HOST: self.hostnames}
        return frozenset(need for need, requests in by.items() if requests)

    @property
    def gives(self) -> Given:
        """Only whoever asks in these ways gets its answers."""
        fields = tuple((each.name, each.value) for each in self.headers)
        return Given(preview=Tried(fields, tuple(self.hostnames)))

    @model_validator(mode="after")
    def _by_something(self) -> Self:
        if not self.headers and not self.hostnames:
            raise ValueError(_BY_NOTHING)
        return self

    def problems(self) -> Iterator[Problem]:
        """A header that is named twice: the API server refuses such a route, and a gateway reads
        only the first of two whose names differ in case."""
        names = [each.name.lower() for each in self.headers]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Problem(f"headers[{index}].name", HEADER_TWICE.format(name))
