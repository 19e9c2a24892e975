"""Why a check that reads a gateway has no verdict."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WaitsForPods:
    """Another check, which reads the pods, may show that only some of them are bad."""

    check: str

    @property
    def message(self) -> str:
        return (
            f"A gateway does not count by pod: this check waits while another ({self.check}) may "
            "find that only some pods are bad."
        )
