"""What is wrong with what a user wrote."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A field of the manifest, and what is wrong with it in a sentence."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
