"""What downloads models, as the administrator of the operator configures it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationError

from serinus.api.base import Type

Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i)?$")]
"""Of Kubernetes, such as 500Mi."""


class Variable(Type):
    """An environment variable. It has no source: what is secret comes from the user."""

    name: Annotated[str, Field(min_length=1, max_length=512)]
    value: Annotated[str, Field(max_length=4096)]


class Resources(Type):
    """What the container asks for, and may use."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    requests: dict[str, Quantity] = Field(default_factory=dict)
    limits: dict[str, Quantity] = Field(default_factory=dict)


class Initializer(Type):
    """An image that takes a URI and a directory, as the storage initializer of KServe does, and how
    it is run."""

    image: Annotated[str, Field(min_length=1, max_length=1024)]
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    resources: Resources = Field(default_factory=Resources)
    env: Annotated[list[Variable], Field(max_length=64)] = Field(default_factory=list)
    size_limit: Quantity | None = None
    """Of the volume that it writes to; None: there is none."""


def read_initializer(text: str) -> Initializer | None:
    """From its JSON; None if that cannot be read."""
    try:
        return Initializer.model_validate_json(text)
    except ValidationError:
        return None
