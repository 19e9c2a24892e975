"""What a candidate is given of the requests."""

from typing import NamedTuple, Self


class Given(NamedTuple):
    """The greater of two is the one of which clients notice more."""

    weight: int = 0
    """Percentage of the clients' requests that it answers."""
    mirrored: int = 0
    """Percentage of requests of which it gets a copy, and whose answers nobody gets."""
    preview: tuple[tuple[str, str], ...] = ()
    """Header fields, each with its name and value: it answers requests that have all of them."""

    @property
    def percent(self) -> int:
        """Of the requests that it serves, of clients or copies, beside those of a preview."""
        return self.weight or self.mirrored

    def at_most(self, percent: int) -> Self:
        """Not more than so much of the requests."""
        weight, mirrored = min(self.weight, percent), min(self.mirrored, percent)
        return self._replace(weight=weight, mirrored=mirrored)

    @property
    def short(self) -> str:
        """Where there is little room."""
        if self.preview:
            return "preview"
        return f"mirror {self.mirrored}%" if self.mirrored else f"{self.weight}%"

    def __str__(self) -> str:
        if self.mirrored:
            return f"mirror {self.mirrored}%"
        if self.preview:
            return f"preview ({headers(self.preview)})"
        return f"weight {self.weight}%"


def headers(preview: tuple[tuple[str, str], ...]) -> str:
    """In messages."""
    return ", ".join(f"{name}: {value}" for name, value in preview)
