"""What users write as threshold.query: what runs, what is refused, and what becomes of $arm."""

import random
import re

import pytest

from serinus.api import promql
from tests.support.promql_oracle import confined, meaning
from tests.unit.prometheus.corpus import REFUSED, RUN, mangled

HERE, PODS = "team", "fraud-[a-z]+"


def rendered(query: str) -> str:
    return promql.render(query, HERE, PODS)


@pytest.mark.parametrize("query", RUN)
def test_an_everyday_query_runs(query: str) -> None:
    assert promql.problems(query) == []


@pytest.mark.parametrize("query", RUN)
def test_what_is_sent_means_what_was_written_to_another_parser(query: str) -> None:
    assert meaning(rendered(query)) == meaning(by_hand(query))


@pytest.mark.parametrize("query", RUN)
def test_what_is_sent_is_read_and_written_anew_as_it_is(query: str) -> None:
    once = promql.render(query, "$arm", "x").replace('namespace="$arm",pod=~"x"', "$arm")
    once = once.replace('namespace="$arm"', "$namespace")
    assert rendered(once) == rendered(query)


def test_another_parser_reads_as_we_do_whatever_we_let_pass() -> None:
    accepted = [query for query in mangled(random.Random(5), 8000) if not promql.problems(query)]
    assert len(accepted) > 1000
    for query in accepted:
        assert meaning(rendered(query)) == meaning(by_hand(query)), query
        assert confined(rendered(query), HERE), query


def by_hand(query: str) -> str:
    """The user's own text with the placeholders replaced, in the words of the other parser: it
    knows no escapes in raw strings and no bytes."""
    query = re.sub("`([^`]*)`", lambda raw: promql.quoted(raw[1]), query)
    query = query.replace("\\xc3\\xa9\\303\\251", "éé")
    query = query.replace("$namespace", f'namespace="{HERE}"')
    return query.replace("$arm", f'namespace="{HERE}",pod=~"{PODS}"')


@pytest.mark.parametrize("query", RUN)
def test_each_selector_that_is_sent_is_confined_to_the_arm(query: str) -> None:
    assert confined(rendered(query), HERE)


def test_a_carriage_return_does_not_bring_a_comment_to_life() -> None:
    query = 'go_goroutines{$arm} > 1e9 # \r or topk(1, secret{namespace="b"})'
    assert "the control character U+000D" in promql.problems(query)[0]


def test_no_comment_is_sent() -> None:
    assert rendered("# a\nsum( # b\n x{$arm}) # c") == (
        'sum(x{namespace="team",pod=~"fraud-[a-z]+"})'
    )


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("a + b * c ^ 2", "a + (b * (c ^ 2))"),
        ("(a - b) - c", "(a - b) - c"),
        ("a - (b - c)", "a - (b - c)"),
        ("-a ^ 2", "-(a ^ 2)"),
        ("(-a) ^ 2", "(-a) ^ 2"),
        ("a / ON(x) GROUP_LEFT b", "a / on (x) group_left () b"),
        ("a / on(x) group_left() (b + c)", "a / on (x) group_left () (b + c)"),
        ("max_over_time((a + b)[5m:])", "max_over_time((a + b)[300s:])"),
        ("Sum(a) WITHOUT (x,)", "sum without (x) (a)"),
        ("rate((a[1.5]))", "rate(a[1500ms])"),
        ("((a))", "a"),
        ("0x1F + 5m + .5 + -inf", "((31 + 300) + 0.5) + (-Inf)"),
    ],
)
def test_groups_are_written_as_they_were_read(query: str, sent: str) -> None:
    selectors = re.sub(r"\b([abc])\b", r"\1{$namespace}", query)
    assert rendered(selectors).replace('{namespace="team"}', "") == sent


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
    assert rendered('a{$arm} / b{x="$5", $namespace} # $arm') == (
        'a{namespace="team",pod=~"fraud-[a-z]+"} / b{x="$5",namespace="team"}'
    )


def test_what_is_rendered_cannot_break_out_of_its_string() -> None:
    rendered = promql.render("a{$arm}", 'x"} or secret{a="', "\\d\n")
    assert rendered == 'a{namespace="x\\"} or secret{a=\\"",pod=~"\\\\d\\x0a"}'
