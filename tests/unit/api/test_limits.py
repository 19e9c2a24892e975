"""Limits on what a Job leaves: which expressions are refused, and what is no pass."""

import json
import random
import time

import pytest

from serinus.api.steps.limits import (
    LONGEST_LIMIT,
    UnjudgedError,
    broken,
    problem_of_limit,
)
from serinus.api.steps.results import LONGEST_RESULT, cut, in_words, read_result

GOOD = '{"accuracy": 0.92, "n": 90, "ok": true, "by": "hand", "stable": {"accuracy": 0.921}}'


@pytest.mark.parametrize(
    "limit",
    [
        "result.accuracy >= result.stable.accuracy - 0.005",
        "result.n >= 80",
        "result.n / 2.0 > 10.0 && !(result.accuracy < 0.5)",
        "result.ok && result.by.startsWith('h')",
        "!has(result.recall) || result.recall > 0.5",
        "result.by in ['hand', 'tool'] && (result['n'] > 1)",
        "double(size(result.by)) * 2.0 == 8.0",
        "result.ok",
        "result.by == 'hand' ? result.n > 1.0 : result.by > 'tool'",
        "result.by != 'result.a.b.c' && int(result.n) % 2 == 0",
        "'accuracy' in result.stable && size(result) > 2",
    ],
)
def test_an_expression_over_numbers_and_strings_is_met(limit: str) -> None:
    assert problem_of_limit(limit) == ""
    assert broken([limit], GOOD) == ""


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        ("result.accuracy >=", "is no CEL expression at character 19"),
        ("accuracy > 0.9", "accuracy is unknown"),
        ("result.all(x, true)", "all(…) is not allowed"),
        ("result.map(result, result) == []", "map(…) is not allowed"),
        ("[1, 2].exists_one (result, true)", "exists_one(…) is not allowed"),
        ("result.`map`(result, result) == []", "`map`(…) is not allowed"),
        ("result.by.matches('(a+)+$')", "matches(…) is not allowed"),
        ("result.map // \n (result, result) == []", "one line"),
        (120 * "(" + "true" + 120 * ")", "is no CEL expression"),
        ("1.0 < 2.0", "is the same whatever the Job leaves"),
        ("'result' == 'result'", "is the same whatever the Job leaves"),
        ("result.by.class.a > 0.0", "result.by.class.a cannot be there"),
    ],
)
def test_what_is_refused_with_the_spec(limit: str, problem: str) -> None:
    assert problem in problem_of_limit(limit)


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("result.n * 2 > 100", "write 2.0 instead of 2"),
        ("result.stable.accuracy - 1 > 100.0", "write 2.0 instead of 2"),
        ("result.n % 2 == 0", "write int(…) around each of its operands"),
        ("result.accuracy + 1.0", "is neither true nor false: compare it"),
        ("result.ok ? 1 : 2", "is neither true nor false"),
        ("result.accuracy > 0.8 && result.accuracy < 'x'", "other types than it needs"),
    ],
)
def test_what_no_result_meets_says_so_when_it_is_judged(limit: str, why: str) -> None:
    """To try it beforehand, with values of all types, takes as long as there are combinations."""
    assert problem_of_limit(limit) == ""
    with pytest.raises(UnjudgedError) as raised:
        broken([limit], GOOD)
    assert why in str(raised.value)


def test_no_expression_is_expensive() -> None:
    said = json.dumps({"a": 900 * "x", "b": 900 * "y"})
    longest = " + ".join(20 * ["result.a"]) + " != ''"
    many = f"result.a in [{', '.join(22 * ['result.b'])}]"
    assert max(len(longest), len(many)) <= LONGEST_LIMIT
    begun = time.process_time()
    for limit in (longest, many):
        assert problem_of_limit(limit) == ""
        broken([limit], said)
    assert time.process_time() - begun < 0.1


def test_whatever_is_written_is_met_or_not_or_refused() -> None:
    parts = ["result", ".a", ".b", "['a']", "1", "2.5", "-", "+", "/", "%", "(", ")", "[", "]"]
    parts += ["{", "}", "<", "==", "&&", "||", "!", "?", ":", ",", "'x'", "has(", "size(", "in "]
    parts += ["9223372036854775807", "1e308", "'", "\\", '"', "`", "é", "1u", "b'z'", "null"]
    chance, judged = random.Random(27), 0
    for _ in range(3000):
        written = "".join(chance.choices(parts, k=chance.randint(1, 12)))
        limit = written + chance.choice(["", " == result.a", " || result.a < 2.0"])
        if problem_of_limit(limit):
            continue
        judged += 1
        try:
            broken([limit], '{"a": 1.5, "b": "s"}')
        except UnjudgedError:
            continue
    assert judged > 20


