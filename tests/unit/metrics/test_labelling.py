"""How series are labelled: what the operator's settings make of queries, and what they refuse."""

from pathlib import Path
from typing import Any

import pytest

from serinus.api.checks import LabelMatcher
from serinus.metrics.batches import plan
from serinus.metrics.labelling import Labelling, matcher
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, ExpressionQuery, QueryError, Series
from serinus.prometheus import Config, Header, Prometheus
from tests.support.faulty_prometheus import matrix, saying, serving

ARM = Arm("team", "fraud-1")
POD = "fraud-1-5d9f7c6b8-x2x4z"
REQUESTS = CounterQuery("model_requests_total")
PSI = ExpressionQuery('max(psi{$arm}) / max(load{x="y", $namespace})')
ELSEWHERE = Labelling(
    namespace="kubernetes_namespace",
    pod="kubernetes_pod_name",
    matchers=(matcher('cluster="a"'), matcher('env=~"prod|canary"')),
)


def texts(labelling: Labelling) -> list[str]:
    batch = [ArmQuery(ARM, query, 30) for query in (PSI, REQUESTS)]
    return [query.text for query in plan(batch, 0, labelling).queries]


def test_every_selector_has_the_names_and_the_matchers_of_the_operators_settings() -> None:
    here = 'kubernetes_namespace="team",cluster="a",env=~"prod|canary"'
    pod = 'kubernetes_pod_name=~"fraud-1-[a-z0-9]+-[a-z0-9]{5}"'
    assert texts(ELSEWHERE) == [
        f'max(psi{{{here},{pod}}}) / max(load{{x="y",{here}}})',
        'model_requests_total{kubernetes_namespace=~"team",cluster="a",env=~"prod|canary",'
        'kubernetes_pod_name=~"(?:fraud-1)-[a-z0-9]+-[a-z0-9]{5}"}[30s]',
    ]


async def test_series_are_found_by_these_names_and_told_by_the_usual_ones() -> None:
    theirs = {"__name__": "model_requests_total", "kubernetes_namespace": "team", "pod": "other"}
    theirs["kubernetes_pod_name"] = POD
    labels = {"__name__": "model_requests_total", "namespace": "team", "pod": POD}
    asked = ArmQuery(ARM, REQUESTS, 30)
    async with (
        serving(saying(matrix((theirs, [[1, "1"]])))) as server,
        Prometheus(Config(server.url, labelling=ELSEWHERE)) as prometheus,
    ):
        answers = await prometheus.read([asked])
    assert answers == {asked: (Series(labels, ((1.0, 1.0),)),)}


@pytest.mark.parametrize(
    ("text", "label", "operator", "value"),
    [
        ('cluster="a"', "cluster", "=", "a"),
        (' cluster!="" ', "cluster", "!=", ""),
        ('cluster=~"a|b"', "cluster", "=~", "a|b"),
        ('cluster!~"a.*"', "cluster", "!~", "a.*"),
        (r'cluster="a\"b\\c"', "cluster", "=", 'a"b\\c'),
    ],
)
def test_a_matcher_is_written_as_in_promql(
    text: str, label: str, operator: Any, value: str
) -> None:
    assert matcher(text) == LabelMatcher(label=label, operator=operator, value=value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cluster",
        "cluster=a",
        "cluster='a'",
        'cluster=="a"',
        '1cluster="a"',
        'cluster="a" or up',
        '__name__="a"',
        'cluster="a",b="c"',
        'cluster="a"} or x{b="c"',
        'cluster="a\n"',
        'cluster="\\q"',
        'cluster="' + "x" * 257 + '"',
    ],
)
def test_what_is_no_matcher_is_refused_with_a_right_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a .*matcher"):
        matcher(text)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"namespace": "a-b"}, "namespace_label 'a-b' is not a label name"),
        ({"pod": ""}, "pod_label '' is not a label name"),
        ({"replicas": ("a", "b c")}, "replica_labels 'b c' is not a label name"),
        ({"pod": "namespace"}, "namespace_label and pod_label are both namespace"),
        ({"replicas": ("pod",)}, "replica_labels must not contain pod"),
        ({"replicas": ("instance",)}, "replica_labels must not contain instance"),
        ({"matchers": (matcher('namespace="a"'),)}, "matchers must not contain namespace"),
        ({"pod": "p", "matchers": (matcher('p="a"'),)}, "matchers must not contain p"),
        ({"matchers": (matcher('a="b"'), matcher('a!="c"'))}, "matchers contain a twice"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Labelling(**settings)


async def test_headers_are_sent_with_every_request_and_read_from_their_files(
    tmp_path: Path,
) -> None:
    tenant = tmp_path / "tenant"
    tenant.write_text("one\n")
    headers = (Header("X-Scope-OrgID", tenant), Header("X-From", "serinus"))
    async with (
        serving(saying(matrix())) as server,
        Prometheus(Config(server.url, headers=headers)) as prometheus,
    ):
        await prometheus.read([ArmQuery(ARM, REQUESTS, 60)])
        tenant.write_text("two\n")
        await prometheus.read([ArmQuery(ARM, REQUESTS, 60)])
    sent = [(one.headers["X-Scope-OrgID"], one.headers["X-From"]) for one in server.requests]
    assert sent == [("one", "serinus"), ("two", "serinus")]


async def test_a_header_whose_file_is_missing_is_told_by_the_file() -> None:
    headers = (Header("X-Scope-OrgID", Path("/nowhere/tenant")),)
    asked = ArmQuery(ARM, REQUESTS, 60)
    async with (
        serving(saying(matrix())) as server,
        Prometheus(Config(server.url, headers=headers)) as prometheus,
    ):
        (answer,) = (await prometheus.read([asked])).values()
    assert isinstance(answer, QueryError)
    assert "/nowhere/tenant cannot be read" in answer.message
    assert server.forms == []


async def test_with_an_offset_everything_is_read_as_it_was_then() -> None:
    async with (
        serving(saying(matrix())) as server,
        Prometheus(Config(server.url, read_offset=30)) as offset,
        Prometheus(Config(server.url)) as plain,
    ):
        await offset.read([ArmQuery(ARM, REQUESTS, 60)])
        await plain.read([ArmQuery(ARM, REQUESTS, 60)])
    first, second = server.forms
    assert float(first["time"]) < float(second.get("time", "1e12"))
    assert "time" not in second
