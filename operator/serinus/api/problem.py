"""Problems of a manifest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """An invalid field of the manifest, with a message."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

    def below(self, path: str) -> "Problem":
        """The same problem with its field below this path; without a field, the path itself."""
        return Problem(f"{path}.{self.field}" if self.field else path, self.message)
