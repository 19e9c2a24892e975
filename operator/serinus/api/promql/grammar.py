"""The grammar of PromQL with its types, as far as it is accepted.

Source: https://prometheus.io/docs/prometheus/latest/querying/basics/ and /operators/ and
/functions/, as of Prometheus 3.15, without experimental functions. While parsing, each part
generates its `text`; only that is sent, so that another parser cannot interpret the user's text
differently.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from serinus.api.promql import text
from serinus.api.promql.tokens import LABEL, PLACEHOLDERS, Token

MAX_DEPTH: Final = 40
"""Levels of nesting."""
MAX_RANGE: Final = 3600.0
"""Seconds of a range or a subquery."""
MAX_OFFSET: Final = 7 * 86400.0
"""Largest offset into the past, in seconds."""
MAX_SUBQUERY_STEPS: Final = 360
_DEFAULT_STEP: Final = 60_000
"""Default step of a subquery in milliseconds, as in a default installation of Prometheus."""

ValueType = Literal["scalar", "vector", "matrix", "string"]
Item = TypeVar("Item")

_AGGREGATIONS: Final[dict[str, tuple[ValueType, ...]]] = {
    **dict.fromkeys(
        ("sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"), ("vector",)
    ),
    **dict.fromkeys(("topk", "bottomk", "quantile"), ("scalar", "vector")),
    "count_values": ("string", "vector"),
}
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_SETS: Final = frozenset({"and", "or", "unless"})
_BINDING: Final = {
    "or": 1, "and": 2, "unless": 2, **dict.fromkeys(_COMPARISONS, 3), "+": 4, "-": 4,
    "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
_UNARY_BINDING: Final = 5
_NUMBER_WORDS: Final = frozenset({"inf", "nan"})
_KEYWORDS: Final = frozenset(
    {*_AGGREGATIONS, *_NUMBER_WORDS, "and", "or", "unless", "atan2", "offset", "by", "without",
     "on", "ignoring", "group_left", "group_right", "bool", "start", "end", "anchored",
     "smoothed"}
)  # fmt: skip
_QUOTED_AS_METRIC: Final = _KEYWORDS | {
    "limitk", "limit_ratio", "fill", "fill_left", "fill_right", "step", "range", "max_of", "min_of",
}  # fmt: skip
"""Some are keywords in newer releases only; in quotes, all of them are names."""
_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_NO_GROUPING_LABELS: Final = _NUMBER_WORDS | {"without", "anchored", "smoothed"}
_NO_MATCHER_LABELS: Final = frozenset({"or"})
"""MetricsQL extends a selector by it."""


@dataclass(frozen=True, slots=True)
class _Signature:
    takes: tuple[ValueType, ...]
    gives: ValueType = "vector"
    optional: int = 0
    """How many of the last arguments are optional."""
    repeats: bool = False
    """Whether the last argument may be repeated."""


def _words(words: str, signature: _Signature) -> dict[str, _Signature]:
    return dict.fromkeys(words.split(), signature)


_FUNCTIONS: Final[dict[str, _Signature]] = {
    **_words(
        "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg "
        "histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn "
        "sin sinh sort sort_desc sqrt tan tanh timestamp",
        _Signature(("vector",)),
    ),
    **_words(
        "absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta "
        "increase irate last_over_time max_over_time min_over_time present_over_time rate resets "
        "stddev_over_time stdvar_over_time sum_over_time",
        _Signature(("matrix",)),
    ),
    **_words(
        "day_of_month day_of_week day_of_year days_in_month hour minute month year",
        _Signature(("vector",), optional=1),
    ),
    **_words("pi time", _Signature((), "scalar")),
    **_words("clamp_max clamp_min", _Signature(("vector", "scalar"))),
    "clamp": _Signature(("vector", "scalar", "scalar")),
    "histogram_fraction": _Signature(("scalar", "scalar", "vector")),
    "histogram_quantile": _Signature(("scalar", "vector")),
    "label_join": _Signature(("vector", "string", "string", "string"), repeats=True),
    "label_replace": _Signature(("vector", "string", "string", "string", "string")),
    "predict_linear": _Signature(("matrix", "scalar")),
    "quantile_over_time": _Signature(("scalar", "matrix")),
    "round": _Signature(("vector", "scalar"), optional=1),
    "scalar": _Signature(("vector",), "scalar"),
    "vector": _Signature(("scalar",)),
}


@dataclass(frozen=True, slots=True)
class _Expression:
    type: ValueType
    start: Token
    text: str
    form: Literal["selector", "range", "subquery", "operation", "other"] = "other"
    offset: bool = False

    @property
    def operand(self) -> str:
        """Its text as an operand, grouped as it was parsed."""
        return f"({self.text})" if self.form == "operation" else self.text

    def must_be(self, *types: ValueType) -> None:
        if self.type not in types:
            remedy = _REMEDIES.get((self.type, types[0]), "")
            self.start.refuse(f"expected {_NAMES[types[0]]}, found {_NAMES[self.type]}{remedy}")


@dataclass(frozen=True, slots=True)
class Matcher:
    """A matcher of a label, with its text as it is generated."""

    label: str
    value: str
    text: str
    excludes: bool
    """Whether it selects all but this value."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector as it was written: from which character to which, and what it selects by."""

    start: int
    end: int
    metric: str
    matchers: tuple[Matcher, ...]

    def written(self, matchers: list[str]) -> str:
        """The selector with these matchers or placeholders instead."""
        return _metric_and(self.metric, matchers)


