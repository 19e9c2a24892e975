"""What is wrong with a manifest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A field of the manifest, and what is wrong with it in a sentence."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

    def below(self, path: str) -> "Problem":
        """The same of an object at this path; a problem without a field is the object's."""
        return Problem(f"{path}.{self.field}" if self.field else path, self.message)
