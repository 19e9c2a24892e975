"""A step that waits for a time, or for a command."""

from pydantic import Field

from serinus.api.base import Duration, Type


class Pause(Type):
    """A pause at the current weight."""

    duration: Duration | None = Field(
        default=None,
        description="Duration of the pause; without it, the pause ends with the command advance.",
    )
