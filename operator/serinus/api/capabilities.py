"""What a router can do with requests; what a step needs that its router lacks is refused."""

from enum import StrEnum


class Capability(StrEnum):
    """The value completes "a router that can"."""

    WEIGHTS = "give the candidate a percentage of the traffic"
    MIRROR = "copy a percentage of the requests"
    MIRROR_ALL = "copy all requests"
    PREVIEW = "choose a revision by header fields of a request"
    PREVIEW_HOST = "choose a revision by the host name of a request"
    BY_SERVICE = "send requests to the Service of each revision"
    EACH_REQUEST = "choose a revision for each request, and not for each connection"
