"""What a candidate is given of the requests."""

from typing import NamedTuple, Self


class Tried(NamedTuple):
    """The requests by which people try a candidate: those that have all of the header fields, and
    those to one of the host names."""

    headers: tuple[tuple[str, str], ...] = ()
    """Name and value of each."""
    hostnames: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = ", ".join(f"{name}: {value}" for name, value in self.headers)
        return " or ".join(filter(None, (fields, *self.hostnames)))


class Given(NamedTuple):
    """What clients notice of it is its `rank`."""

    weight: int = 0
    """Percentage of the clients' requests that it answers."""
    mirrored: int = 0
    """Percentage of requests of which it gets a copy, and whose answers nobody gets."""
    preview: Tried | None = None
    """The requests that it answers besides."""

    @property
    def percent(self) -> int:
        """Of the requests that it serves, of clients or copies, beside those of a preview."""
        return self.weight or self.mirrored

    @property
    def rank(self) -> tuple[int, int, bool]:
        """The greater of two is of the one of which clients notice more: previews by different
        requests are alike."""
        return self.weight, self.mirrored, self.preview is not None

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
            return f"preview ({self.preview})"
        return f"weight {self.weight}%"
