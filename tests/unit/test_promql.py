"""What users write as threshold.query: what runs, what is refused, and what becomes of $arm."""

import re

import pytest

from serinus.api import promql
from tests.unit.prometheus.corpus import REFUSED, RUN


@pytest.mark.parametrize("query", RUN)
def test_an_everyday_query_runs(query: str) -> None:
    assert promql.problems(query) == []


@pytest.mark.parametrize(("query", "words"), REFUSED)
def test_a_bad_query_is_refused_in_words_that_name_the_remedy(query: str, words: str) -> None:
    assert words in promql.problems(query)[0]


@pytest.mark.parametrize(("query", "words"), REFUSED)
def test_a_refused_query_is_never_rendered(query: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        promql.render(query, "team", "fraud-.*")


def test_all_selectors_that_read_too_much_are_named_at_once() -> None:
    problems = promql.problems('sum(a) + b{$arm} + c{pod="x", namespace="y"}')
    assert [problem.split(":")[0] for problem in problems] == [
        "at character 5",
        "at character 20",
        "at character 31",
    ]


def test_arm_becomes_namespace_and_pods_and_namespace_the_namespace_alone() -> None:
    rendered = promql.render('a{$arm} / b{x="$5", $namespace} # $arm', "team", "fraud-[a-z]+")
    assert rendered == (
        'a{namespace="team",pod=~"fraud-[a-z]+"} / b{x="$5", namespace="team"} # $arm'
    )


def test_what_is_rendered_cannot_break_out_of_its_string() -> None:
    rendered = promql.render("a{$arm}", 'x"} or secret{a="', "\\d\n")
    assert rendered == 'a{namespace="x\\"} or secret{a=\\"",pod=~"\\\\d\\x0a"}'