@pytest.mark.parametrize(
    "said",
    [
        *("", "0.9", "[0.9]", "null", "accuracy: 0.9", '{"a": null}', '{"a": [1]}'),
        *('{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}', '{"a": {"b": {"c": 1}}}'),
        *(9000 * "[", '{"a": ' + 400 * "9" + "}", json.dumps({"a": LONGEST_RESULT * "x"})),
    ],
)
def test_what_is_no_object_of_numbers_and_strings_is_no_pass(said: str) -> None:
    assert read_result(said) is None
    with pytest.raises(UnjudgedError, match="write one JSON object to /dev/termination-log"):
        broken(["result.a > 0.0"], said)
    assert broken([], said) == "", "without limits, whatever it leaves passes"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "It wrote no result"),
        (
            "accuracy 0.9",
            "it is not JSON at line 1, character 1: expecting value, at accuracy 0.9.",
        ),
        ('{"a": 1}\n{"b": 1}', 'not JSON at line 2, character 1: extra data, at {"b": 1}.'),
        ('{"a": 0.9', "expecting ',' delimiter, at its end."),
        ("[0.9]", "it is a list and no object."),
        ('{"a": {"b": {"c": 1}}}', "a.b is nested more than one level."),
        ('{"a": {"b": null}}', "a.b is null"),
        ('{"a": NaN}', "NaN is no number in JSON: leave the field out."),
        ('{"a": 1e999}', "a is greater than any number."),
        (cut(json.dumps({"a": 3000 * "x"})), "it is longer than 2048 characters."),
        ('{"a": "0.95"}', 'result.a is "0.95", which is text: write numbers without quotes.'),
        ('{"a": {"b": 1}}', "its values have other types than it needs."),
        ('{"b": 1}', "a is missing."),
    ],
)
def test_why_it_cannot_be_compared_is_said(said: str, why: str) -> None:
    with pytest.raises(UnjudgedError) as raised:
        broken(["result.a > 0.9"], said)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    "limit",
    [
        "result.right / result.rows >= 0.9",
        "result.right/-result.rows <= 0.9",
        "1.0 - result.right / (result.stable.rows) != 0.5",
        "2.0 / (result.right / result.stable['rows']) < 0.9",
        "result.right / double('0') > 0.9 // a ratio",
        "result.right / (1.0 / (result.rows)) < 0.9",
        "1 / 0 == 1",
    ],
)
def test_a_ratio_to_nothing_is_neither_above_nor_below_a_limit(limit: str) -> None:
    said = '{"right": 9, "rows": 0, "stable": {"rows": 0}}'
    with pytest.raises(UnjudgedError, match="it divides by 0"):
        broken([limit], said)


def test_a_division_that_is_not_reached_divides_by_nothing() -> None:
    said = '{"right": 9, "rows": 0, "by": "1/0"}'
    assert broken(["result.rows == 0 || result.right / result.rows > 0.9"], said) == ""
    assert broken(["result.by == '1/0' && result.right / 2.0 / 3.0 == 1.5"], said) == ""
    assert "is not met" in broken(["result.rows > 0 && 1.0 / result.rows > 0.9"], said)


@pytest.mark.parametrize(
    "limit",
    ["result.p >= result.stable.p", "result.stable.p<result.p", "0.5 > 0.9 || result.p > 'a'"],
)
def test_numbers_that_are_text_are_not_compared_letter_by_letter(limit: str) -> None:
    with pytest.raises(
        UnjudgedError, match=r'p is "[0-9.]+", which is text: write numbers without'
    ):
        broken([limit], '{"p": "9.5", "stable": {"p": "10.1"}}')
    assert broken(["double(result.p) < 10.0", "result.p == '9.5'"], '{"p": "9.5"}') == ""
    assert broken(["result.day > '2026-01-01'"], '{"day": "2026-03-01"}') == ""


def test_half_of_a_character_is_replaced_as_the_api_server_does() -> None:
    said = '{"answer": "\\ud83d", "\\udc00": 1, "good": "\\ud83d\\ude00"}'
    assert read_result(said) == {"answer": "\ufffd", "\ufffd": 1.0, "good": "\U0001f600"}
    assert broken(["result.good != ''"], said) == ""
    assert in_words(said).encode()


def test_people_read_no_control_characters() -> None:
    assert in_words('{"a": "\\u0000\\u001b[31mred", "b\\n": 1}') == "a [31mred, b 1"
    assert in_words("\x1b[31mred\x00\n") == "[31mred"


def test_other_types_are_named_with_the_values_and_long_ones_are_cut() -> None:
    with pytest.raises(
        UnjudgedError, match=r'other types than it needs: result\.by is "hand"'
    ) as e:
        broken(["result.by > 0.5"], '{"by": "hand"}')
    assert "overload" not in str(e.value)
    long = broken(["result.by == 'hand'"], json.dumps({"by": 1900 * "x"}))
    assert len(long) < 200


def test_what_is_not_met_is_told_with_its_values() -> None:
    said = broken(
        ["result.n >= 80", "result.accuracy > 0.95", "result.stable.accuracy < 0.5"], GOOD
    )
    assert said == (
        "result.accuracy > 0.95 is not met: result.accuracy is 0.92. "
        "result.stable.accuracy < 0.5 is not met: result.stable.accuracy is 0.921."
    )


def test_people_read_names_and_values_or_the_text_as_it_is() -> None:
    assert in_words(GOOD) == "accuracy 0.92, n 90, ok true, by hand, stable.accuracy 0.921"
    assert in_words("90 of\n90 agree\n") == "90 of 90 agree"
    assert len(in_words(5000 * "x")) == 300


def test_a_panic_of_the_library_is_an_error_of_the_limit_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class PanicException(BaseException):
        """As native code raises it."""

    def panics(_: str) -> None:
        raise PanicException("index out of bounds")

    monkeypatch.setattr("cel.compile", panics)
    assert "cannot be evaluated: index out of bounds" in problem_of_limit("result.a > 1")
    with pytest.raises(UnjudgedError, match="cannot be evaluated: index out of bounds"):
        broken(["result.a > 1"], '{"a": 2}')
