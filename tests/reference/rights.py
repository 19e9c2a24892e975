"""The operator's rights, from the list of kinds: rules for the chart, and a table for people."""

from collections.abc import Iterator
from typing import Final

from serinus.manifests.kinds import KINDS, LEASE, Kind
from tests.support.generated import between_marks

_CORE: Final = '""'
_HEAD: Final = "# Written by make generate from operator/serinus/manifests/kinds.py\n"


def rules() -> str:
    """The rules of the operator's role. Those about Leases, and about objects in no namespace,
    depend on the release, and are in the chart's template."""
    kinds = (kind for kind in KINDS.values() if kind is not LEASE and not kind.in_no_namespace)
    return _HEAD + "".join(
        f"- apiGroups: [{kind.group or _CORE}]\n"
        f"  resources: [{resource}]\n"
        f"  verbs: [{', '.join(verbs)}]\n"
        for kind in kinds
        for resource, verbs, _ in _rights(kind)
    )


def with_table(page: str) -> str:
    """The page with the table between its two marks."""
    rows = ("", "| objects | verbs | for |", "|---|---|---|", *_rows(), "")
    return between_marks(page, "".join(f"{row}\n" for row in rows))


def _rows() -> Iterator[str]:
    for kind in KINDS.values():
        for resource, verbs, why in _rights(kind):
            yield f"| `{resource}` | {', '.join(verbs)} | {why} |"


def _rights(kind: Kind) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Resource, verbs, and what for."""
    yield kind.plural, kind.verbs, kind.why
    if kind.status_verbs:
        yield f"{kind.plural}/status", kind.status_verbs, "what is decided, and on what evidence"
    if kind.eviction_verbs:
        why = "bad pods among good ones (`onePodToBlame`, `stablePod`)"
        yield f"{kind.plural}/eviction", kind.eviction_verbs, why
