"""Tokens of PromQL: names, numbers, durations, strings, symbols and placeholders."""

import math
import re
import warnings
from dataclasses import dataclass
from typing import Final, NoReturn

MAX_LENGTH: Final = 2048
"""Maximum length of a query in characters."""

LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
PLACEHOLDERS: Final = ("$arm", "$namespace")

_UNITS: Final = {
    "y": 31536000.0,
    "w": 604800.0,
    "d": 86400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 0.001,
}
_TOKEN: Final = re.compile(
    rf"""
    (?P<blank>[ \t\n]+ | \#[^\n]*)
  | (?P<duration>(?=[0-9]+[a-z]){"".join(f"(?:[0-9]+{unit})?" for unit in _UNITS)}(?![\w.]))
  | (?P<number>(?:0[xX][0-9a-fA-F]{{1,15}}|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      (?![\w.]))
  | (?P<word>:?[a-zA-Z_][a-zA-Z0-9_:]*)
  | (?P<placeholder>\$[a-zA-Z0-9_]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*`)
  | (?P<symbol>==|!=|<=|>=|=~|!~|[-+*/%^<>=(){{}}\[\],:@])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""All control characters except the tab and the line feed. They are invisible, and programs
disagree on which of them end a line."""
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}

_ESCAPE: Final = re.compile(
    r"""\\(?:(?P<one>[abfnrtv\\"'])|(?P<octal>[0-3][0-7]{2})"""
    r"""|x(?P<byte>[0-9a-fA-F]{2})|(?P<point>u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|.)""",
    re.DOTALL,
)
_ONE_LETTER: Final = {
    **dict(zip("abfnrtv", b"\a\b\f\n\r\t\v", strict=True)),
    **dict(zip("\\\"'", b"\\\"'", strict=True)),
}

_GROUP_WE_KNOW: Final = r":|P<[A-Za-z_][A-Za-z0-9_]*>|[ims]+(?:-[ims]+)?[:)]"
_NOT_RE2: Final = re.compile(rf"\(\?(?!{_GROUP_WE_KNOW})|[*+?}}]\+")
_NOT_RE2_ESCAPE: Final = re.compile(r"\\[^\x00-\x7f]|\\[1-9ZNuU]|\[[^\]]*\\b")
_MAX_REPEAT: Final = 1000


class GrammarError(Exception):
    """The text is not valid or not accepted PromQL; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the query. Kinds: duration, number, word, placeholder, string, symbol, end."""

    kind: str
    text: str
    at: int
    """Position of its first character, from 0."""

    @property
    def shown(self) -> str:
        """How it is shown in a message."""
        return "the end" if self.kind == "end" else self.text

    def refuse(self, why: str) -> NoReturn:
        """Raises GrammarError that names the position."""
        raise GrammarError(f"at character {self.at + 1}: {why}")

    def value(self) -> float:
        """Value of a number, or of a duration in seconds."""
        if self.kind == "duration":
            parts = re.findall(r"([0-9]+)([a-z]+)", self.text)
            return sum(float(count) * _UNITS[unit] for count, unit in parts)
        lowered = self.text.lower()
        return float(int(lowered, 16)) if lowered.startswith("0x") else float(lowered)

    def string(self) -> str:
        """The content of a string. Raises GrammarError for an escape that Prometheus rejects."""
        inner = self.text[1:-1]
        if self.text[0] == "`":
            return inner
        found, at = bytearray(), 0
        for escape in _ESCAPE.finditer(inner):
            found += inner[at : escape.start()].encode("utf-8", "surrogatepass")
            found += self._meant(escape)
            at = escape.end()
        found += inner[at:].encode("utf-8", "surrogatepass")
        try:
            return found.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            self.refuse(
                f"the bytes of {self.text} are not valid UTF-8: write \\u00e9 for the letter é"
            )

    def _meant(self, escape: re.Match[str]) -> bytes:
        """A byte for \\x and three digits, a character for the others."""
        one, octal, byte, digits = escape["one"], escape["octal"], escape["byte"], escape["point"]
        other_quote = "'" if self.text[0] == '"' else '"'
        if one and one != other_quote:
            return bytes([_ONE_LETTER[one]])
        if octal or byte:
            return bytes([int(octal, 8) if octal else int(byte, 16)])
        point = int(digits[1:] if digits else "-1", 16)
        if 0 <= point < 0xD800 or 0xDFFF < point <= 0x10FFFF:
            return chr(point).encode()
        return self.refuse(f"unknown escape {escape[0]} in {self.text}: write \\\\ for a backslash")

    def pattern(self) -> None:
        """Raises GrammarError if a string is not a regular expression that RE2 supports.

        Python's engine detects syntax errors; features that it has and RE2
        (https://github.com/google/re2/wiki/Syntax) lacks are checked separately.
        """
        pattern = self.string()
        try:
            with warnings.catch_warnings(action="ignore", category=FutureWarning):
                re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            self.refuse(f"{self.text} is not a valid regular expression: {error}")
        without_escapes = re.sub(r"\\.", "_", pattern, flags=re.DOTALL)
        if _NOT_RE2.search(without_escapes) or _NOT_RE2_ESCAPE.search(pattern.replace(r"\\", "_")):
            self.refuse(
                f"{self.text} uses features that Prometheus does not support: look-around, "
                "back-references, possessive quantifiers or escapes of letters that need none"
            )
        counts = re.findall(r"\{([0-9]+)(?:,([0-9]*))?\}", without_escapes)
        if math.prod(max(int(least), int(most or 0), 1) for least, most in counts) > _MAX_REPEAT:
            self.refuse(f"{self.text} repeats more than {_MAX_REPEAT} times")


