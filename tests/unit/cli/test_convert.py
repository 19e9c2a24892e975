"""`serinus convert`: what is taken over, what is lost, and that the result can be applied."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cli.__main__ import main

POD = {
    "containers": [{"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}],
    "nodeSelector": {"gpu": "a100"},
}
TEMPLATE = {"metadata": {"labels": {"app": "loan"}, "creationTimestamp": None}, "spec": POD}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "loan",
        "namespace": "shop",
        "labels": {"team": "risk"},
        "uid": "1",
        "annotations": {"deployment.kubernetes.io/revision": "4"},
    },
    "spec": {
        "replicas": 3,
        "progressDeadlineSeconds": 300,
        "selector": {"matchLabels": {"app": "loan"}},
        "strategy": {"rollingUpdate": {"maxSurge": 1}},
        "template": TEMPLATE,
    },
    "status": {"replicas": 3},
}
ROLLOUT: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "loan"},
    "spec": {
        "template": TEMPLATE,
        "strategy": {
            "canary": {
                "steps": [
                    {"setWeight": 10},
                    {"pause": {"duration": 300}},
                    {"analysis": {"templates": [{"templateName": "success-rate"}]}},
                    {"setWeight": 50},
                    {"pause": {"duration": "1h"}},
                    {"pause": {}},
                    {"setWeight": 100},
                ],
                "trafficRouting": {"istio": {"virtualService": {"name": "loan"}}},
            }
        },
    },
}
CANARY: dict[str, Any] = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "loan"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "loan"},
        "progressDeadlineSeconds": 60,
        "service": {
            "port": 80,
            "hosts": ["loan.example.com"],
            "gatewayRefs": [{"name": "public", "namespace": "gateways"}],
        },
        "analysis": {
            "interval": "30s",
            "threshold": 5,
            "maxWeight": 50,
            "stepWeight": 20,
            "metrics": [{"name": "request-success-rate"}],
        },
    },
}
INFERENCE: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "loan"},
    "spec": {
        "predictor": {
            "minReplicas": 2,
            "canaryTrafficPercent": 10,
            "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://models/loan"},
        }
    },
}


def convert(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *documents: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The ModelDeployments, and the remarks."""
    path = tmp_path / "from.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    assert main(["convert", str(path)]) == 0
    told = capsys.readouterr()
    return list(yaml.safe_load_all(told.out)), told.err.splitlines()


@pytest.mark.parametrize(
    ("documents", "rollout", "lost"),
    [
        (
            [DEPLOYMENT],
            {"progressDeadline": "300s"},
            ["spec.selector.matchLabels.app", "spec.strategy.rollingUpdate.maxSurge"],
        ),
        (
            [ROLLOUT],
            {
                "steps": [
                    {"setWeight": 10},
                    {"pause": {"duration": "300s"}},
                    {"setWeight": 50},
                    {"pause": {"duration": "1h"}},
                    {"pause": {}},
                ]
            },
            [
                "spec.strategy.canary.trafficRouting.istio.virtualService.name",
                "spec.strategy.canary.steps[2].analysis.templates[0].templateName",
                "spec.strategy.canary.steps[6].setWeight",
            ],
        ),
        (
            [DEPLOYMENT, CANARY],
            {
                "progressDeadline": "60s",
                "steps": [{"setWeight": 20}, {"setWeight": 40}],
                "analysis": {"interval": "30s"},
            },
            [
                "spec.service.port",
                "spec.analysis.threshold",
                "spec.analysis.metrics[0].name",
                "Deployment loan: metadata.labels.team",
                "Deployment loan: spec.selector.matchLabels.app",
                "Deployment loan: spec.strategy.rollingUpdate.maxSurge",
            ],
        ),
    ],
    ids=["Deployment", "Rollout", "Canary"],
)
def test_what_has_a_counterpart_is_taken_over_and_the_rest_is_named(
    documents: list[dict[str, Any]],
    rollout: dict[str, Any],
    lost: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    [found], told = convert(tmp_path, capsys, *documents)
    source = documents[-1]["kind"]
    assert found["spec"]["rollout"] == rollout
    assert found["spec"]["template"]["spec"] == POD
    told = [each for each in told if each.endswith(" is lost")]
    assert sorted(told) == sorted(f"{source} loan: {path} is lost" for path in lost)
    (tmp_path / "loan.yaml").write_text(yaml.safe_dump(found))
    assert main(["lint", str(tmp_path / "loan.yaml")]) == 0


def test_metadata_replicas_and_gateway_are_taken_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found], _ = convert(tmp_path, capsys, DEPLOYMENT)
    metadata = {"name": "loan", "namespace": "shop", "labels": {"team": "risk"}}
    assert (found["metadata"], found["spec"]["replicas"]) == (metadata, 3)
    [found], _ = convert(tmp_path, capsys, DEPLOYMENT, CANARY)
    assert found["spec"]["traffic"]["gateway"] == {
        "parentRefs": [{"name": "public", "namespace": "gateways"}],
        "hostnames": ["loan.example.com"],
    }


