"""Division by zero in CEL: of two doubles it is infinite, and so above or below every limit."""

import re
from collections.abc import Callable
from typing import Any, Final

_TOKEN: Final = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\w.`]+|\s+|.""", re.DOTALL)


def without_zeros(text: str, value_of: Callable[[str], Any], instead: str) -> str:
    """An expression in which each divisor that is 0 is another expression `instead`. `value_of`
    raises an exception for what is none."""
    divided = [found.end() for found in _TOKEN.finditer(text) if found[0] == "/"]
    for at in reversed(divided):
        divisor = _operand(text[at:])
        if _is_zero(divisor, value_of):
            text = f"{text[:at]} {instead}{text[at + len(divisor) :]}"
    return text


def _operand(text: str) -> str:
    """The one with which a text begins: signs, then a name, a number, a string or brackets, with
    the fields, items and calls of it."""
    end, depth, begun = 0, 0, False
    for token in _TOKEN.findall(text):
        goes_on = token in ("(", "[") or token.startswith(".")
        if begun and depth == 0 and not goes_on:
            break
        depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))
        begun = begun or not (token in ("-", "!") or token.isspace())
        end += len(token)
    return text[:end]


def _is_zero(divisor: str, value_of: Callable[[str], Any]) -> bool:
    try:
        return bool(value_of(divisor) == 0)
    except Exception:
        return False
