"""`status.evidence`: what the operator alone reads of a status, in one compact string.

A status in full has every field in its place. As written, the fields with `Role.KEPT` are left out
and stand together in the string: `1:` for the version of this form, then their JSON, compressed by
zlib, in base64.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from serinus.api.base import Role, Type, types_in

FIELD: Final = "evidence"
VERSION: Final = "1"
LONGEST: Final = 1 << 20
"""Characters of the string; etcd stores at most 1.5 MB of an object."""
MOST_BYTES: Final = 16 << 20
"""Of the JSON. A status of 1.5 MB, the most that etcd stores, could expand to a thousand times
that."""
_REMEMBERED: Final = 256 << 10
"""Bytes of the JSON up to which what was read stays in memory for a while. A rollout has some
thousands."""
DEEPEST: Final = 32
"""Objects and lists within each other; ours are 8 deep, and what is read and written recursively
fails at some hundreds."""
_LEVEL: Final = 3
"""A third of the time of level 6, for a tenth more bytes."""

Json = Mapping[str, Any]
Mask = Mapping[str, "Mask | None"]
"""By JSON key, the fields that are meant in an object or in each item of a list; None: all of
it."""


class EvidenceError(ValueError):
    """Evidence that cannot be read, with the reason for people."""


def mask(of: type[Type], *roles: Role) -> Mask:
    """The fields of a type that have one of these roles."""
    found: dict[str, Mask | None] = {}
    for name, each in of.__pydantic_fields__.items():
        key = each.alias or name
        if any(role in each.metadata for role in roles):
            found[key] = None
        elif inner := [m for type_ in types_in(each.annotation) if (m := mask(type_, *roles))]:
            [found[key]] = inner
    return found


def without(value: Any, fields: Mask) -> Any:
    """A JSON value without these fields."""
    if isinstance(value, list):
        return [without(each, fields) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: without(each, inner) if (inner := fields.get(key)) else each
        for key, each in value.items()
        if fields.get(key, {}) is not None
    }


def packed(status: Json, kept: Mask) -> dict[str, Any]:
    """A status as it is written."""
    written: dict[str, Any] = without(status, kept)
    if found := _only(status, kept):
        text = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
        coded = base64.b64encode(zlib.compress(text, _LEVEL)).decode()
        written[FIELD] = f"{VERSION}:{coded}"
    return written


def unpacked(written: Json, kept: Mask) -> dict[str, Any]:
    """A written status in full. What an earlier version wrote is in full, and stays as it is.

    Raises EvidenceError if its evidence cannot be read.
    """
    shown = {key: each for key, each in written.items() if key != FIELD}
    if (text := written.get(FIELD)) is None or _only(shown, kept):
        return shown
    full: dict[str, Any] = _joined(shown, _read(text), kept)
    return full


def shown_alone(written: Json) -> dict[str, Any]:
    """A written status without its evidence."""
    return {key: each for key, each in written.items() if key != FIELD}


def _read(text: Any) -> Any:
    if not isinstance(text, str):
        raise EvidenceError("is not what Serinus writes")
    try:
        return _remembered(text)
    except EvidenceError:
        return _decoded(text, MOST_BYTES)


@lru_cache(maxsize=32)
def _remembered(text: str) -> Any:
    """A pass reads the same status several times, and nobody changes what is read."""
    return _decoded(text, _REMEMBERED)


def _decoded(text: str, most: int) -> Any:
    """`most`: bytes of the JSON."""
    version, colon, coded = text.partition(":")
    if not colon:
        raise EvidenceError("is not what Serinus writes")
    if version != VERSION:
        raise EvidenceError(f"is of version {version[:16]!r}, and this version reads {VERSION!r}")
    try:
        expanding = zlib.decompressobj()
        found = expanding.decompress(base64.b64decode(coded, validate=True), most)
        if not expanding.eof:
            raise EvidenceError(f"is cut off, or larger than {most >> 20} MB")
        return _flat_enough(json.loads(found, parse_constant=_refused))
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        if isinstance(error, EvidenceError):
            raise
        raise EvidenceError("is damaged") from error


def _refused(constant: str) -> Any:
    raise EvidenceError(f"has {constant}, which is no number of JSON")


def _flat_enough(value: Any) -> Any:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for items in inner for each in items if isinstance(each, dict | list)]
        if not level:
            return value
    raise EvidenceError(f"is nested more than {DEEPEST} deep")


def _only(value: Any, fields: Mask) -> Any:
    """Of a JSON value, these fields alone, or nothing that is true if it has none of them. A list
    keeps its length."""
    if isinstance(value, list):
        items = [_only(each, fields) for each in value]
        return items if any(items) else None
    if not isinstance(value, Mapping):
        return None
    found = {}
    for key, inner in fields.items():
        if key in value:
            part = value[key] if inner is None else _only(value[key], inner)
            if inner is None or part:
                found[key] = part
    return found


def _joined(shown: Any, kept: Any, fields: Mask) -> Any:
    """What is shown, with what was kept beside it. What belongs to nothing that is shown, since
    another writer has removed it, is left out."""
    if isinstance(shown, list) and isinstance(kept, list):
        if len(shown) != len(kept):
            raise EvidenceError("belongs to another status")
        return [_joined(a, b, fields) for a, b in zip(shown, kept, strict=True)]
    if not isinstance(shown, Mapping) or not isinstance(kept, Mapping):
        return shown
    joined = dict(shown)
    for key, inner in fields.items():
        if key in kept and inner is None:
            joined[key] = kept[key]
        elif key in kept and inner is not None and key in shown:
            joined[key] = _joined(shown[key], kept[key], inner)
    return joined
