"""Generated PromQL: one form for each meaning, in unambiguous characters."""

import math
from typing import Final

_NOT_AS_IT_IS: Final = {"\\": "\\\\", '"': '\\"', "\ufffd": "\\ufffd"}
"""Prometheus's lexer replaces broken UTF-8 by U+FFFD, and rejects it."""


def quoted(text: str) -> str:
    """A PromQL string with this content."""
    return '"' + "".join(map(_character, text)) + '"'


def number(value: float) -> str:
    """As an operand, without a sign."""
    if math.isfinite(value):
        return repr(value).removesuffix(".0")
    return "NaN" if math.isnan(value) else "Inf"


def duration(milliseconds: int) -> str:
    """With a unit, as older releases of Prometheus require."""
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _character(character: str) -> str:
    if character in _NOT_AS_IT_IS:
        return _NOT_AS_IT_IS[character]
    if character.isprintable():
        return character
    point = ord(character)
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
