"""PromQL as a parser reads it that is not ours: promql-parser, which wraps a Rust crate."""

import math
from typing import Any, Final

import promql_parser as parser

_NaN: Final = "NaN"


def meaning(query: str) -> Any:
    """The query as a tree without brackets, spaces or ways to write a number: two queries of one
    tree ask the same. Raises ValueError for what is no PromQL."""
    return _tree(parser.parse(query))


def selectors(query: str) -> list[dict[str, list[tuple[str, str]]]]:
    """Of each selector of the query: by label, the operators and values that it is held to."""
    found: list[dict[str, list[tuple[str, str]]]] = []

    def visit(expression: Any) -> None:
        if isinstance(expression, parser.VectorSelector):
            # of alternatives (`or`) each is a selector of its own
            for matchers in expression.matchers.or_matchers or [expression.matchers.matchers]:
                held: dict[str, list[tuple[str, str]]] = {}
                for matcher in matchers:
                    operator = str(matcher.op).removeprefix("MatchOp.")
                    held.setdefault(matcher.name, []).append((operator, matcher.value))
                found.append(held)
        for child in _children(expression):
            visit(child)

    visit(parser.parse(query))
    return found


def confined(query: str, namespace: str) -> bool:
    """Whether no selector of the query can match a series of another namespace."""
    return all(("Equal", namespace) in held.get("namespace", ()) for held in selectors(query))


def _tree(expression: Any) -> Any:
    match expression:
        case parser.ParenExpr():
            return _tree(expression.expr)
        case parser.BinaryExpr():
            own = (str(expression.op), _matching(expression.modifier))
        case parser.UnaryExpr():
            inner = _tree(expression.expr)
            if expression.prettify().startswith("-"):
                return ("number", -inner[1]) if inner[0] == "number" else ("-", inner)
            return inner
        case parser.NumberLiteral():
            return ("number", _NaN if math.isnan(expression.val) else expression.val)
        case parser.AggregateExpr():
            grouping = expression.modifier
            own = (str(expression.op), grouping and (str(grouping.type), tuple(grouping.labels)))
        case parser.Call():
            own = (expression.func.name, None)
        case parser.SubqueryExpr():
            own = ("subquery", (expression.range, expression.step, expression.offset))
        case parser.MatrixSelector():
            own = ("range", expression.range)
        case parser.VectorSelector():
            held = sorted(map(str, expression.matchers.matchers))
            name = [f'__name__="{expression.name}"'] if expression.name else []
            return ("selector", tuple(sorted(name + held)), expression.offset)
        case _:
            return ("string", expression.val)
    return (*own, *map(_tree, _children(expression)))


def _matching(modifier: Any) -> Any:
    if modifier is None:
        return None
    labels = modifier.matching and (str(modifier.matching.type), tuple(modifier.matching.labels))
    return str(modifier.card), modifier.return_bool, labels, tuple(modifier.group_labels or ())


def _children(expression: Any) -> list[Any]:
    match expression:
        case parser.BinaryExpr():
            return [expression.lhs, expression.rhs]
        case parser.AggregateExpr():
            return [expression.expr, *([] if expression.param is None else [expression.param])]
        case parser.Call():
            return list(expression.args)
        case parser.MatrixSelector():
            return [expression.vector_selector]
        case parser.ParenExpr() | parser.UnaryExpr() | parser.SubqueryExpr():
            return [expression.expr]
        case parser.VectorSelector() | parser.NumberLiteral() | parser.StringLiteral():
            return []
    raise TypeError(f"an expression of type {type(expression).__name__}, which this does not know")