@dataclass(frozen=True, slots=True)
class _Item:
    """An item within the braces of a selector: a placeholder, the name of the metric or a matcher
    of a label."""

    token: Token
    text: str
    metric: str | None = None
    label: str | None = None
    value: str = ""
    excludes: bool = False


_NAMES: Final[dict[ValueType, str]] = {
    "scalar": "a number",
    "vector": "an instant vector",
    "matrix": "a range of samples",
    "string": "a string",
}
_REMEDIES: Final[dict[tuple[ValueType, ValueType], str]] = {
    ("matrix", "vector"): ": wrap it in a function such as rate() or max_over_time()",
    ("vector", "matrix"): ": add a range such as [5m]",
    ("vector", "scalar"): ": wrap it in scalar()",
    ("scalar", "vector"): ": wrap it in vector()",
}


def _reserved(label: str | None, bound: list[Token]) -> str:
    """Why a selector must not have a matcher of this label; empty if it may."""
    if label == "__name__":
        return "write the name of the metric before the braces"
    if label == "namespace":
        return "$arm and $namespace set it"
    if label == "pod" and any(token.text == "$arm" for token in bound):
        return "$arm sets it"
    return ""


def _metric_and(metric: str, matchers: list[str]) -> str:
    if _METRIC.fullmatch(metric) and metric.lower() not in _QUOTED_AS_METRIC:
        return f"{metric}{{{','.join(matchers)}}}"
    return f"{{{','.join([text.quoted(metric), *matchers])}}}"


def _grouped(labels: list[str]) -> str:
    return f"({','.join(_label(label, _NO_GROUPING_LABELS) for label in labels)})"


def _label(name: str, keywords: frozenset[str]) -> str:
    return name if _is_bare(name, keywords) else text.quoted(name)


def _is_bare(label: str, keywords: frozenset[str]) -> bool:
    """Whether a label name needs no quotes."""
    return bool(LABEL.fullmatch(label)) and label.lower() not in keywords


