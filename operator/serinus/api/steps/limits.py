"""What a Job leaves when it succeeds, and limits on it as CEL expressions (https://cel.dev).

An expression is short, has no loops, and is about one small object: no expression is expensive.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import cel

from serinus.api.steps.division import without_zeros

LONGEST_LIMIT: Final = 256
MOST_LIMITS: Final = 16
LONGEST_RESULT: Final = 2048
"""Characters that are kept of what a Job leaves; a longer one is no object."""

_SHOWN: Final = 300
"""Characters of it in messages."""
_LONGEST_TEXT: Final = 100
"""Characters of one of its texts beside a limit."""
_ROOT: Final = "result"
_PANIC: Final = "PanicException"
"""By name, since it cannot be imported."""
_FUNCTIONS: Final = ("has", "size", "int", "double", "string", "contains", "startsWith", "endsWith")
_CALLED: Final = re.compile(r"([\w`]+)\s*\(")
_SYNTAX: Final = re.compile(
    r"<input>:1:(\d+): (?:Syntax error: )?(.+?)(?: expecting .*)?$", re.MULTILINE
)
_PATH: Final = r"(?:\.[A-Za-z_]\w*)+"
_FIELD: Final = re.compile(rf"\b{_ROOT}({_PATH})(?![\w(])")
_IN_ORDER: Final = re.compile(
    rf"\b{_ROOT}({_PATH})\s*[<>]|[<>]=?\s*{_ROOT}({_PATH})(?!\s*[\w(.\[])"
)
"""Fields that are compared by < and the like as they are."""
_NONE: Final = " "
"""A field that no result has."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
"""Of characters beyond 16 bits; one without the other, as JSON may have, is no text."""


class UnjudgedError(Exception):
    """What a Job has left cannot be compared with its limits; the message says why."""


def problem_of_limit(limit: str) -> str:
    """Why an expression is refused; empty: it is not."""
    if unknown := {name for name in _CALLED.findall(limit) if name not in (*_FUNCTIONS, "in")}:
        return f"{min(unknown)}(…) is not allowed: only {', '.join(_FUNCTIONS)}, and no loops"
    if not limit.isprintable():
        return "must be one line of printable characters"
    try:
        program = _run(lambda: cel.compile(limit))
    except ValueError as error:
        where = _SYNTAX.search(str(error))
        why = f" at character {where[1]}: {where[2]}" if where else f": {_first_line(error)}"
        return f"is no CEL expression{why}"
    if unknown := set(program.variables()) - {_ROOT}:
        return f"{min(unknown)} is unknown: an expression is about {_ROOT}, what the Job leaves"
    try:
        _run(lambda: program.execute({_ROOT: _of_numbers(limit)}))
    except TypeError as error:
        if "float" in str(error) and "int" in str(error):
            return "numbers of a result are no integers: write 2.0 instead of 2 to calculate"
    except Exception:
        return ""  # it may be about other values than numbers
    return ""


def read_result(text: str) -> dict[str, Any] | None:
    """The JSON object that a Job has left: numbers, strings and booleans, nested one level. None:
    it is none."""
    if len(text) > LONGEST_RESULT:
        return None
    try:
        found = json.loads(
            text, parse_int=float, parse_constant=_refuse, object_pairs_hook=_of_characters
        )
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and _is_flat(found, nested=True) else None


def broken(limits: Sequence[str], said: str) -> str:
    """The limits that what a Job has left does not meet, with its values, as a message; empty: it
    meets all.

    Raises UnjudgedError, unless one is broken for certain.
    """
    result = read_result(said) if limits else {}
    if result is None:
        what = f"left {json.dumps(said[:100])}, which is" if said else "left"
        raise UnjudgedError(f"It {what} no JSON object of numbers and strings for its limits.")
    unmet, unjudged = [], []
    for limit in limits:
        try:
            if not _is_met(limit, result):
                unmet.append(f"{limit} is not met{_values(limit, result)}.")
        except UnjudgedError as error:
            unjudged.append(str(error))
    if unjudged and not unmet:
        raise UnjudgedError(" ".join(unjudged))
    return " ".join(unmet)


