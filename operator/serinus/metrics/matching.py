"""Whether a matcher may ever tell the series of a counter apart, by the values that its label has.

Client libraries export a series with the first event that it counts. So a matcher of errors that
selects nothing may be right: nothing has failed yet. It is wrong if no value of the shape that the
label has could be the one that it names, such as `5xx` where the values are 200 and 404. What is
uncertain counts as possible.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Final

from serinus.api.checks import LabelMatcher
from serinus.api.checks.expressions import is_costly
from serinus.api.checks.metrics import FAILED_CODES, Operator, compiled, is_label_name

_CODES: Final = tuple(str(code) for code in range(100, 600))
_CLASSES: Final = tuple(f"{first}{rest}" for first in range(1, 6) for rest in ("xx", "XX"))
_SMALL_NUMBERS: Final = tuple(str(number) for number in range(100))
_BOOLEANS: Final = ("true", "false"), ("True", "False"), ("TRUE", "FALSE")
_SHAPES: Final = (_CODES, _CLASSES[::2], _CLASSES[1::2], _SMALL_NUMBERS, *_BOOLEANS)
"""Those of which all values are known: status codes, their classes (5xx), codes of gRPC and the
like, booleans. All others are words, if they have no digit, or any text."""
_GREATEST_OF_GRPC: Final = 16
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_ONLY_FAILURES_HAVE: Final = frozenset({"error_type"})
"""By OpenTelemetry's conventions, a series of what did not fail lacks it."""
_LETTER: Final = re.compile(r"[^\W\d_xX]")
_ESCAPED: Final = re.compile(r"\\[A-Za-z]")
_ANY_TEXT: Final = ("a", "0", "/")
"""An expression that all of these fit asks only whether the label is there."""
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_UNCERTAIN: Final = re.compile(r"\)[?*{]|\\[xpPQ]")
"""Expressions whose digits may be optional, or no digits."""
_OPTIONAL_DIGIT: Final = re.compile(r"(?:\\d|\[[0-9-]+\]|[0-9])(?:[?*]|\{0?,[0-9]*\})")
_DIGIT: Final = re.compile(r"\\d|\[[0-9-]+\]|[0-9]")
_REPETITION: Final = re.compile(r"\{[0-9,]+\}")
_KEPT: Final = 4096
"""Of answers, since most revisions have no errors at most looks."""


def may_name(matcher: LabelMatcher, values: Collection[str]) -> bool:
    """Whether the value or expression of a matcher may fit a value like these, to select its
    series or, negated, to leave them out. Without values no series has the label."""
    if not values and matcher.label in _ONLY_FAILURES_HAVE:
        return True
    return _may_name(matcher.operator, matcher.value, frozenset(values))


def corrected(
    matcher: LabelMatcher, values_by_label: Mapping[str, Collection[str]]
) -> LabelMatcher | None:
    """A matcher that means the same, with a label and values that are there; None: none is
    known."""
    labels = filter(is_label_name, values_by_label)
    own_first = sorted(labels, key=lambda label: (label != matcher.label, label))
    for label in own_first:
        values = values_by_label[label]
        for operator, value in _meant(matcher, values):
            proposed = LabelMatcher(label=label, operator=operator, value=value)
            if may_name(proposed, values):
                return proposed
    return None


@lru_cache(maxsize=_KEPT)
def _may_name(operator: Operator, value: str, values: frozenset[str]) -> bool:
    exact = "~" not in operator
    if not exact and is_costly(value, values):
        return True
    expression = re.escape(value) if exact else value
    pattern, in_any_case = compiled(expression), compiled(expression, re.IGNORECASE)
    if pattern is None or in_any_case is None:
        return True  # Prometheus may read it
    if not values:
        return pattern.fullmatch("") is not None or all(map(pattern.fullmatch, _ANY_TEXT))
    if any(map(pattern.fullmatch, values)):
        return True
    if any(map(in_any_case.fullmatch, values)):
        return False
    return any(_may_fit(pattern, value if exact else "", each) for each in values)


def _may_fit(pattern: re.Pattern[str], exact: str, value: str) -> bool:
    """Whether it fits some value of the shape of this one. `exact`: the only one that it fits."""
    for shape in _SHAPES:
        if value in shape:
            return any(map(pattern.fullmatch, shape)) or _is_a_number_like(exact, value)
    if _DIGIT.search(value) or _LETTER.search(exact or _ESCAPED.sub("", pattern.pattern)):
        return True
    return not (_DIGIT.search(exact) if exact else _needs_a_digit(pattern.pattern))


def _is_a_number_like(exact: str, value: str) -> bool:
    """Whether it is a number that may occur together with this one: a rating, an identity of a
    class, or what stands for no answer among codes. A code of HTTP is none among those of gRPC."""
    if not (_NUMBER.fullmatch(exact) and _NUMBER.fullmatch(value)):
        return False
    return exact not in _CODES or float(value) > _GREATEST_OF_GRPC


def _needs_a_digit(expression: str) -> bool:
    """Whether all that it fits has a digit; it may say no although that is so."""
    if _UNCERTAIN.search(expression):
        return False
    required = _REPETITION.sub("", _OPTIONAL_DIGIT.sub("", expression))
    return all(_DIGIT.search(each) for each in required.split("|"))


def _meant(matcher: LabelMatcher, values: Collection[str]) -> Iterator[tuple[Operator, str]]:
    """What it may have been meant to be for a label with these values."""
    negated = matcher.operator.startswith("!")
    equal: Operator = "!=" if negated else "="
    fits: Operator = "!~" if negated else "=~"
    same = sorted(each for each in values if each.lower() == matcher.value.lower())
    yield from ((equal, each) for each in same)
    first = matcher.value[:1]
    if first in set("12345") and all(value in _CODES for value in values):
        yield fits, FAILED_CODES if first == "5" else f"{first}.."
    for upper in (0, 1):
        if first in set("12345") and all(value in _CLASSES[upper::2] for value in values):
            yield equal, f"{first}{('xx', 'XX')[upper]}"
    for meaning in (_YES, _NO):
        if matcher.value.lower() in meaning:
            for pair in (*_BOOLEANS, ("1", "0")):
                if set(values) <= set(pair):
                    yield equal, next(each for each in pair if each.lower() in meaning)
