"""What a Job leaves when it succeeds: one small JSON object, or text that only people read."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Never

LONGEST_RESULT: Final = 2048
"""Characters that are kept of what a Job leaves; a longer one is no object."""

_SHOWN: Final = 300
"""Characters of it in messages."""
_QUOTED: Final = 60
"""Characters around a mistake in it."""
_CUT: Final = "…"
_HALVES: Final = re.compile("[\ud800-\udfff]")
"""Of characters beyond 16 bits; one without the other, as JSON may have, is no text."""
_KINDS: Final = {list: "a list", str: "text", float: "a number", bool: "a boolean", dict: "nested"}


class NoResultError(Exception):
    """It is no object that limits can be about; the message says why, as the end of a sentence."""


def cut(said: str) -> str:
    """As much of it as the status keeps."""
    return said[: LONGEST_RESULT - 1] + _CUT if len(said) > LONGEST_RESULT else said


def parsed(said: str) -> dict[str, Any]:
    """The object: numbers, strings and booleans, nested one level.

    Raises NoResultError.
    """
    if not said:
        raise NoResultError("it is empty")
    if len(said) >= LONGEST_RESULT and (len(said) > LONGEST_RESULT or said.endswith(_CUT)):
        raise NoResultError(f"it is longer than {LONGEST_RESULT} characters")
    try:
        found = json.loads(
            said, parse_int=float, parse_constant=_refuse, object_pairs_hook=_of_characters
        )
    except json.JSONDecodeError as error:
        place = _printable(said[error.pos : error.pos + _QUOTED]) or "its end"
        why = f"{error.msg[0].lower()}{error.msg[1:]}"
        message = f"it is not JSON at line {error.lineno}, character {error.colno}: {why}, at "
        raise NoResultError(message + place) from error
    except RecursionError as error:
        raise NoResultError("it is nested too deep") from error
    if not isinstance(found, dict):
        raise NoResultError(f"it is {_kind_of(found)} and no object")
    _check(found)
    return found


def read_result(said: str) -> dict[str, Any] | None:
    """The same; None: there is none."""
    try:
        return parsed(said)
    except NoResultError:
        return None


def leaves(result: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Its values by path, such as stable.accuracy."""
    for name, value in result.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{name}.")
        else:
            yield f"{above}{name}", value


def as_text(value: float | str | bool) -> str:
    """A value in messages."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else _printable(value)


def in_words(said: str) -> str:
    """What a Job has left, as people read it: `accuracy 0.914, stable.accuracy 0.921`."""
    result = read_result(said)
    if result is None:
        found = _printable(said)
    else:
        shown = ((_printable(path), as_text(value)) for path, value in leaves(result))
        found = ", ".join(f"{path} {value}" for path, value in shown)
    return f"{found[: _SHOWN - 1]}{_CUT}" if len(found) > _SHOWN else found


def _check(found: Mapping[str, Any], above: str = "") -> None:
    """Raise NoResultError for a value that no result has."""
    for name, value in found.items():
        path = _printable(f"{above}{name}")[:_QUOTED]
        if isinstance(value, float) and abs(value) == float("inf"):
            raise NoResultError(f"{path} is greater than any number")
        if isinstance(value, dict) and not above:
            _check(value, f"{name}.")
        elif isinstance(value, dict):
            raise NoResultError(f"{path} is nested more than one level")
        elif value is None or isinstance(value, list):
            raise NoResultError(
                f"{path} is {_kind_of(value)}: it may be a number, text or a boolean"
            )


def _printable(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _of_characters(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object; what is half a character is none of a text, as the API server reads it too."""
    return {_whole(key): _whole(each) if isinstance(each, str) else each for key, each in pairs}


def _whole(text: str) -> str:
    return _HALVES.sub("\ufffd", text)


def _kind_of(value: Any) -> str:
    return "null" if value is None else _KINDS[type(value)]


def _refuse(constant: str) -> Never:
    raise NoResultError(f"{constant} is no number in JSON: leave the field out")
