"""Whether a matcher could ever name a value of the shape that its label has."""

import time

import pytest

from serinus.api.checks import LabelMatcher
from serinus.api.checks.expressions import never_both, only_value
from serinus.api.checks.metrics import FAILED_CODES, Operator
from serinus.metrics.matching import corrected, may_name

GRPC = "Unknown|Internal|Unavailable"


def matcher(value: str, operator: Operator = "=~", label: str = "status") -> LabelMatcher:
    return LabelMatcher(label=label, operator=operator, value=value)


@pytest.mark.parametrize(
    ("operator", "value", "values"),
    [
        ("=~", "5..", ["200"]),
        ("=~", "5..", ["404", "301"]),
        ("=~", FAILED_CODES, ["200"]),
        ("=~", "5..", ["2xx"]),
        ("=~", "5..", ["2XX"]),
        ("=~", "(4|5)..", ["2xx", "3xx"]),
        ("=~", "5[0-9]{2}", ["200"]),
        ("=~", "50[0-9]", ["200"]),
        ("=", "503", ["200"]),
        ("=", "5xx", ["2xx"]),
        ("=", "false", ["true"]),
        ("=", "0", ["1"]),
        ("=~", "13|14", ["0"]),
        ("=~", GRPC, ["OK"]),
        ("=", "error", ["ok"]),
        ("=~", ".*[Ee]rror.*", ["ok"]),
        ("=~", "(?i)ERROR", ["ok"]),
        ("=~", "bad|negative", ["good"]),
        ("=", "error500", ["ok1"]),
        ("=~", "5.*", ["200 OK"]),
        ("=~", "error5?", ["ok"]),
        ("=~", "error[0-9]*", ["ok"]),
        ("=~", "(5)?error", ["ok"]),
        ("!=", "OK", ["INVALID_ARGUMENT"]),
        ("!~", "2..|3..", ["500"]),
        ("!=", "200", ["500"]),
        ("=~", "/predict.*", ["/health"]),
        ("=", "100", ["10", "90"]),
        ("=", "207", ["17", "45"]),
        ("=", "700", ["17", "250"]),
        ("=", "4.5", ["1", "2"]),
        ("=", "-1", ["0"]),
        ("=", "-1", ["200"]),
        ("=", "0", ["200", "404"]),
        ("=", "E42", ["none"]),
        ("=~", "error_5..|timeout_[0-9]+", ["success"]),
        ("=", "B2", ["A"]),
    ],
)
def test_a_value_that_was_not_seen_yet_may_come(
    operator: Operator, value: str, values: list[str]
) -> None:
    """Nothing has failed yet, or nothing but failures was seen."""
    assert may_name(matcher(value, operator), values)


@pytest.mark.parametrize(
    ("operator", "value", "values"),
    [
        ("=", "5xx", ["200"]),
        ("=", "5xx", ["200", "404"]),
        ("=", "5..", ["200"]),
        ("=~", "5xx", ["200"]),
        ("=~", "50.", ["2xx"]),
        ("=", "500", ["2xx", "4xx"]),
        ("=", "5xx", ["2XX"]),
        ("=", "false", ["0"]),
        ("=", "false", ["1", "0"]),
        ("=", "1", ["true"]),
        ("=", "True", ["false"]),
        ("=~", "5..", ["0"]),
        ("=", "503", ["0", "2"]),
        ("=~", r"5\d\d", ["success"]),
        ("=~", "[45]xx", ["OK"]),
        ("=~", "5..", ["success"]),
        ("=~", FAILED_CODES, ["success", "failure"]),
        ("=", "5xx", ["OK", "NotFound"]),
        ("=", "error", ["200"]),
        ("=~", GRPC, ["0", "2"]),
        ("=", "Error", ["error"]),
        ("=", "5xx", ["200", "none"]),
        ("!=", "OK", ["ok"]),
        ("!=", "OK", ["200", "500"]),
        ("!~", "2xx|3xx", ["200", "500"]),
    ],
)
def test_a_value_of_another_shape_never_comes(
    operator: Operator, value: str, values: list[str]
) -> None:
    assert not may_name(matcher(value, operator), values)


@pytest.mark.parametrize(
    ("operator", "value"), [("=~", "5.."), ("=", "error"), ("!=", "OK"), ("!~", "2..")]
)
def test_a_label_that_no_series_has_is_named_in_vain(operator: Operator, value: str) -> None:
    assert not may_name(matcher(value, operator), [])


@pytest.mark.parametrize(("operator", "value"), [("=~", ".+"), ("!=", ""), ("!~", ""), ("=", "")])
def test_a_matcher_may_ask_for_a_label_that_only_failures_have(
    operator: Operator, value: str
) -> None:
    """As error.type of OpenTelemetry."""
    assert may_name(matcher(value, operator), [])


@pytest.mark.parametrize("value", ["5..", "timeout|500", ".+"])
def test_a_label_that_is_set_for_failures_alone_may_be_absent(value: str) -> None:
    assert may_name(matcher(value, label="error_type"), [])


def test_an_expression_that_only_prometheus_reads_is_not_doubted() -> None:
    assert may_name(matcher(r"5\z(?P<x"), ["200"])


