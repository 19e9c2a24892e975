"""Why a check that reads a gateway has no verdict."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WaitsForPods:
    """Another check, which reads the pods, may show that only some of them are bad."""

    check: str

    @property
    def message(self) -> str:
        return (
            f"A gateway does not show pods: what it counts is left to the check {self.check} while "
            "that may blame some of them alone."
        )
