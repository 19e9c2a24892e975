"""PromQL as we write it: one form for each meaning, in characters that everything reads alike."""

import math
from typing import Final

_NOT_AS_IT_IS: Final = {"\\": "\\\\", '"': '\\"', "\ufffd": "\\ufffd"}
"""U+FFFD is what Prometheus's lexer makes of broken UTF-8, and so refuses."""


def quoted(text: str) -> str:
    """A PromQL string that stands for the text, whatever is in it."""
    return '"' + "".join(map(_character, text)) + '"'


def number(value: float) -> str:
    """As an operand: never with a sign."""
    if math.isfinite(value):
        return repr(value).removesuffix(".0")
    return "NaN" if math.isnan(value) else "Inf"


def duration(milliseconds: int) -> str:
    """With a unit, which older releases of Prometheus want."""
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
