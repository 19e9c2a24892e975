"""What the operator tells of itself, and the endpoints that tell it."""

from collections import Counter
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from serinus.controller.metrics import Gauges, Metrics, endpoints
from serinus.controller.object_metrics import ObjectMetrics


def gauges(leading: bool = True) -> Gauges:
    return Gauges(
        leading=lambda: leading,
        queue_depth=lambda: 3,
        requests=lambda: {("list", "Deployment"): 7, ("apply", "HTTPRoute"): 2},
        queries=lambda: 5,
        phases=lambda: Counter(Healthy=19, Paused=1),
        drifts=lambda: {("shop", "fraud", "income"): True, ("shop", "fraud", "age"): False},
        passes=lambda: {("child", "nothing"): 6},
        errors=lambda: {("shop", "fraud"): 4},
        looks=lambda: {("shop", "fraud"): 12.5},
        refused_writes=lambda: {"ModelDeployment": 2},
        internal_errors=lambda: {"check": 1},
        notifications=lambda: {("ops", "delivered"): 7, ("ops", "refused"): 0},
        registry_requests=lambda: {("models", "answered"): 8},
        registry_webhooks=lambda: {("models", "accepted"): 9},
        registry_ages=lambda: {("models",): 42.0},
    )


def test_present_values_are_read_at_each_scrape() -> None:
    metrics = Metrics(gauges())
    metrics.reconcile.labels("done").observe(0.02)
    lines = metrics.exposition().decode().splitlines()
    assert {
        "serinus_leading 1.0",
        "serinus_queue_depth 3.0",
        'serinus_api_requests_total{kind="Deployment",verb="list"} 7.0',
        'serinus_api_requests_total{kind="HTTPRoute",verb="apply"} 2.0',
        "serinus_prometheus_queries_total 5.0",
        'serinus_modeldeployments{phase="Healthy"} 19.0',
        'serinus_modeldeployments{phase="Paused"} 1.0',
        'serinus_feature_drift{feature="income",name="fraud",namespace="shop"} 1.0',
        'serinus_feature_drift{feature="age",name="fraud",namespace="shop"} 0.0',
        'serinus_passes_total{cause="child",wrote="nothing"} 6.0',
        'serinus_reconcile_errors_total{name="fraud",namespace="shop"} 4.0',
        'serinus_analysis_last_look_age_seconds{name="fraud",namespace="shop"} 12.5',
        'serinus_refused_writes_total{kind="ModelDeployment"} 2.0',
        'serinus_notifications_total{endpoint="ops",outcome="delivered"} 7.0',
        'serinus_notifications_total{endpoint="ops",outcome="refused"} 0.0',
        'serinus_registry_requests_total{outcome="answered",registry="models"} 8.0',
        'serinus_registry_webhooks_total{outcome="accepted",registry="models"} 9.0',
        'serinus_registry_last_answer_age_seconds{registry="models"} 42.0',
        'serinus_reconcile_duration_seconds_count{result="done"} 1.0',
    } <= set(lines)
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


def test_a_standby_says_that_it_does_not_lead() -> None:
    assert "serinus_leading 0.0" in Metrics(gauges(leading=False)).exposition().decode()


async def test_a_probe_fails_with_what_is_wrong_and_recovers() -> None:
    wrong: list[str] = ["objects have not been listed yet"]
    app = endpoints(
        Metrics(gauges()), healthy=lambda: None, ready=lambda: wrong[0] if wrong else None
    )
    async with TestClient(TestServer(app)) as client:
        healthy = await client.get("/healthz")
        assert (healthy.status, await healthy.text()) == (200, "ok")
        ready = await client.get("/readyz")
        assert (ready.status, await ready.text()) == (503, "objects have not been listed yet")
        wrong.clear()
        assert (await client.get("/readyz")).status == 200


async def test_metrics_come_in_the_format_that_prometheus_asks_for() -> None:
    app = endpoints(Metrics(gauges()), healthy=lambda: None, ready=lambda: None)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "# TYPE serinus_api_requests_total counter" in await answer.text()


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/operator.md").read_text()
    metrics = Metrics(gauges(), ObjectMetrics(dict, lambda: 0.0))
    metrics.reconcile.labels("done").observe(0.02)
    types = [line.split() for line in metrics.exposition().decode().splitlines()]
    names = {words[2] for words in types if words[:2] == ["#", "TYPE"] and "serinus" in words[2]}
    assert len(names) >= 16
    told = {name for name in names if f"`{name}`" in page or name.endswith("_created")}
    assert names - told == set()
