"""Limits on what a Job leaves when it succeeds, as CEL expressions (https://cel.dev).

An expression is short, has no loops, and is about one small object: no expression is expensive.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from serinus.api.steps.division import without_zeros
from serinus.api.steps.results import NoResultError, as_text, leaves, parsed

if TYPE_CHECKING:
    import cel

LONGEST_LIMIT: Final = 256
MOST_LIMITS: Final = 16

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
_NOTHING: Final = "It wrote no result to compare with its limits."
_REMEDY: Final = (
    'Let a container write one JSON object to /dev/termination-log, such as {"accuracy": 0.91}: '
    "numbers, text and booleans, nested one level at most."
)
_EXAMPLE: Final = f"{_ROOT}.accuracy >= 0.8"
_TEXT: Final = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""")
_OPERATION: Final = re.compile(r"Unsupported operation: (?:float|int) (\S+) (?:float|int)\.")
_PATH: Final = r"(?:\.[A-Za-z_]\w*)+"
_FIELD: Final = re.compile(rf"\b{_ROOT}({_PATH})(?![\w(])")
_IN_ORDER: Final = re.compile(
    rf"\b{_ROOT}({_PATH})\s*[<>]|[<>]=?\s*{_ROOT}({_PATH})(?!\s*[\w(.\[])"
)
"""Fields that are compared by < and the like as they are."""
_NONE: Final = " "
"""A field that no result has."""


class UnjudgedError(Exception):
    """What a Job has left cannot be compared with its limits; the message says why."""


@lru_cache(maxsize=1024)
def problem_of_limit(limit: str) -> str:
    """Why an expression is refused; empty: it is not."""
    if unknown := {name for name in _CALLED.findall(limit) if name not in (*_FUNCTIONS, "in")}:
        return f"{min(unknown)}(…) is not allowed: only {', '.join(_FUNCTIONS)}, and no loops"
    if not limit.isprintable():
        return "must be one line of printable characters"
    try:
        program = _compiled(limit)
    except ValueError as error:
        where = _SYNTAX.search(str(error))
        why = f" at character {where[1]}: {where[2]}" if where else f": {_first_line(error)}"
        return f"is no CEL expression{why}"
    if unknown := set(program.variables()) - {_ROOT}:
        return f"{min(unknown)} is unknown: an expression is about {_ROOT}, what the Job leaves"
    if not program.variables():
        return f"is the same whatever the Job leaves: compare {_ROOT}, as in {_EXAMPLE}"
    paths = (path[1:] for path in _FIELD.findall(_TEXT.sub("''", limit)))
    if deep := next((path for path in paths if path.count(".") > 1), ""):
        return f"{_ROOT}.{deep} cannot be there: a result is nested one level at most"
    return ""


def _of_numbers(operator: str) -> str:
    """What is wrong with a calculation."""
    if operator == "%":
        return "the remainder of % is one of integers: write int(…) around each of its operands"
    return "numbers of a result are no integers: write 2.0 instead of 2 to calculate"


def broken(limits: Sequence[str], said: str) -> str:
    """The limits that what a Job has left does not meet, with its values, as a message; empty: it
    meets all.

    Raises UnjudgedError, unless one is broken for certain.
    """
    try:
        result = parsed(said) if limits else {}
    except NoResultError as error:
        what = f"Its result cannot be compared with its limits: {error}." if said else _NOTHING
        raise UnjudgedError(f"{what} {_REMEDY}") from error
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
        why = f"it is neither true nor false: compare it with something, as in {_EXAMPLE}"
        raise UnjudgedError(f"{limit} cannot be judged: {why}.")
    return met


def _value(expression: str, result: Mapping[str, Any]) -> Any:
    program = _compiled(expression)
    return _run(lambda: program.execute({_ROOT: result}))


def _compiled(expression: str) -> "cel.Program":
    """The library is imported with the first limit: it imports a terminal application of its own,
    which is a third of the time that a command takes to start."""
    import cel

    program: cel.Program = _run(lambda: cel.compile(expression))
    return program


def _why_not(error: Exception, limit: str, result: Mapping[str, Any]) -> str:
    """Why it cannot be computed, as the end of a sentence."""
    if isinstance(error, KeyError):
        missing = error.args[0] != _NONE
        return (
            f"{error.args[0]} is missing" if missing else f"it divides by 0{_values(limit, result)}"
        )
    if isinstance(error, TypeError):
        if numbers := _OPERATION.match(str(error)):
            return _of_numbers(numbers[1])
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
    found = {f".{path}": value for path, value in leaves(result)}
    paths = (path for at in where.finditer(limit) for path in at.groups() if path)
    yield from ((path, found[path]) for path in dict.fromkeys(paths) if path in found)


def _quoted(value: float | str | bool) -> str:
    """As in a limit."""
    text = as_text(value)
    if not isinstance(value, str):
        return text
    return f'"{text[: _LONGEST_TEXT - 1]}…"' if len(text) > _LONGEST_TEXT else f'"{text}"'


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    found = str(error).splitlines()
    return found[0].rstrip(". ") if found else type(error).__name__