def tokens(query: str) -> list[Token]:
    """The tokens of the query without blanks and comments, followed by an `end`.

    Raises GrammarError for invalid tokens, and for brackets that do not match.
    """
    if control := _CONTROL.search(query):
        Token("", control[0], control.start()).refuse(
            f"a query must not contain the control character U+{ord(control[0]):04X}: remove it; "
            "within quotes, write it as an escape, such as \\r"
        )
    found, at = [], 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None:
            Token("", query[at], at).refuse(_unreadable(query[at]))
        token = Token(str(match.lastgroup), match[0], at)
        at = match.end()
        if token.kind != "blank":
            _check(token)
            found.append(token)
    _check_brackets([token for token in found if token.kind == "symbol"])
    return [*found, Token("end", "", len(query))]


def _unreadable(character: str) -> str:
    if character in "\"'`":
        return f"the quote {character} is not closed"
    if character.isdigit():
        return "expected a number or a duration such as 30s, 5m or 1h30m"
    return f"unexpected {character!r}"


def _check(token: Token) -> None:
    if token.kind == "number":
        if math.isinf(token.value()):
            token.refuse(f"the number {token.text} is too large")
        if re.fullmatch("0[0-9]+", token.text):
            token.refuse(f"Prometheus reads {token.text} as octal: remove the leading zeros")
    elif token.kind == "placeholder" and token.text not in PLACEHOLDERS:
        token.refuse(f"unknown {token.text}: use $arm or $namespace")
    elif token.kind == "string":
        text = token.string()
        if named := re.search(r"\$(arm|namespace)\b", text):
            token.refuse(
                f"{named[0]} inside quotes has no effect: write it without quotes within the "
                f"braces, "
                f"as in up{{{named[0]}}}"
            )
        if re.search("[\ud800-\udfff]", text):
            token.refuse("the string contains half of a surrogate pair, which is not a character")


def _check_brackets(symbols: list[Token]) -> None:
    opened: list[Token] = []
    for token in symbols:
        if token.text in _CLOSING:
            opened.append(token)
        elif token.text in _CLOSING.values():
            if not opened:
                token.refuse(f"{token.text} has no opening bracket")
            start = opened.pop()
            if _CLOSING[start.text] != token.text:
                token.refuse(f"{start.text} of character {start.at + 1} is closed by {token.text}")
    if opened:
        opened[-1].refuse(f"{opened[-1].text} is not closed: add {_CLOSING[opened[-1].text]}")