@pytest.mark.parametrize(
    ("meant", "labels", "proposed"),
    [
        (matcher("5xx", "="), {"status": ["200", "404"]}, matcher(FAILED_CODES)),
        (matcher("4xx", "="), {"status": ["200"]}, matcher("4..")),
        (matcher("5.."), {"code": ["2xx"]}, matcher("5xx", "=", "code")),
        (matcher("5.."), {"method": ["GET"], "code": ["200"]}, matcher(FAILED_CODES, "=~", "code")),
        (matcher("2xx", "!="), {"status": ["200"]}, matcher("2..", "!~")),
        (matcher("false", "="), {"status": ["1"]}, matcher("0", "=")),
        (matcher("false", "="), {"status": ["True"]}, matcher("False", "=")),
        (matcher("OK", "!="), {"status": ["ok"]}, matcher("ok", "!=")),
        (
            matcher("5.."),
            {"code": ["200"], "status": ["success"]},
            matcher(FAILED_CODES, "=~", "code"),
        ),
        (matcher("5.."), {"status": ["success"]}, None),
        (matcher("5.."), {"method": ["GET"]}, None),
        (matcher("5xx", "="), {"http.status_code": ["200"], "x" * 101: ["200"]}, None),
    ],
)
def test_what_was_meant_is_proposed_in_the_shape_that_is_there(
    meant: LabelMatcher, labels: dict[str, list[str]], proposed: LabelMatcher | None
) -> None:
    assert corrected(meant, labels) == proposed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (matcher("200", "="), matcher("500", "=")),
        (matcher("200", "="), matcher("200", "!=")),
        (matcher("200", "="), matcher("5..|408")),
        (matcher("200", "="), matcher("2..", "!~")),
        (matcher("2.."), matcher("5..|408")),
        (matcher("2.."), matcher("2..", "!~")),
        (matcher("[45].."), matcher(r"2\d{2}|301")),
        (matcher("500|503"), matcher("5..|408|429", "!~")),
        (matcher("5[0-9]{2}"), matcher("5..", "!~")),
        (matcher("(?i)error"), matcher("(?i)error", "!~")),
        (matcher("5\\.0"), matcher("500")),
        (matcher("500|500"), matcher("500", "!=")),
        (matcher("4.*"), matcher("5.*")),
        (matcher("5.."), matcher("5.*", "!~")),
        (matcher("5.+"), matcher("5.*", "!~")),
        (matcher("50.*"), matcher("5.*", "!~")),
        (matcher("200|201"), matcher("5.*")),
    ],
)
def test_no_series_meets_two_matchers_that_have_no_value_in_common(
    one: LabelMatcher, other: LabelMatcher
) -> None:
    assert never_both(one, other)
    assert never_both(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (matcher("200", "="), matcher("500", "=", "code")),
        (matcher("200", "="), matcher("2[[:digit:]]{2}")),
        (matcher("a" * 40, "="), matcher("(a+)+b")),
        (matcher("4.."), matcher("5..|408")),
        (matcher("2.."), matcher("[25]..")),
        (matcher("2..|408"), matcher("2..", "!~")),
        (matcher("2.."), matcher("2[0-5].", "!~")),
        (matcher("2.*"), matcher("2..", "!~")),
        (matcher("5.*"), matcher("5.+", "!~")),
        (matcher("5"), matcher("5.*")),
        (matcher(r"5\\.*"), matcher("5..")),
        (matcher(".*"), matcher("5..")),
        (matcher("5.*"), matcher("50.*", "!~")),
        (matcher("5.*"), matcher("..x")),
        (matcher("5[9-0]."), matcher("2..")),
        (matcher("[^5].."), matcher("5..")),
        (matcher("50."), matcher("500", "!=")),
        (matcher("5..|"), matcher("")),
        (matcher("2..", "!~"), matcher("5..", "!~")),
        (matcher("200", "!="), matcher("500", "!=")),
    ],
)
def test_what_may_have_a_value_in_common_is_not_doubted(
    one: LabelMatcher, other: LabelMatcher
) -> None:
    """As are two of which that is not known."""
    assert not never_both(one, other)
    assert not never_both(other, one)


@pytest.mark.parametrize(
    ("only", "value"),
    [
        (matcher("fraud", "="), "fraud"),
        (matcher("fraud"), "fraud"),
        (matcher("v1\\.0"), "v1.0"),
        (matcher("frau."), None),
        (matcher("fraud.*"), None),
        (matcher(""), ""),
        (matcher("fraud|ok"), None),
        (matcher("(?i)fraud"), None),
        (matcher("fraud", "!="), None),
        (matcher("fraud", "!~"), None),
    ],
)
def test_which_value_alone_is_selected(only: LabelMatcher, value: str | None) -> None:
    assert only_value(only) == value


@pytest.mark.parametrize(
    "expression",
    ["(a+)+b", "(a|a)(a|a)(a|a)b", ".*.*.*.*b", "(?:a|aa)+b", "((a*)*)*b", "a?a?a?a?aaaab"],
)
def test_an_expression_over_which_python_would_brood_is_not_doubted(expression: str) -> None:
    """Expression and values are a tenant's own, and others wait meanwhile."""
    matcher = LabelMatcher(label="status", operator="=~", value=expression)
    began = time.process_time()
    assert may_name(matcher, ["a" * 100])
    assert may_name(LabelMatcher(label="status", operator="=~", value="b+"), ["a" * 100_000])
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "expression",
    ["5[[:digit:]]{2}", "[[:alpha:]_]+", "5{99999999999}", "5[0-9", r"\Q5\E..", "(?U)5.."],
)
def test_an_expression_that_python_reads_otherwise_than_prometheus_is_not_doubted(
    expression: str,
) -> None:
    assert may_name(LabelMatcher(label="status", operator="=~", value=expression), ["200"])