def test_an_inference_service_lacks_an_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found], told = convert(tmp_path, capsys, INFERENCE)
    assert found["spec"]["model"] == {"storageUri": "pvc://models/loan"}
    assert found["spec"]["replicas"] == 2
    assert found["spec"]["rollout"] == {
        "analysis": {"preset": "KServe"},
        "steps": [{"setWeight": 10}],
    }
    assert told == [
        "InferenceService loan: spec.predictor.model.modelFormat.name is lost",
        "InferenceService loan: an autoscaler sets the number of pods: write how many serve now "
        "into spec.replicas, and let the autoscaler target the ModelDeployment",
        "InferenceService loan: canaryTrafficPercent is 10: the version before this one may have "
        "90% of the traffic. A first deployment is not judged, so finish or revert this one there "
        "before you convert it",
        "InferenceService loan: correct spec.template: fill in IMAGE-OF-THE-MODEL-SERVER",
    ]


BEFORE_CLIENTS = [
    {"setHeaderRoute": {"match": [{"headerName": "x-try", "headerValue": {"exact": "yes"}}]}},
    {"pause": {}},
    {"setHeaderRoute": {"match": [{"headerName": "x-try", "headerValue": {"prefix": "y"}}]}},
    {"setMirrorRoute": {"percentage": 35, "match": [{"method": {"exact": "GET"}}]}},
    {"setMirrorRoute": {"percentage": 35}},
    {"setWeight": 10},
    {"setMirrorRoute": {"percentage": 35}},
]


def test_routes_by_headers_and_mirrors_of_a_rollout_come_before_its_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rollout = changed(ROLLOUT, "strategy.canary.steps", BEFORE_CLIENTS)
    [found], told = convert(tmp_path, capsys, rollout)
    assert found["spec"]["rollout"]["steps"] == [
        {"preview": {"headers": [{"name": "x-try", "value": "yes"}]}},
        {"pause": {}},
        {"mirror": {"percent": 35}},
        {"setWeight": 10},
    ]
    lost = [each for each in told if "canary.steps" in each]
    assert {each.partition("steps[")[2][0] for each in lost} == {"2", "3", "6"}
    assert any("write spec.traffic.gateway" in each for each in told)
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "loan"},
        "spec": {
            "parentRefs": [{"name": "public"}],
            "rules": [{"backendRefs": [{"name": "loan"}]}],
        },
    }
    _, told = convert(tmp_path, capsys, route, rollout)
    assert not any("write spec.traffic.gateway" in each for each in told)


def test_the_mirror_of_a_canary_comes_before_its_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = changed(CANARY, "analysis.mirror", True)
    [found], told = convert(tmp_path, capsys, DEPLOYMENT, canary)
    assert found["spec"]["rollout"]["steps"][:2] == [
        {"mirror": {"percent": 100}},
        {"setWeight": 20},
    ]
    assert not any("mirror" in each for each in told)


# Jobs