def in_words(said: str) -> str:
    """What a Job has left, as people read it: `accuracy 0.914, stable.accuracy 0.921`."""
    result = read_result(said)
    if result is None:
        found = _printable(said)
    else:
        shown = ((_printable(path), _as_text(value)) for path, value in _leaves(result))
        found = ", ".join(f"{path} {value}" for path, value in shown)
    return f"{found[: _SHOWN - 1]}…" if len(found) > _SHOWN else found


def _is_met(limit: str, result: Mapping[str, Any]) -> bool:
    for path, value in _named(limit, result, _IN_ORDER):
        if isinstance(value, str) and _is_number(value):
            raise UnjudgedError(
                f"{limit} cannot be judged: {_ROOT}{path} is {_quoted(value)}, which is text: "
                "write numbers without quotes."
            )
    computed = without_zeros(limit, lambda text: _value(text, result), f"{_ROOT}[{_NONE!r}]")
    try:
        met = _value(computed, result)
    except Exception as error:
        why = _why_not(error, limit, result)
        raise UnjudgedError(f"{limit} cannot be judged: {why}.") from error
    if not isinstance(met, bool):
        raise UnjudgedError(f"{limit} cannot be judged: it is neither true nor false.")
    return met


def _value(expression: str, result: Mapping[str, Any]) -> Any:
    return _run(lambda: cel.compile(expression).execute({_ROOT: result}))


def _why_not(error: Exception, limit: str, result: Mapping[str, Any]) -> str:
    """Why it cannot be computed, as the end of a sentence."""
    if isinstance(error, KeyError):
        missing = error.args[0] != _NONE
        return (
            f"{error.args[0]} is missing" if missing else f"it divides by 0{_values(limit, result)}"
        )
    if isinstance(error, TypeError):
        return f"its values have other types than it needs{_values(limit, result)}"
    return _first_line(error)


def _run(step: Callable[[], Any]) -> Any:
    """What the library answers. A panic of its native code is no Exception, and would end the
    operator: it becomes one here."""
    try:
        return step()
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise ValueError(f"the expression cannot be evaluated: {_first_line(error)}") from error


def _values(limit: str, result: Mapping[str, Any]) -> str:
    """Those that it names."""
    named = _named(limit, result, _FIELD)
    found = [f"{_ROOT}{path} is {_quoted(value)}" for path, value in named]
    return f": {', '.join(found)}" if found else ""


def _named(
    limit: str, result: Mapping[str, Any], where: re.Pattern[str]
) -> Iterator[tuple[str, float | str | bool]]:
    """Fields that it names there and the result has, each once, with their values."""
    leaves = {f".{path}": value for path, value in _leaves(result)}
    paths = (path for found in where.finditer(limit) for path in found.groups() if path)
    yield from ((path, leaves[path]) for path in dict.fromkeys(paths) if path in leaves)


def _leaves(result: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in result.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{name}.")
        else:
            yield f"{above}{name}", value


def _as_text(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else _printable(value)


def _quoted(value: float | str | bool) -> str:
    """As in a limit."""
    text = _as_text(value)
    if not isinstance(value, str):
        return text
    return f'"{text[: _LONGEST_TEXT - 1]}…"' if len(text) > _LONGEST_TEXT else f'"{text}"'


def _printable(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _of_characters(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object; what is half a character is none of a text, as the API server reads it too."""
    return {_whole(key): _whole(each) if isinstance(each, str) else each for key, each in pairs}


def _whole(text: str) -> str:
    return _HALVES.sub("\ufffd", text)


def _of_numbers(limit: str) -> dict[str, Any]:
    """A result in which each field that it names is a number."""
    made: dict[str, Any] = {}
    for path in _FIELD.findall(limit):
        *above, last = path[1:].split(".")
        inner = made
        for name in above:
            inner = inner[name] if isinstance(inner.get(name), dict) else inner.setdefault(name, {})
            if not isinstance(inner, dict):
                return {}
        inner.setdefault(last, 1.0)
    return made


def _is_flat(found: dict[str, Any], *, nested: bool) -> bool:
    return all(
        isinstance(value, str | bool)
        or (isinstance(value, float) and abs(value) < float("inf"))
        or (nested and isinstance(value, dict) and _is_flat(value, nested=False))
        for value in found.values()
    )


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _first_line(error: BaseException) -> str:
    found = str(error).splitlines()
    return found[0].rstrip(". ") if found else type(error).__name__
