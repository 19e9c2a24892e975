"""Unknown fields, and the known ones that were probably meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from serinus.api.base import Type, types_in


def unknown_field(name: str, known: Iterable[str]) -> str:
    """`is an unknown field; did you mean replicas?`; nothing is proposed if none is similar."""
    nearest = get_close_matches(name, list(known), n=1)
    return "is an unknown field" + "".join(f"; did you mean {each}?" for each in nearest)


def fields_at(wanted: type[Type], path: Sequence[str | int]) -> list[str]:
    """The fields of the object at a path below one of this type, as they are written."""
    for name in path:
        if isinstance(name, str):  # a number is the place in a list, whose items share their fields
            wanted = next(types_in(_fields(wanted)[name]))
    return list(_fields(wanted))


def _fields(of: type[Type]) -> dict[str, Any]:
    """Their annotations, by name in the manifest."""
    return {str(field.alias): field.annotation for field in of.model_fields.values()}