SMOKE: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AnalysisTemplate",
    "metadata": {"name": "smoke"},
    "spec": {
        "args": [{"name": "host"}, {"name": "path", "value": "/ready"}, {"name": "hash"}],
        "metrics": [
            {
                "name": "test",
                "count": 2,
                "provider": {
                    "job": {
                        "metadata": {"labels": {"team": "risk"}},
                        "spec": {
                            "backoffLimit": 0,
                            "activeDeadlineSeconds": 600,
                            "template": {
                                "spec": {
                                    "restartPolicy": "OnFailure",
                                    "containers": [
                                        {
                                            "name": "test",
                                            "image": "checks:1",
                                            "args": [
                                                "http://{{args.host}}{{ args.path }}",
                                                "--hash={{args.hash}}",
                                            ],
                                        }
                                    ],
                                }
                            },
                        },
                    }
                },
            },
            {"name": "errors", "provider": {"prometheus": {"query": "vector(1)"}}},
        ],
    },
}
RUNS_SMOKE: dict[str, Any] = {
    "templates": [{"templateName": "smoke"}],
    "args": [
        {"name": "host", "value": "loan-preview.shop"},
        {"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}},
    ],
}
ASKS: dict[str, Any] = {
    "job": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "test",
                        "image": "checks:1",
                        "args": ["http://loan-preview.shop/ready", "--hash={{args.hash}}"],
                    }
                ]
            }
        },
        "timeout": "600s",
    }
}
LOST_OF_SMOKE = {
    "spec.metrics[0].count",
    "spec.metrics[0].provider.job.metadata.labels.team",
    "spec.metrics[1].provider.prometheus.query",
}


def test_jobs_of_an_analysis_become_steps_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [{"setWeight": 10}, {"analysis": RUNS_SMOKE}, {"setWeight": 50}]
    canary = {"steps": steps, "canaryService": "loan-preview"}
    [found], told = convert(
        tmp_path, capsys, changed(ROLLOUT, "strategy", {"canary": canary}), SMOKE
    )
    assert found["spec"]["rollout"]["steps"] == [{"setWeight": 10}, ASKS, {"setWeight": 50}]
    lost = {each.split(" ")[4] for each in told if "AnalysisTemplate smoke: spec" in each}
    assert lost == LOST_OF_SMOKE
    for said in (
        "AnalysisTemplate smoke: a container is not restarted in its pod (restartPolicy)",
        "AnalysisTemplate smoke: fill in {{args.hash}}, which has no plain value",
        "set rejects if it exits otherwise",
        "its Jobs ask Service loan-preview, which may not be there: ask $CANDIDATE_SERVICE",
    ):
        assert [each for each in told if said in each], said
    (tmp_path / "loan.yaml").write_text(yaml.safe_dump(found))
    assert main(["lint", str(tmp_path / "loan.yaml")]) == 0


def test_jobs_before_and_after_a_promotion_are_run_before_and_after_the_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster_wide = {**SMOKE, "kind": "ClusterAnalysisTemplate"}
    after = {"templates": [{"templateName": "smoke", "clusterScope": True}]}
    strategy = {"prePromotionAnalysis": RUNS_SMOKE, "postPromotionAnalysis": after}
    rollout = changed(ROLLOUT, "strategy", {"blueGreen": strategy})
    [found], told = convert(tmp_path, capsys, rollout, SMOKE, cluster_wide)
    first, *weights, last = found["spec"]["rollout"]["steps"]
    assert (first, weights) == (ASKS, DEFAULT)
    assert (
        last["job"]["template"]["spec"]["containers"][0]["args"][0] == "http://{{args.host}}/ready"
    )
    assert [each for each in told if "its Jobs run at the last weight" in each]
    [found], told = convert(tmp_path, capsys, rollout, SMOKE)
    assert found["spec"]["rollout"]["steps"] == [ASKS, *DEFAULT]
    path = "spec.strategy.blueGreen.postPromotionAnalysis.templates[0].templateName is lost"
    assert [each for each in told if path in each]
    assert [each for each in told if "ClusterAnalysisTemplate smoke is not in the input" in each]


USUAL = [{"name": "errors", "errorRate": {}}, {"name": "drift", "predictionDrift": {}}]
ERRORS_OF_THE_CANARY = (
    'sum(rate(requests_total{service=~"{{args.service}}.*",hash="{{args.hash}}",code=~"5.."}[5m]))'
)


def measured(query: str = ERRORS_OF_THE_CANARY, **metric: Any) -> dict[str, Any]:
    whole = {"name": "Error rate", "provider": {"prometheus": {"query": query}}, **metric}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "measured"},
        "spec": {"args": [{"name": "service"}, {"name": "hash"}], "metrics": [whole]},
    }


