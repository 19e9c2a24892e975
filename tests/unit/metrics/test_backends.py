"""Series of a gateway, which name the Service of a revision, and count for many."""

import json
from collections.abc import Mapping

import pytest

from serinus.api.checks import Backend, LabelMatcher
from serinus.api.presets import PRESETS
from serinus.metrics.batches import BatchQuery, plan
from serinus.metrics.counters import Growth, count
from serinus.metrics.labelling import Labelling
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.results import document, split

ENVOY = Backend(label="envoy_cluster_name", value="service/$namespace/$service/*")
CONTOUR = Backend(label="envoy_cluster_name", value="$namespace_$service_*")
ISTIO = Backend(label="destination_service_name", namespace_label="destination_service_namespace")
REQUESTS = CounterQuery("envoy_cluster_upstream_rq", backend=ENVOY)
CANDIDATE, STABLE = Arm("shop", "fraud-2"), Arm("shop", "fraud-1")


def about(*arms: Arm, query: CounterQuery = REQUESTS) -> list[ArmQuery]:
    return [ArmQuery(arm, query, 30) for arm in arms]


def of(
    cluster: str, *samples: tuple[float, float], proxy: str = "envoy-0", job: str = "gateways"
) -> Series:
    labels = {"namespace": "gateways", "pod": proxy, "instance": f"{proxy}:19001", "job": job}
    return Series({**labels, "envoy_cluster_name": cluster}, samples)


def answers(
    *found: Series, query: CounterQuery = REQUESTS
) -> list[Mapping[CounterQuery, QueryResult]]:
    """What a query for both arms brings to each."""
    asked = about(CANDIDATE, STABLE, query=query)
    results = split(list(found), BatchQuery("", tuple(asked)))
    return [{query: results[one]} for one in asked]


@pytest.mark.parametrize(
    ("backend", "conditions"),
    [
        (ENVOY, 'envoy_cluster_name=~"service/(?:a|b)/(?:x-1|y-2)/.*"'),
        (CONTOUR, 'envoy_cluster_name=~"(?:a|b)_(?:x-1|y-2)_.*"'),
        (
            ISTIO,
            'destination_service_name=~"(?:x-1|y-2)",destination_service_namespace=~"a|b"',
        ),
    ],
)
def test_one_query_asks_for_the_services_of_all_arms(backend: Backend, conditions: str) -> None:
    query = CounterQuery("requests_total", (LabelMatcher(label="a", value="b"),), backend=backend)
    labelling = Labelling(matchers=(LabelMatcher(label="cluster", value="c"),))
    (sent,) = plan(about(Arm("a", "x-1"), Arm("b", "y-2"), query=query), 0, labelling).queries
    assert sent.text == f'requests_total{{a="b",{conditions},cluster="c"}}[30s]'


def test_requests_at_a_gateway_and_in_the_pods_are_two_queries() -> None:
    of_pods = CounterQuery("envoy_cluster_upstream_rq")
    assert len(plan([*about(STABLE), *about(STABLE, query=of_pods)], 0).queries) == 2
    part = CounterQuery("envoy_cluster_upstream_rq", part=True, backend=ENVOY)
    assert part.part_of(REQUESTS)
    assert not part.part_of(of_pods)


@pytest.mark.parametrize(
    ("backend", "labels", "arm"),
    [
        (ENVOY, {"envoy_cluster_name": "service/shop/fraud-1/80/http"}, STABLE),
        (ENVOY, {"envoy_cluster_name": "httproute/shop/fraud/rule/0"}, Arm("", "")),
        (ENVOY, {"envoy_cluster_name": "service/shop/fraud-1"}, Arm("", "")),
        (ENVOY, {}, Arm("", "")),
        (CONTOUR, {"envoy_cluster_name": "shop_fraud-1_80"}, STABLE),
        (CONTOUR, {"envoy_cluster_name": "shop_fraud_1_80"}, Arm("shop", "fraud")),
        (
            ISTIO,
            {"destination_service_name": "fraud-1", "destination_service_namespace": "shop"},
            STABLE,
        ),
        (ISTIO, {"destination_service_name": "fraud-1"}, Arm("", "fraud-1")),
        (
            Backend(label="service", value="$service.$namespace.svc"),
            {"service": "fraud-1.shop.svc"},
            STABLE,
        ),
    ],
)
def test_a_series_belongs_to_the_service_that_it_names(
    backend: Backend, labels: dict[str, str], arm: Arm
) -> None:
    query = CounterQuery("requests_total", backend=backend)
    assert BatchQuery("", tuple(about(STABLE, query=query))).find(labels) == arm


