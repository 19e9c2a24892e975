"""What a candidate is given of the requests."""

from typing import NamedTuple, Self


class Given(NamedTuple):
    """What clients notice of it is its `rank`."""

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

    @property
    def rank(self) -> tuple[int, int, bool]:
        """The greater of two is of the one of which clients notice more: previews by different
        header fields are alike."""
        return self.weight, self.mirrored, bool(self.preview)

    def at_most(self, other: Self) -> Self:
        """Not more of the requests than another, of clients or copies."""
        more = (self.weight, self.mirrored) > (other.weight, other.mirrored)
        return other if more else self

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
