"""How pods are named after what runs them, by which series are found: the name of a Deployment, the
hash of its ReplicaSet, and a suffix."""

import re
from typing import Final

_HASH_AND_SUFFIX: Final = "-[a-z0-9]+-[a-z0-9]{5}"

MAX_WORKLOAD: Final = 46
"""Maximum length of a workload's name. Kubernetes cuts a pod's name at 63 characters: with a
longer name, the end of the hash is lost, and the pod cannot be identified."""


def workload_of(pod: str) -> str:
    """The name of what runs a pod."""
    return pod.rsplit("-", 2)[0]


def pods(workload: str) -> str:
    """A regular expression (RE2) of the names of a workload's pods."""
    return pods_of(literal(workload))


def pods_of(workloads: str) -> str:
    """The same for several, given as a regular expression."""
    return f"{workloads}{_HASH_AND_SUFFIX}"


def literal(name: str) -> str:
    """The name as a regular expression; a dash needs no escape outside of brackets."""
    return re.escape(name).replace(r"\-", "-")
