"""The notices that a status holds until every endpoint has got them."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

from serinus.api.notifications import Endpoint
from serinus.api.status import Notice

MOST_NOTICES: Final = 20
"""Notices that a status holds; of more, the oldest are dropped."""


def addressed(
    notices: Iterable[Notice],
    endpoints: Iterable[Endpoint],
    namespace: str,
    registries: Collection[str] = (),
) -> list[Notice]:
    """The notices that an endpoint wants, or one of these registries is to be told, with the names
    of those."""
    chosen = []
    for each in notices:
        to = [one.name for one in endpoints if one.takes(each.kind, namespace)]
        if each.write is not None and receiver(each.write.registry) in registries:
            to.append(receiver(each.write.registry))
        chosen.append(each.replace(to=to))
    return [each for each in chosen if each.to]


def receiver(registry: str) -> str:
    """The name of a registry that is told back, which no endpoint can have."""
    return f"registry:{registry}"


def without(notices: Iterable[Notice], done: Collection[tuple[str, str]]) -> list[Notice]:
    """What is left after these pairs of a notice's id and an endpoint's name."""
    left = [
        each.replace(to=[name for name in each.to if (each.id, name) not in done])
        for each in notices
    ]
    return [each for each in left if each.to]


def bounded(notices: list[Notice]) -> tuple[list[Notice], Counter[str]]:
    """The newest, and how many are dropped by endpoint."""
    dropped = notices[: max(0, len(notices) - MOST_NOTICES)]
    return notices[len(dropped) :], Counter(name for each in dropped for name in each.to)
