"""What two matchers of one label have in common, by their values and regular expressions; what is
uncertain counts as possible.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple

from serinus.api.checks.metrics import LabelMatcher


class Word(NamedTuple):
    """What fits one alternative of an expression."""

    places: tuple[frozenset[str] | None, ...]
    """The characters that fit at each; None: any."""
    goes_on: bool
    """Whether anything may follow."""


_PLACE: Final = re.compile(
    r"(?:(?P<any>\.)|(?P<set>\[[A-Za-z0-9_-]+\])|(?P<digit>\\d)|\\(?P<escaped>[^A-Za-z0-9])"
    r"|(?P<itself>[^\\.\[\]{}()*+?^$|]))(?:\{(?P<times>\d{1,2})\})?"
)
_DIGITS: Final = frozenset("0123456789")
_ASCII: Final = tuple(map(chr, range(128)))
_ESCAPE_OR_CLASS: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")
_REPEATED_GROUP: Final = re.compile(r"\)[*+?{]")
_CHOICE: Final = re.compile(r"[*+?{(]")
_MOST_CHOICES: Final = 2
"""Repetitions and groups in an expression that is evaluated here."""
_LONGEST: Final = 128
"""Characters of a value that is compared with an expression."""
_MOST_VALUES: Final = 100
"""Values of a label that are compared with an expression."""
_KEPT: Final = 4096
"""Of answers, since the same matchers are asked about at each look."""


@lru_cache(maxsize=_KEPT)
def never_both(one: LabelMatcher, other: LabelMatcher) -> bool:
    """Whether no series can meet both."""
    if one.label != other.label:
        return False
    for exact, of_it in ((one, other), (other, one)):
        if exact.operator == "=":
            return not _may_meet(exact.value, of_it)
    return _excludes(one, other) or _excludes(other, one)


def only_value(matcher: LabelMatcher) -> str | None:
    """The one value that a matcher selects; None: it may select others."""
    if matcher.operator == "=":
        return matcher.value
    listed = _words(matcher.value) if matcher.operator == "=~" else None
    if listed is None or len(listed) != 1 or listed[0].goes_on:
        return None
    found = [[*place] for place in listed[0].places if place is not None and len(place) == 1]
    return "".join(each for [each] in found) if len(found) == len(listed[0].places) else None


def is_costly(expression: str, values: Collection[str]) -> bool:
    """Whether Python, which backtracks, may take long for it: Prometheus takes linear time, and
    both the expression and the values are a tenant's own."""
    if len(values) > _MOST_VALUES or any(len(each) > _LONGEST for each in values):
        return True
    plain = _ESCAPE_OR_CLASS.sub("", expression).replace("(?", "(")
    return bool(_REPEATED_GROUP.search(plain)) or len(_CHOICE.findall(plain)) > _MOST_CHOICES


def _may_meet(value: str, matcher: LabelMatcher) -> bool:
    costly = "~" in matcher.operator and is_costly(matcher.value, [value])
    return costly or not matcher.read_here or matcher.matches({matcher.label: value})


def _excludes(one: LabelMatcher, other: LabelMatcher) -> bool:
    """Whether none of the values that an expression lists meets another matcher."""
    if one.operator != "=~":
        return False
    if (other.operator, other.value) == ("!~", one.value):
        return True
    pattern = other.value if "~" in other.operator else re.escape(other.value)
    values, named = _words(one.value), _words(pattern)
    if values is None or named is None:
        return False
    if other.operator.startswith("!"):
        return all(any(_is_within(value, each) for each in named) for value in values)
    return not any(_may_be_same(value, each) for value in values for each in named)


@lru_cache(maxsize=_KEPT)
def _words(expression: str) -> tuple[Word, ...] | None:
    """What fits an expression that only lists it, such as `5..|4[0-9]{2}|2.*`; None: it is
    another."""
    words = [_word(each) for each in expression.split("|")]
    known = tuple(word for word in words if word is not None)
    return known if len(known) == len(words) else None


def _word(text: str) -> Word | None:
    places: list[frozenset[str] | None] = []
    goes_on = text.endswith((".*", ".+"))
    at, end = 0, len(text) - 2 if goes_on else len(text)
    while at < end:
        if (found := _PLACE.match(text, at, end)) is None:
            return None
        try:
            place = _fitting(found)
        except re.error:
            return None  # such as [9-0]
        places += [place] * int(found["times"] or 1)
        at = found.end()
    if text.endswith(".+"):
        places.append(None)
    return Word(tuple(places), goes_on)


def _fitting(place: re.Match[str]) -> frozenset[str] | None:
    if place["any"]:
        return None
    if place["digit"]:
        return _DIGITS
    if place["set"]:
        return frozenset(filter(re.compile(place["set"]).fullmatch, _ASCII))
    return frozenset(place["escaped"] or place["itself"])


def _is_within(one: Word, other: Word) -> bool:
    """Whether all that fits the one fits the other."""
    mine, theirs = one.places, other.places
    if len(mine) < len(theirs) or (not other.goes_on and (one.goes_on or len(mine) > len(theirs))):
        return False
    return all(b is None or (a is not None and a <= b) for a, b in zip(mine, theirs, strict=False))


def _may_be_same(one: Word, other: Word) -> bool:
    shorter, longer = sorted((one, other), key=lambda word: len(word.places))
    if len(shorter.places) < len(longer.places) and not shorter.goes_on:
        return False
    both = zip(shorter.places, longer.places, strict=False)
    return all(a is None or b is None or not a.isdisjoint(b) for a, b in both)