class Parser:
    """Recursive descent; binary operators by precedence climbing."""

    def __init__(self, tokens: list[Token], placeholders: Mapping[str, str]) -> None:
        """`placeholders` has the text for each of them."""
        self._tokens = tokens
        self._placeholders = placeholders
        self._place = 0
        self._depth = 0
        self.problems: list[str] = []
        self.selectors: list[Selector] = []

    def whole(self) -> str:
        """Parse the whole query, which must return a number or a vector of numbers, and generate
        its text."""
        if self._next.kind == "end":
            self._next.refuse("the query is empty")
        found = self._expression()
        if self._next.kind != "end":
            self._next.refuse(f"unexpected {self._next.shown}")
        found.must_be("vector", "scalar")
        return found.text

    # tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += 1
        return token

    def _sees(self, *texts: str) -> bool:
        """Whether one of these symbols or keywords (in any case) is next."""
        token = self._next
        text = token.text.lower() if token.kind == "word" else token.text
        return token.kind in ("word", "symbol") and text in texts

    def _expect(self, text: str) -> Token:
        if not self._sees(text):
            self._next.refuse(f"expected {text}, found {self._next.shown}")
        return self._take()

    # expressions

    def _expression(self, binding: int = 1) -> _Expression:
        """An expression whose operators have at least this precedence."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._next.refuse(f"the query is nested more than {MAX_DEPTH} levels deep")
        left = self._unary()
        while self._sees(*_BINDING):
            operator = self._take()
            name = operator.text.lower()
            if _BINDING[name] < binding:
                self._place -= 1
                break
            left = self._binary(left, operator, name)
        self._depth -= 1
        return left

    def _unary(self) -> _Expression:
        if not self._sees("+", "-"):
            return self._postfix()
        sign = self._take()
        operand = self._expression(_UNARY_BINDING + 1)
        operand.must_be("scalar", "vector")
        return _Expression(operand.type, sign, f"{sign.text}{operand.operand}", "operation")

    def _binary(self, left: _Expression, operator: Token, name: str) -> _Expression:
        if has_bool := self._sees("bool"):
            self._take()
        matching = self._matching()
        right = self._expression(_BINDING[name] + (name != "^"))
        left.must_be("vector", "scalar")
        right.must_be("vector", "scalar")
        types = {left.type, right.type}
        if has_bool and name not in _COMPARISONS:
            operator.refuse(f"bool can only be used with a comparison, not with {operator.text}")
        if name in _COMPARISONS and types == {"scalar"} and not has_bool:
            operator.refuse(f"comparing two numbers needs bool: {operator.text} bool")
        if name in _SETS and types != {"vector"}:
            operator.refuse(f"{operator.text} needs an instant vector on both sides")
        if matching and types != {"vector"}:
            operator.refuse("on and ignoring need an instant vector on both sides")
        if "group_" in matching and name in _SETS:
            operator.refuse(f"group_left and group_right cannot be used with {operator.text}")
        between = f"{name}{' bool' if has_bool else ''}{matching}"
        return _Expression(
            "vector" if "vector" in types else "scalar",
            left.start,
            f"{left.operand} {between} {right.operand}",
            "operation",
        )

    def _matching(self) -> str:
        """`on (a) group_left (b)`, or nothing. Labels are always written after group_left, so that
        an operand in brackets is not taken for labels."""
        if not self._sees("on", "ignoring"):
            return ""
        kind = self._take().text.lower()
        labels = self._labels()
        found = f" {kind} {_grouped(labels)}"
        if not self._sees("group_left", "group_right"):
            return found
        group = self._take()
        included = self._labels() if self._sees("(") else []
        twice = sorted(set(labels) & set(included))
        if kind == "on" and twice:
            group.refuse(f"the label {twice[0]} is in both on and {group.text}")
        return f"{found} {group.text.lower()} {_grouped(included)}"

    def _postfix(self) -> _Expression:
        found = self._primary()
        while True:
            if self._sees("["):
                found = self._bracket(found)
            elif self._sees("offset"):
                found = self._offset(found)
            elif self._sees("@"):
                self._next.refuse("@ is not supported: remove it")
            else:
                return found

    def _primary(self) -> _Expression:
        token = self._take()
        is_number = token.kind == "word" and token.text.lower() in _NUMBER_WORDS
        if token.kind in ("number", "duration") or is_number:
            return _Expression("scalar", token, text.number(token.value()))
        if token.kind == "string":
            return _Expression("string", token, text.quoted(token.string()))
        if token.text == "(":
            inner = self._expression()
            self._expect(")")
            return _Expression(inner.type, token, inner.operand)
        if token.text == "{":
            self._place -= 1
            return self._selector(token)
        if token.kind == "placeholder":
            token.refuse(
                f"{token.text} must be within the braces of a selector: up{{{token.text}}}"
            )
        if token.kind != "word":
            token.refuse(f"unexpected {token.shown}")
        return self._named(token)

    def _named(self, name: Token) -> _Expression:
        lowered = name.text.lower()
        if lowered in _AGGREGATIONS:
            return self._aggregation(name, _AGGREGATIONS[lowered])
        if lowered in _KEYWORDS:
            name.refuse(f"unexpected {name.text}")
        if self._sees("("):
            if name.text not in _FUNCTIONS:
                name.refuse(f"unknown function {name.text}")
            return self._call(name, _FUNCTIONS[name.text])
        return self._selector(name)

    def _aggregation(self, name: Token, takes: tuple[ValueType, ...]) -> _Expression:
        grouping = self._grouping()
        arguments = self._arguments(name, _Signature(takes))
        grouping = grouping or self._grouping()
        return _Expression("vector", name, f"{name.text.lower()}{grouping}{arguments}")

    def _grouping(self) -> str:
        if not self._sees("by", "without"):
            return ""
        kind = self._take().text.lower()
        return f" {kind} {_grouped(self._labels())} "

    def _call(self, name: Token, signature: _Signature) -> _Expression:
        arguments = self._arguments(name, signature)
        return _Expression(signature.gives, name, f"{name.text}{arguments}")

    def _arguments(self, name: Token, signature: _Signature) -> str:
        found = self._listed("(", ")", self._expression)
        most = len(signature.takes)
        least = most - signature.optional
        if len(found) < least or (len(found) > most and not signature.repeats):
            wanted = f"{least} to {most}" if signature.optional else str(least)
            name.refuse(f"{name.text} takes {wanted} argument(s), not {len(found)}")
        for place, argument in enumerate(found):
            argument.must_be(signature.takes[min(place, most - 1)])
        return f"({', '.join(argument.text for argument in found)})"

    def _listed(
        self, start: str, end: str, item: Callable[[], Item], comma_at_end: bool = False
    ) -> list[Item]:
        """Items between brackets, separated by commas."""
        self._expect(start)
        found: list[Item] = []
        while not self._sees(end):
            if found:
                self._expect(",")
                if comma_at_end and self._sees(end):
                    break
            found.append(item())
        self._take()
        return found

    def _labels(self) -> list[str]:
        return self._listed("(", ")", self._label, comma_at_end=True)

    def _label(self) -> str:
        token = self._take()
        if token.kind == "string":
            return self._name(token, "label")
        if not _is_bare(token.text, _NO_GROUPING_LABELS):
            token.refuse(f"expected a label, found {token.shown}")
        return token.text

    def _name(self, token: Token, what: str) -> str:
        """A metric or label name in quotes."""
        return token.string() or token.refuse(f"the name of a {what} is empty")

    # selectors

    def _selector(self, start: Token) -> _Expression:
        """A selector: a name, braces or both."""
        items: list[_Item] = []
        if self._sees("{"):
            items = self._listed("{", "}", self._item, comma_at_end=True)
        names = [start.text] if start.kind == "word" else []
        names += [item.metric for item in items if item.metric is not None]
        if not names:
            start.refuse("write the name of the metric before the braces")
        if len(names) > 1:
            start.refuse(f"a selector must have one metric, not {names[0]} and {names[1]}")
        bound = [item.token for item in items if item.token.kind == "placeholder"]
        self._check_reach(start, names[0], bound)
        for item in items:
            if remedy := _reserved(item.label, bound):
                self.problems.append(
                    f"at character {item.token.at + 1}: remove the label {item.label}: {remedy}"
                )
        matchers = [item.text for item in items if item.metric is None]
        last = self._tokens[self._place - 1]
        by = (Matcher(i.label, i.value, i.text, i.excludes) for i in items if i.label)
        found = Selector(start.at, last.at + len(last.text), names[0], tuple(by))
        self.selectors.append(found)
        return _Expression("vector", start, _metric_and(names[0], matchers), "selector")

    def _check_reach(self, start: Token, metric: str, bound: list[Token]) -> None:
        if not bound:
            arm, namespace = (_metric_and(metric, [each]) for each in PLACEHOLDERS)
            self.problems.append(
                f"at character {start.at + 1}: {metric} would read the series of every "
                f"namespace: write {arm} or {namespace}"
            )
        if len(bound) > 1:
            self.problems.append(
                f"at character {start.at + 1}: {metric} needs only one of $arm and $namespace"
            )

    def _item(self) -> _Item:
        token = self._take()
        if token.kind == "placeholder":
            return _Item(token, self._placeholders[token.text])
        if token.kind == "string":
            if not self._sees("=", "!=", "=~", "!~"):
                return _Item(token, "", metric=self._name(token, "metric"))
            label = self._name(token, "label")
        elif _is_bare(token.text, _NO_MATCHER_LABELS):
            label = token.text
        else:
            token.refuse(f"expected a label or $arm, found {token.shown}")
        if not self._sees("=", "!=", "=~", "!~"):
            self._next.refuse(f"expected =, !=, =~ or !~ after {token.text}")
        operator, value = self._take(), self._take()
        if value.kind != "string":
            value.refuse(f"expected a string in quotes, found {value.shown}")
        if operator.text in ("=~", "!~"):
            value.pattern()
        written = f"{_label(label, _NO_MATCHER_LABELS)}{operator.text}{text.quoted(value.string())}"
        excludes = operator.text.startswith("!")
        return _Item(token, written, label=label, value=value.string(), excludes=excludes)

    # ranges

    def _bracket(self, of: _Expression) -> _Expression:
        bracket = self._take()
        span = self._duration(MAX_RANGE, "a range")
        if not self._sees(":"):
            self._expect("]")
            if of.form != "selector" or of.offset:
                bracket.refuse("a range must directly follow a selector: up{$arm}[5m]")
            return _Expression("matrix", of.start, f"{of.text}[{text.duration(span)}]", "range")
        self._take()
        step = None if self._sees("]") else self._duration(MAX_RANGE, "a step")
        self._expect("]")
        of.must_be("vector")
        if span / (step or _DEFAULT_STEP) > MAX_SUBQUERY_STEPS:
            bracket.refuse(
                f"a subquery may have at most {MAX_SUBQUERY_STEPS} steps: increase its step"
            )
        self._refuse_nesting(of, bracket)
        every = text.duration(step) if step else ""
        written = f"{of.operand}[{text.duration(span)}:{every}]"
        return _Expression("matrix", of.start, written, "subquery")

    def _refuse_nesting(self, of: _Expression, bracket: Token) -> None:
        inside = self._tokens[self._tokens.index(of.start) : self._tokens.index(bracket)]
        if any(token.text == ":" and token.kind == "symbol" for token in inside):
            bracket.refuse("nested subqueries are not supported")

    def _offset(self, of: _Expression) -> _Expression:
        offset = self._take()
        if of.form == "other" or of.offset:
            offset.refuse(
                "an offset must directly follow a selector or a range, and may occur once"
            )
        if self._sees("-"):
            self._next.refuse("an offset must not be negative: remove the minus")
        span = text.duration(self._duration(MAX_OFFSET, "an offset"))
        return _Expression(of.type, of.start, f"{of.text} offset {span}", of.form, offset=True)

    def _duration(self, most: float, what: str) -> int:
        """Milliseconds. A number without a unit is in seconds."""
        token = self._take()
        if token.kind not in ("duration", "number"):
            token.refuse(f"expected a duration such as 30s or 5m, found {token.shown}")
        milliseconds = 1000 * token.value()
        if not 0 < milliseconds <= 1000 * most:
            token.refuse(f"{what} must be above 0s and at most {most / 3600:g}h")
        if abs(milliseconds - round(milliseconds)) > 1e-6:
            token.refuse(f"{what} must be in whole milliseconds")
        return round(milliseconds)
