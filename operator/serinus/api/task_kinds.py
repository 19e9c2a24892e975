"""Other kinds of objects than Jobs that whoever runs the operator allows to train a model."""

from typing import Annotated, Final

from pydantic import Field, model_validator

from serinus.api.base import Type

MOST_TASK_KINDS: Final = 16
_NAME: Final = "[a-zA-Z][a-zA-Z0-9]*"
GROUP_VERSION: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[a-z0-9]+$"
KIND_NAME: Final = "^[A-Z][A-Za-z0-9]*$"
PLURAL: Final = "^[a-z][a-z0-9]*$"
PATH: Final = rf"^{_NAME}(\[[A-Za-z0-9]+\])?(\.{_NAME}(\[[A-Za-z0-9]+\])?)*$"
FIELD_OF_SPEC: Final = rf"^spec(\.{_NAME})+$"

Path = Annotated[str, Field(pattern=PATH)]
"""Of a field, such as `status.phase`; `conditions[Ready]` stands for the element of a list whose
`type` is Ready."""


def kind_in_words(api_version: str | None, kind: str | None) -> str:
    """A kind, with what tells it from others of its name."""
    return f"{kind} of {api_version}"


class Reading(Type):
    """How an end is read from an object."""

    path: Path
    values: Annotated[list[str], Field(min_length=1)]
    """Each of which is that end."""


class TaskKind(Type):
    """A kind that may be run, and where in its objects is what the operator must know."""

    api_version: Annotated[str, Field(pattern=GROUP_VERSION)]
    kind: Annotated[str, Field(pattern=KIND_NAME)]
    plural: Annotated[str, Field(pattern=PLURAL)]
    service_account: Annotated[str, Field(pattern=FIELD_OF_SPEC)]
    """The field that has the name of the ServiceAccount."""
    succeeded: Reading
    failed: Reading
    message: Path | None = None
    """What it says of its end; None: nothing."""

    @property
    def name(self) -> str:
        """Of the kind."""
        return kind_in_words(self.api_version, self.kind)

    @model_validator(mode="after")
    def _is_no_job(self) -> "TaskKind":
        if self.api_version.partition("/")[0] == "batch":
            raise ValueError(
                "must not be a kind of the group batch: Jobs may be run anyway, as job"
            )
        return self