def in_the_background(**analysis: Any) -> dict[str, Any]:
    arguments = [
        {"name": "service", "value": "loan-canary.shop"},
        {"name": "old", "valueFrom": {"podTemplateHashValue": "Stable"}},
        {"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}},
    ]
    whole = {"templates": [{"templateName": "measured"}], "args": arguments, **analysis}
    canary = {"canaryService": "loan-canary", "stableService": "loan", "analysis": whole}
    return changed(ROLLOUT, "strategy", {"canary": {"steps": [{"setWeight": 10}], **canary}})


@pytest.mark.parametrize(
    ("condition", "bound"),
    [
        ({"successCondition": "result[0] >= 0.95"}, {"min": 0.95}),
        ({"successCondition": "len(result) == 0 || result[0] < 5e-2"}, {"max": 0.05}),
        ({"failureCondition": "result > 2"}, {"max": 2.0}),
        ({"failureCondition": "result[0] <= 1", "successCondition": "result[0] > 3"}, {"min": 1}),
    ],
)
def test_a_metric_with_one_bound_in_the_background_becomes_a_threshold(
    condition: dict[str, str],
    bound: dict[str, float],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    template = measured(**condition, failureLimit=3, interval="1m", count=5)
    rollout = in_the_background(startingStep=2)
    [found], told = convert(tmp_path, capsys, rollout, template)
    query = 'sum(rate(requests_total{$arm,code=~"5.."}[5m]))'
    assert found["spec"]["rollout"]["analysis"]["checks"] == [
        *USUAL,
        {"name": "error-rate", "threshold": {"query": query, **bound, "for": "180s"}},
    ]
    for said in (
        "AnalysisTemplate measured: spec.metrics[0].count is lost",
        "spec.strategy.canary.analysis.startingStep is lost",
        "metric Error rate reads the candidate's pods, $arm, instead of "
        'service=~"loan-canary.shop.*" and hash="{{args.hash}}"',
    ):
        assert [each for each in told if said in each], said
    assert not [each for each in told if "templateName is lost" in each]
    (tmp_path / "loan.yaml").write_text(yaml.safe_dump(found))
    assert main(["lint", str(tmp_path / "loan.yaml")]) == 0


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ({"provider": {"datadog": {}}}, "its provider is datadog, and checks read Prometheus"),
        ({"successCondition": None}, "it has no successCondition, so it fails nothing"),
        (
            {"successCondition": "result[0] > 0.9 && result[1] < 3"},
            "its successCondition is no comparison of one result with a number",
        ),
        ({"query": 'up{service="loan"}'}, 'its query is about service="loan", and bounds are'),
        ({"query": 'up{hash="{{args.old}}"}'}, 'its query is about hash="{{args.old}}", and'),
        (
            {"query": 'up{service!="loan-canary"}'},
            'its query leaves the candidate out (service!="loan-canary")',
        ),
        ({"query": "rate(up[{{args.window}}])"}, "its query is not accepted: at character"),
    ],
)
def test_a_metric_in_the_background_that_is_no_check_is_named_with_the_reason(
    metric: dict[str, Any], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = measured(**{"successCondition": "result > 1", **metric})
    [found], told = convert(tmp_path, capsys, in_the_background(), template)
    assert "analysis" not in found["spec"]["rollout"]
    lost = f"AnalysisTemplate measured: spec.metrics[0] (Error rate): {why}"
    assert [each for each in told if lost in each and each.endswith(": it is lost")], told
    path = "spec.strategy.canary.analysis.templates[0].templateName is lost"
    assert [each for each in told if path in each]


def test_a_dry_run_in_the_background_becomes_a_check_in_audit_mode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = measured("drift{team='risk'}", name="drift", successCondition="result < 1")
    [found], told = convert(
        tmp_path, capsys, in_the_background(dryRun=[{"metricName": "drift"}]), template
    )
    *usual, check = found["spec"]["rollout"]["analysis"]["checks"]
    assert usual == USUAL
    assert (check["name"], check["mode"]) == ("drift-2", "Audit")
    assert check["threshold"] == {"query": 'drift{$arm,team="risk"}', "max": 1.0}
    assert [each for each in told if each.endswith("reads the candidate's pods, $arm, alone")]
    [found], told = convert(tmp_path, capsys, in_the_background())
    assert "analysis" not in found["spec"]["rollout"]
    said = "AnalysisTemplate measured is not in the input: its metrics would become checks"
    assert [each for each in told if said in each]


@pytest.mark.parametrize(("dry", "mode"), [(".*", "Audit"), ("rate$", "Audit"), ("^rate", None)])
def test_a_dry_run_names_metrics_by_regular_expressions(
    dry: str, mode: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = measured(successCondition="result < 1")
    rollout = in_the_background(dryRun=[{"metricName": dry}])
    [found], _ = convert(tmp_path, capsys, rollout, template)
    assert found["spec"]["rollout"]["analysis"]["checks"][-1].get("mode") == mode


@pytest.mark.parametrize(
    ("interval", "limit", "lasting"), [("1h", 300, "1080000s"), ("500ms", 1, "1s")]
)
def test_how_many_failures_are_tolerated_is_a_duration_whatever_they_come_to(
    interval: str, limit: int, lasting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = measured(successCondition="result < 1", interval=interval, failureLimit=limit)
    [found], _ = convert(tmp_path, capsys, in_the_background(), template)
    assert found["spec"]["rollout"]["analysis"]["checks"][-1]["threshold"]["for"] == lasting


@pytest.mark.parametrize("unsaid", [{"dryRun": [{"metricName": "test"}]}, {"metrics": []}])
def test_an_analysis_whose_jobs_decide_nothing_is_lost(
    unsaid: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rollout = changed(
        ROLLOUT, "strategy.canary.steps", [{"setWeight": 10}, {"analysis": RUNS_SMOKE}]
    )
    template = {**SMOKE, "spec": {**SMOKE["spec"], **unsaid}}
    [found], told = convert(tmp_path, capsys, rollout, template)
    assert found["spec"]["rollout"]["steps"] == [{"setWeight": 10}]
    path = "spec.strategy.canary.steps[1].analysis.templates[0].templateName is lost"
    assert [each for each in told if path in each]


def test_of_what_flagger_asks_by_itself_it_is_said_what_there_is_instead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    webhooks = [
        {"name": "smoke", "type": "pre-rollout", "url": "http://tester"},
        {"name": "load", "url": "http://tester"},
        {"name": "told", "type": "event", "url": "http://tester"},
    ]
    _, told = convert(tmp_path, capsys, DEPLOYMENT, changed(CANARY, "analysis.webhooks", webhooks))
    said = [each.partition(": ")[2] for each in told if ": webhook " in each]
    assert said == [
        "webhook smoke (pre-rollout) is not asked: write what it tests as a step job before the "
        "first weight",
        "webhook load (rollout) is not asked: real traffic is judged, so it needs no load; write "
        "what it tests as a step job",
    ]


# what would look right, and serve badly


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """With a field set; None removes it."""
    found: dict[str, Any] = copy.deepcopy(document)
    *around, last = path.split(".")
    inner = found["spec"]
    for key in around:
        inner = inner.setdefault(key, {})
    inner[last] = value
    if value is None:
        del inner[last]
    return found


def analysed(**analysis: Any) -> dict[str, Any]:
    return changed(CANARY, "analysis", {"interval": "1m", **analysis})


PAUSE: dict[str, Any] = {"pause": {}}
DEFAULT = [{"setWeight": 5}, {"setWeight": 25}, {"setWeight": 50}]
UNWEIGHTED = "it has no weights: those of the default are used, 5, 25, 50"


@pytest.mark.parametrize(
    ("documents", "steps", "notes"),
    [
        ([DEPLOYMENT, analysed(iterations=10)], None, [UNWEIGHTED]),
        (
            [DEPLOYMENT, analysed(iterations=10, match=[{"headers": {"x": {"exact": "y"}}}])],
            None,
            [UNWEIGHTED],
        ),
        ([DEPLOYMENT, analysed(stepWeight=100)], None, [UNWEIGHTED]),
        ([DEPLOYMENT, analysed(stepWeights=[100])], None, [UNWEIGHTED]),
        ([DEPLOYMENT, changed(CANARY, "analysis", None)], None, [UNWEIGHTED]),
        (
            [DEPLOYMENT, analysed(stepWeight=25)],
            [{"setWeight": 25}, {"setWeight": 50}, {"setWeight": 75}],
            [],
        ),
        ([DEPLOYMENT, analysed(stepWeight=25, maxWeight=30)], [{"setWeight": 25}], []),
        (
            [DEPLOYMENT, analysed(stepWeights=[5, 50], webhooks=[{"type": "confirm-promotion"}])],
            [{"setWeight": 5}, {"setWeight": 50}, {"pause": {}}],
            ["a step pause: {} is written for confirm-promotion, and ends by serinus advance"],
        ),
        (
            [
                DEPLOYMENT,
                analysed(
                    iterations=2,
                    webhooks=[
                        {"type": "confirm-traffic-increase"},
                        {"type": "confirm-rollout"},
                        {"type": "load-test", "url": "http://a"},
                    ],
                ),
            ],
            [PAUSE, DEFAULT[0], PAUSE, DEFAULT[1], PAUSE, DEFAULT[2], PAUSE],
            [
                UNWEIGHTED,
                "a step pause: {} is written for confirm-rollout and confirm-traffic-increase, "
                "and ends by serinus advance",
            ],
        ),
        ([changed(ROLLOUT, "strategy.canary.steps", [])], None, [UNWEIGHTED]),
        ([changed(ROLLOUT, "strategy.canary.steps", [{"setWeight": 100}])], None, [UNWEIGHTED]),
        (
            [changed(ROLLOUT, "strategy.canary.steps", [{"pause": {}}])],
            [{"pause": {}}, *DEFAULT],
            [UNWEIGHTED],
        ),
        (
            [changed(ROLLOUT, "strategy", {"blueGreen": {"autoPromotionEnabled": False}})],
            [*DEFAULT, {"pause": {}}],
            ["autoPromotionEnabled is false there: the last step waits for serinus advance"],
        ),
        (
            [changed(ROLLOUT, "strategy", {"blueGreen": {"activeService": "a"}})],
            None,
            [UNWEIGHTED],
        ),
        (
            [
                changed(
                    changed(ROLLOUT, "strategy.canary.steps", [{"setWeight": 50}]),
                    "strategy.canary.trafficRouting.maxTrafficWeight",
                    1000,
                )
            ],
            [{"setWeight": 5}],
            [],
        ),
    ],
)
def test_no_rollout_becomes_one_that_nothing_judges_or_holds(
    documents: list[dict[str, Any]],
    steps: list[dict[str, Any]] | None,
    notes: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    *before, last = documents
    sized = [*before, changed(last, "replicas", 2) if last["kind"] == "Rollout" else last]
    [found], told = convert(tmp_path, capsys, *sized)
    assert found["spec"].get("rollout", {}).get("steps") == steps
    said = [each.partition(" loan: ")[2] for each in told if not each.endswith(" is lost")]
    assert said == notes
    (tmp_path / "loan.yaml").write_text(yaml.safe_dump(found))
    assert main(["lint", str(tmp_path / "loan.yaml")]) == 0
    assert "judged by nothing" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("documents", "why"),
    [
        ([changed(DEPLOYMENT, "replicas", None)], "not written"),
        ([changed(DEPLOYMENT, "replicas", 0)], "0, which would serve nobody"),
        ([ROLLOUT], "not written"),
        ([changed(DEPLOYMENT, "replicas", 0), CANARY], "0, which would serve nobody"),
        ([CANARY], "not written"),
        ([changed(INFERENCE, "predictor.minReplicas", 0)], "0, which would serve nobody"),
    ],
)
def test_the_pods_that_take_all_traffic_are_never_none_nor_one_without_a_word(
    documents: list[dict[str, Any]],
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    [found], told = convert(tmp_path, capsys, *documents)
    assert "replicas" not in found["spec"]
    [said] = [each for each in told if "spec.replicas" in each]
    assert f"replicas is {why}: write how many pods serve now into spec.replicas" in said


@pytest.mark.parametrize(
    "documents",
    [
        [DEPLOYMENT, changed(CANARY, "autoscalerRef", {"name": "loan"})],
        [changed(INFERENCE, "predictor.maxReplicas", 10)],
        [changed(INFERENCE, "predictor.maxReplicas", 0)],  # of KServe: no maximum
        [changed(changed(INFERENCE, "predictor.minReplicas", None), "predictor.maxReplicas", 3)],
        [INFERENCE],  # Knative has no maximum, unless there is one
        [changed(INFERENCE, "predictor.minReplicas", None)],
    ],
)
def test_where_an_autoscaler_may_run_more_pods_that_is_said(
    documents: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = convert(tmp_path, capsys, *documents)
    assert len([each for each in told if "an autoscaler sets the number of pods" in each]) == 1


@pytest.mark.parametrize(("mode", "most"), [("RawDeployment", None), ("Serverless", 2)])
def test_an_inference_service_whose_size_is_given_has_no_autoscaler(
    mode: str, most: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = changed(INFERENCE, "predictor.maxReplicas", most)
    document["metadata"] = {
        "name": "loan",
        "annotations": {"serving.kserve.io/deploymentMode": mode},
    }
    [found], told = convert(tmp_path, capsys, document)
    assert found["spec"]["replicas"] == 2
    assert not any("autoscaler" in each for each in told)


def test_a_canary_of_kserve_that_was_taken_out_is_not_taken_for_what_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for percent, said in ((0, True), (20, True), (100, False), (None, False)):
        document = changed(INFERENCE, "predictor.canaryTrafficPercent", percent)
        _, told = convert(tmp_path, capsys, document)
        assert any(f"canaryTrafficPercent is {percent}: " in each for each in told) is said


def test_a_canary_that_is_suspended_starts_no_rollout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found], _ = convert(tmp_path, capsys, DEPLOYMENT, changed(CANARY, "suspend", True))
    assert found["spec"]["rollout"]["paused"] is True


def test_a_rollout_with_a_workload_of_its_own_is_one_model_deployment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Argo scales the Deployment to 0; two ModelDeployments of a name replace each other."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "loan"}
    rollout = changed(changed(ROLLOUT, "template", None), "workloadRef", reference)
    rollout = changed(rollout, "replicas", 4)
    [found], told = convert(tmp_path, capsys, changed(DEPLOYMENT, "replicas", 0), rollout)
    assert found["spec"]["template"]["spec"] == POD
    assert found["spec"]["replicas"] == 4
    assert "Rollout loan: Deployment loan: spec.selector.matchLabels.app is lost" in told
    [found], told = convert(tmp_path, capsys, rollout)
    assert "IMAGE-OF-THE-MODEL-SERVER" in str(found) and "fill in" in told[-1]


def test_nothing_to_convert_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.yaml").write_text("kind: Service\nmetadata: {name: a}\nspec: {}\n")
    assert main(["convert", str(tmp_path / "other.yaml")]) == 2
    assert "none of the objects is a Deployment" in capsys.readouterr().err


def test_a_list_as_kubectl_prints_it_is_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found], _ = convert(tmp_path, capsys, {"kind": "List", "items": [DEPLOYMENT, CANARY]})
    assert found["spec"]["rollout"]["steps"] == [{"setWeight": 20}, {"setWeight": 40}]


@pytest.mark.parametrize("step", [{"setWeight": "20"}, {"pause": 10}, None], ids=str)
def test_what_its_own_tool_would_refuse_is_refused(
    step: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {**ROLLOUT, "spec": {"strategy": {"canary": {"steps": [step]}}}}
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(odd))
    assert main(["convert", str(tmp_path / "odd.yaml")]) == 2
    assert "Rollout loan: a field is not of the type" in capsys.readouterr().err


ROUTE: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "loan", "annotations": {"any": "thing"}},
    "spec": {
        "parentRefs": [
            {
                "group": "gateway.networking.k8s.io",
                "kind": "Gateway",
                "name": "public",
                "namespace": "gateways",
                "port": 443,
            }
        ],
        "hostnames": ["loan.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"name": "loan", "port": 80, "weight": 1}],
            }
        ],
    },
    "status": {"parents": []},
}
V1 = {"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}]}
PUBLIC = {"name": "public", "namespace": "gateways"}


def routed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], **spec: Any
) -> tuple[Any, list[str]]:
    route = {**ROUTE, "spec": {**ROUTE["spec"], **spec}}
    [made], told = convert(tmp_path, capsys, route, DEPLOYMENT)
    return made["spec"]["traffic"]["gateway"], told


def test_a_route_for_all_requests_becomes_a_gateway_without_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway, told = routed(tmp_path, capsys)
    assert gateway == {"parentRefs": [{**PUBLIC, "port": 443}], "hostnames": ["loan.example.com"]}
    assert not any("HTTPRoute" in each or "correct" in each for each in told)


def test_the_rules_of_a_route_are_taken_over_without_their_backends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backends = ROUTE["spec"]["rules"][0]["backendRefs"]
    timed = {**V1, "name": "v1", "timeouts": {"request": "5s"}}
    rules = [{**timed, "backendRefs": backends}, {"backendRefs": backends}]
    gateway, told = routed(tmp_path, capsys, rules=rules)
    assert gateway["rules"] == [timed, {}]
    assert not any("HTTPRoute" in each or "correct" in each for each in told)


def test_of_a_route_that_leads_elsewhere_too_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = [*ROUTE["spec"]["rules"], {**V1, "backendRefs": [{"name": "docs", "port": 80}]}]
    _, told = routed(tmp_path, capsys, rules=rules)
    assert any("HTTPRoute loan: its rules lead to different backends" in each for each in told)


@pytest.mark.parametrize("where", [{"name": "other"}, {"name": "loan", "namespace": "elsewhere"}])
def test_a_route_of_another_name_or_namespace_is_not_taken_over(
    where: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [made], _ = convert(tmp_path, capsys, {**ROUTE, "metadata": where}, DEPLOYMENT)
    assert "traffic" not in made["spec"]


def test_a_grpc_route_stays_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    method = {"matches": [{"method": {"service": "inference", "type": "Exact"}}]}
    spec = {**ROUTE["spec"], "rules": [method]}
    [made], _ = convert(tmp_path, capsys, {**ROUTE, "kind": "GRPCRoute", "spec": spec}, ROLLOUT)
    gateway = made["spec"]["traffic"]["gateway"]
    assert (gateway["kind"], gateway["rules"]) == ("GRPCRoute", [method])


def test_what_a_canary_says_of_requests_becomes_a_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = {
        **CANARY["spec"]["service"],
        "timeout": "15s",
        "match": [
            {"uri": {"prefix": "/v1"}, "method": {"exact": "POST"}},
            {"headers": {"x-tenant": {"regex": "a|b"}}, "queryParams": {"q": {"exact": "1"}}},
        ],
        "headers": {"request": {"set": {"x-a": "1"}, "remove": ["x-b"]}},
        "rewrite": {"uri": "/", "type": "ReplacePrefixMatch", "authority": "b.example.com"},
        "retries": {"attempts": 3},
    }
    canary = {**CANARY, "spec": {**CANARY["spec"], "service": service}}
    [made], told = convert(tmp_path, capsys, canary, DEPLOYMENT)
    gateway = made["spec"]["traffic"]["gateway"]
    assert gateway["parentRefs"] == [PUBLIC]
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    changed = {"set": [{"name": "x-a", "value": "1"}], "remove": ["x-b"]}
    assert gateway["rules"] == [
        {
            "matches": [
                {"path": {"type": "PathPrefix", "value": "/v1"}, "method": "POST"},
                {
                    "headers": [{"name": "x-tenant", "type": "RegularExpression", "value": "a|b"}],
                    "queryParams": [{"name": "q", "type": "Exact", "value": "1"}],
                },
            ],
            "filters": [
                {"type": "RequestHeaderModifier", "requestHeaderModifier": changed},
                {"type": "URLRewrite", "urlRewrite": {"hostname": "b.example.com", "path": path}},
            ],
            "timeouts": {"request": "15s"},
        }
    ]
    lost = [each for each in told if "spec.service" in each]
    assert lost == [
        "Canary loan: spec.service.port is lost",
        "Canary loan: spec.service.retries.attempts is lost",
    ]


@pytest.mark.parametrize(
    "match",
    [
        {"headers": {"x": {"prefix": "a"}}},
        {"method": {"regex": "GET|PUT"}},
        {"uri": {"exact": "/"}, "sourceLabels": {"app": "a"}},
    ],
)
def test_a_match_that_a_route_cannot_have_is_lost_and_said_so(
    match: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = {**CANARY["spec"]["service"], "match": [match]}
    canary = {**CANARY, "spec": {**CANARY["spec"], "service": service}}
    [made], told = convert(tmp_path, capsys, canary, DEPLOYMENT)
    assert "rules" not in made["spec"]["traffic"]["gateway"]
    assert any("spec.service.match[0]." in each for each in told)