def test_a_service_is_named_by_the_gateways_own_labels_whatever_those_of_pods_are_called() -> None:
    elsewhere = Labelling(namespace="kubernetes_namespace", pod="kubernetes_pod")
    backend = Backend.model_validate({"label": "pod", "namespaceLabel": "namespace"})
    asked = ArmQuery(STABLE, CounterQuery("requests_total", backend=backend), 60)
    labels = {"namespace": "shop", "pod": "fraud-1", "kubernetes_namespace": "gateways"}
    series = Series({**labels, "kubernetes_pod": "envoy-0"}, ((1.0, 1.0), (2.0, 5.0)))
    (batch,) = plan([asked], 0, elsewhere).queries
    assert 'pod=~"(?:fraud-1)",namespace=~"shop"' in batch.text
    found = split([series], batch, elsewhere)[asked]
    assert not isinstance(found, QueryError)
    assert [each.samples for each in found] == [series.samples]


@pytest.mark.parametrize(
    "value",
    [
        *("$service*", "$namespace-$service", "x$service", "$servicex", "$namespace/$service*"),
        *("$service/$service", "service", "$service/*/x", '"}/$namespace/$service', "$service/\n"),
        *("$service.+", "($service)", "[$service]", "$service\\.x"),
    ],
)
def test_no_pattern_can_name_two_services_or_leave_its_string(value: str) -> None:
    with pytest.raises(ValueError, match=r"a backend must have \$service once"):
        Backend(label="a", value=value)


@pytest.mark.parametrize(
    ("value", "namespace_label"), [("$service", None), ("$namespace/$service", "namespace")]
)
def test_a_backend_has_its_namespace_once(value: str, namespace_label: str | None) -> None:
    with pytest.raises(ValueError, match="the namespace is either in value"):
        Backend(label="a", value=value, namespace_label=namespace_label)


def test_a_dot_in_a_pattern_is_a_dot() -> None:
    backend = Backend(label="service", value="$service.$namespace.svc")
    query = CounterQuery("requests_total", backend=backend)
    (sent,) = plan(about(STABLE, query=query), 0).queries
    assert 'service=~"(?:fraud-1)\\\\.(?:shop)\\\\.svc"' in sent.text
    assert backend.of({"service": "fraud-1xshopxsvc"}) is None


def test_the_increase_is_summed_over_all_proxies_and_clusters_of_a_service() -> None:
    arms = answers(
        of("service/shop/fraud-2/80/http", (0, 5), (15, 8)),
        of("service/shop/fraud-2/80/http2", (0, 0), (15, 1)),
        of("service/shop/fraud-2/80/http", (2, 7), (17, 27), proxy="envoy-1", job="internal"),
        of("service/shop/fraud-1/80/http", (0, 50), (15, 90)),
        of("service/shop/other-1/80/http", (0, 0), (15, 1000)),
    )
    readings, counted = count(tuple(arms), {}, 5.0)
    candidate, stable = (each[REQUESTS] for each in readings)
    assert isinstance(candidate, Growth)
    assert isinstance(stable, Growth)
    assert (candidate.total, stable.total) == (24, 40)
    assert (candidate.pods, stable.pods) == (1, 1), "a gateway shows no pods"
    assert set(counted) == {
        "fraud-1@envoy-0@envoy-0:19001",
        "fraud-2@envoy-0@envoy-0:19001",
        "fraud-2@envoy-1@envoy-1:19001",
    }, "arms that are read from one proxy are counted apart"


def test_a_proxy_that_restarts_counts_from_zero() -> None:
    before = [(15.0 * n, 1000 + 10.0 * n) for n in range(6)]
    arms = answers(of("service/shop/fraud-2/80/http", *before, (90, 4), (105, 14)))
    (candidate, _), _ = count(tuple(arms), {}, 0.0)
    reading = candidate[REQUESTS]
    assert isinstance(reading, Growth)
    assert reading.total == 50 + 14


def test_a_cluster_that_is_new_at_a_known_proxy_began_at_zero() -> None:
    arms = answers(
        of("service/shop/fraud-2/80/http", (30, 3), (45, 5)),
        of("service/shop/fraud-1/80/http", (0, 50), (15, 60), (30, 70), (45, 80)),
    )
    (candidate, _), _ = count(tuple(arms), {}, 10.0)
    reading = candidate[REQUESTS]
    assert isinstance(reading, Growth)
    assert reading.total == 5


def test_what_a_real_prometheus_would_answer_is_read() -> None:
    metric = {"__name__": "envoy_cluster_upstream_rq", "pod": "envoy-0", "instance": "a:1"}
    found = {
        "metric": {**metric, "envoy_cluster_name": "service/shop/fraud-1/80/http"},
        "values": [[1.0, "3"]],
    }
    body = {"status": "success", "data": {"resultType": "matrix", "result": [found]}}
    result = document(200, json.dumps(body))["data"]["result"]
    (asked,) = about(STABLE)
    (series,) = split(result, BatchQuery("", (asked,)))[asked]  # type: ignore[misc]
    assert series.target == "fraud-1@envoy-0@a:1"


@pytest.mark.parametrize("name", PRESETS)
def test_a_check_that_reads_a_gateway_is_not_made_of_copies(name: str) -> None:
    for check in PRESETS[name].checks:
        completed = check.completed(PRESETS[name])
        assert completed.settings.serves_a_mirror is (completed.settings.backend is None)
