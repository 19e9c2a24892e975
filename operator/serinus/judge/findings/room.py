"""More evidence than the status has room for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Too many quantities are compared by all checks together."""

    wanted: int
    most: int

    @property
    def message(self) -> str:
        return (
            f"All checks together compare {self.wanted} classes, ranges and groups, but the status "
            f"has room for {self.most}, which other checks need: remove a check, or export coarser "
            "classes or buckets."
        )
