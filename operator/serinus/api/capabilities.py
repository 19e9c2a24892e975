"""What a router can do with requests; what a step needs that its router lacks is refused."""

from enum import StrEnum


class Capability(StrEnum):
    """The value completes "a router that can"."""

    WEIGHTS = "give the candidate a percentage of the traffic"
    EACH_REQUEST = "choose a revision for each request, and not for each connection"
