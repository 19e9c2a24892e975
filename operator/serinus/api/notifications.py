"""Endpoints that are notified of rollouts, as the administrator of the operator configures them."""

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from serinus.api.base import Type

NoticeKind = Literal[
    "Started",
    "StepPassed",
    "Paused",
    "Stalled",
    "Promoted",
    "RolledBack",
    "Cancelled",
    "Retraining",
]
"""Paused and Stalled: a person must act, or data is missing. Cancelled: the spec or a command
replaced the candidate before a verdict. Retraining: anything about a Job that retrains, and what
came of it."""
Form = Literal["CloudEvents", "Slack", "Teams"]

USUAL_KINDS: Final[tuple[NoticeKind, ...]] = tuple(
    kind for kind in get_args(NoticeKind) if kind != "StepPassed"
)
MOST_ENDPOINTS: Final = 16


class Endpoint(Type):
    """A receiver of notifications. What is secret about it is in files, and never in an error."""

    name: Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$")]
    form: Form
    folder: Annotated[str, Field(min_length=1)]
    """Directory with the file `url` and, for CloudEvents, `signing-key`; they are read at each
    use."""
    events: Annotated[list[NoticeKind], Field(min_length=1)] = Field(
        default_factory=lambda: list(USUAL_KINDS)
    )
    namespaces: list[str] = Field(default_factory=list)
    """Of the ModelDeployments; empty: all."""
    allow_http: bool = False

    def takes(self, kind: NoticeKind, namespace: str) -> bool:
        """Whether it is to be notified of this."""
        return kind in self.events and (not self.namespaces or namespace in self.namespaces)
