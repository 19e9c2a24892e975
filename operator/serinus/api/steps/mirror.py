"""A step that copies a part of the traffic to the candidate."""

from pydantic import Field

from serinus.api.base import Type
from serinus.api.capabilities import Capability
from serinus.api.steps.given import Given


class Mirror(Type):
    """Copies of requests that the candidate gets. Stable answers the clients, and the gateway drops
    the candidate's answers."""

    percent: int = Field(
        ge=1, le=100, description="Percentage of stable's requests that are copied, 1 to 100."
    )

    @property
    def needs(self) -> frozenset[Capability]:
        """Of the router: more copy all requests than a percentage of them."""
        return frozenset({Capability.MIRROR if self.percent < 100 else Capability.MIRROR_ALL})

    @property
    def gives(self) -> Given:
        """No client gets an answer of the candidate."""
        return Given(mirrored=self.percent)
