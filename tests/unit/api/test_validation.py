"""What schema and CEL cannot say: each problem names its field and the remedy."""

from typing import Any, Final

import pytest

from serinus.api.spec import Spec
from serinus.api.validation import problems
from tests.support.bad_manifests import BadManifest, bad_manifests

CONTAINER: dict[str, Any] = {
    "name": "model",
    "image": "registry/fraud:1",
    "ports": [{"name": "http", "containerPort": 8080}],
}


def spec(**fields: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [CONTAINER]}}, **fields}


def problems_of(name: str = "fraud", **fields: Any) -> list[str]:
    return [str(problem) for problem in problems("default", name, spec(**fields))]


def analysis(**fields: Any) -> dict[str, Any]:
    return {"rollout": {"analysis": fields}}


def test_a_spec_with_only_a_template_is_in_order() -> None:
    assert problems_of() == []


@pytest.mark.parametrize("bad", bad_manifests("stalled"), ids=lambda bad: bad.name)
def test_a_bad_manifest_that_passes_the_api_server_is_told_of(bad: BadManifest) -> None:
    manifest = bad.model_deployment()
    found = problems("NAMESPACE", manifest["metadata"]["name"], manifest["spec"])
    assert str(found[0]) == bad.says


@pytest.mark.parametrize("bad", bad_manifests("running"), ids=lambda bad: bad.name)
def test_a_manifest_whose_fault_lies_in_the_cluster_is_in_order(bad: BadManifest) -> None:
    manifest = bad.model_deployment()
    assert problems("NAMESPACE", manifest["metadata"]["name"], manifest["spec"]) == []


@pytest.mark.parametrize("bad", bad_manifests("stalled", "running"), ids=lambda bad: bad.name)
def test_what_passes_the_api_server_can_be_read(bad: BadManifest) -> None:
    Spec.model_validate(bad.model_deployment()["spec"])


@pytest.mark.parametrize(
    ("rollout", "told"),
    [
        ({"progresDeadline": "5m"}, "progresDeadline: is an unknown field; did you mean {}?"),
        ({"progress_deadline": "5m"}, "progress_deadline: is an unknown field; did you mean {}?"),
        ({"colour": "blue"}, "colour: is an unknown field"),
    ],
)
def test_the_nearest_known_field_is_proposed_for_an_unknown_one(
    rollout: dict[str, Any], told: str
) -> None:
    assert problems_of(rollout=rollout) == [f"spec.rollout.{told.format('progressDeadline')}"]


def test_an_unknown_field_within_lists_and_checks_is_compared_with_those_beside_it() -> None:
    found = problems_of(
        rollout={
            "steps": [{"setWeight": 5}, {"setWait": 9}],
            "analysis": {"checks": [{"name": "errors", "errorRate": {"tolerence": 2}}]},
        }
    )
    assert "spec.rollout.steps[1].setWait: is an unknown field; did you mean setWeight?" in found
    assert found[-1].endswith("errorRate.tolerence: is an unknown field; did you mean tolerance?")


def test_something_else_in_place_of_an_object_is_told_without_pythons_words() -> None:
    assert problems_of(rollout={"analysis": [1]}) == [
        "spec.rollout.analysis: must be an object, not [1]"
    ]


def test_a_missing_field_is_named_by_its_path() -> None:
    checks = [{"name": "psi", "threshold": {"max": 1}}]
    assert problems_of(**analysis(checks=checks)) == [
        "spec.rollout.analysis.checks[0].threshold.query: is required"
    ]


def test_every_error_is_told_at_once() -> None:
    found = problems_of(replicas=-1, rollout={"progressDeadline": "soon"})
    assert [each.split(":")[0] for each in found] == [
        "spec.replicas",
        "spec.rollout.progressDeadline",
    ]


def test_every_problem_is_told_at_once() -> None:
    found = problems_of(model={"storageUri": "pvc:models"}, **analysis(maxStepDuration="5s"))
    assert [each.split(":")[0] for each in found] == [
        "spec.model.storageUri",
        "spec.rollout.analysis.maxStepDuration",
    ]


@pytest.mark.parametrize(
    ("late", "field"),
    [({"feedback": {"after": "2m"}}, "feedback.after"), ({"latency": {}}, "latency.warmUp")],
)
def test_what_counts_only_after_the_step_is_refused(late: dict[str, Any], field: str) -> None:
    wait = "2m" if "feedback" in late else "30s"
    checks = [{"name": "late", **late}]
    assert problems_of(**analysis(checks=checks, maxStepDuration=wait)) == [
        f"spec.rollout.analysis.checks[0].{field}: {wait} is not shorter than the maximum duration "
        f"of a step, {wait} "
        "(maxStepDuration): the first step could never pass"
    ]


def test_a_warm_up_is_ten_minutes_at_most() -> None:
    checks = [{"name": "slow", "latency": {"warmUp": "11m"}}]
    assert problems_of(**analysis(checks=checks)) == [
        "spec.rollout.analysis.checks[0].latency.warmUp: must be at most 10m"
    ]


def test_a_duration_that_the_api_server_cannot_compare_is_refused() -> None:
    longest = {"errorRate": {"limit": "1%"}, "meanTimeBetweenFalseAlarms": "2562047h"}
    assert problems_of(monitoring=longest) == []
    found = problems_of(monitoring={**longest, "meanTimeBetweenFalseAlarms": "2562048h"})
    assert found == ["spec.monitoring.meanTimeBetweenFalseAlarms: must be at most 2562047h"]


@pytest.mark.parametrize("duration", ["", "5", "5 m", "m", "-5m", "1.5h", "5m\n", "5d", "٣m"])
def test_a_text_that_is_no_duration_is_refused(duration: str) -> None:
    found = problems_of(rollout={"scaleDownDelay": duration})
    assert found == [
        f"spec.rollout.scaleDownDelay: {duration!r} is not a duration such as 30s, 5m or 1h30m"
    ]


@pytest.mark.parametrize("percent", ["0%", "0.0%", "100%"])
def test_a_budget_lies_between_nothing_and_all(percent: str) -> None:
    assert problems_of(**analysis(falsePassBudget=percent)) == [
        "spec.rollout.analysis.falsePassBudget: must be above 0% and below 100%"
    ]


def test_an_interval_of_a_second_is_the_shortest() -> None:
    assert problems_of(**analysis(interval="1s")) == []
    assert problems_of(**analysis(interval="1000ms")) == []
    assert problems_of(**analysis(interval="999ms")) == [
        "spec.rollout.analysis.interval: must be at least 1s"
    ]


@pytest.mark.parametrize("name", ["f" * 38, "3d", "fraud.v2", "Fraud", "fraud-", "fraud\n"])
def test_a_name_that_its_children_cannot_bear_is_refused(name: str) -> None:
    assert [each.split(":")[0] for each in problems_of(name)] == ["metadata.name"]


def test_the_longest_name_is_in_order() -> None:
    assert problems_of("f" * 37) == []


def test_the_user_may_set_what_no_model_sets() -> None:
    env = [{"name": "MODEL_URI", "value": "s3://models/fraud"}]
    template = {"spec": {"containers": [{**CONTAINER, "env": env}]}}
    assert problems_of(template=template, model={"version": "2026-11"}) == []
    assert problems_of(template=template) == []


def test_a_volume_with_the_name_of_the_models_own_is_refused() -> None:
    template = {
        "spec": {
            "containers": [CONTAINER],
            "volumes": [{"name": "cache"}, {"name": "serinus-model"}],
        }
    }
    assert problems_of(template=template, model={"storageUri": "pvc://models"}) == [
        "spec.template.spec.volumes[1].name: the name serinus-model is reserved for the "
        "volume of the model; rename this volume"
    ]
    assert problems_of(template=template, model={"storageUri": "s3://models"}) == []


def test_init_containers_are_looked_at_too() -> None:
    fetch = {"name": "fetch", "image": "f:1", "env": [{"name": "MODEL_VERSION"}]}
    template = {"spec": {"containers": [CONTAINER], "initContainers": [fetch]}}
    assert problems_of(template=template, model={"version": "1"}) == [
        "spec.template.spec.initContainers[0].env[0]: MODEL_VERSION is also set from "
        "spec.model; remove one of the two"
    ]


def test_fields_that_are_null_are_as_good_as_absent() -> None:
    container = {**CONTAINER, "env": None, "volumeMounts": None}
    pod = {"containers": [container], "initContainers": None, "volumes": None}
    assert problems_of(template={"spec": pod}, model={"storageUri": "pvc://models"}) == []


def parents(*references: dict[str, Any]) -> list[str]:
    return problems_of(traffic={"gateway": {"parentRefs": list(references)}})


def test_two_listeners_of_one_gateway_are_in_order() -> None:
    http, https = ({"name": "public", "sectionName": name} for name in ("http", "https"))
    assert parents(http, https) == []


@pytest.mark.parametrize(
    ("first", "second", "fine"),
    [
        ({"port": 80}, {"port": 443}, True),
        ({"sectionName": "a", "port": 80}, {"sectionName": "a", "port": 443}, True),
        ({"sectionName": "a", "port": 80}, {"sectionName": "a", "port": 80}, False),
        ({"port": 80}, {"port": 80}, False),
        ({"port": 80}, {"sectionName": "a"}, False),
        ({"port": 80}, {}, False),
    ],
)
def test_listeners_of_one_gateway_may_differ_by_port(
    first: dict[str, Any], second: dict[str, Any], fine: bool
) -> None:
    assert (parents({"name": "public", **first}, {"name": "public", **second}) == []) == fine


def rules(*written: Any) -> list[str]:
    gateway = {"parentRefs": [{"name": "public"}], "rules": list(written)}
    return problems_of(traffic={"gateway": gateway})


def test_rules_are_read_as_far_as_any_version_of_the_gateway_api_has_them() -> None:
    anything = {"matches": [{"later": {"a": [1]}}], "filters": [{"type": "Later", "later": {}}]}
    assert rules({}, anything, {"timeouts": {"request": "1s"}, "later": [None]}) == []


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"matches": {}}, "[0].matches: must be of type array"),
        ({"matches": None}, "[0].matches: must be of type array"),
        ({"matches": [3]}, "[0].matches[0]: must be of type object"),
        ({"filters": [{}]}, "[0].filters[0].type: is required"),
        ({"timeouts": "9s"}, "[0].timeouts: must be of type object"),
    ],
)
def test_a_rule_of_another_shape_is_refused_by_its_field(rule: Any, told: str) -> None:
    assert rules(rule) == [f"spec.traffic.gateway.rules{told}"]


@pytest.mark.parametrize(("count", "fine"), [(8, True), (9, False)])
def test_a_preview_needs_room_for_as_many_rules_again(count: int, fine: bool) -> None:
    gateway = {"parentRefs": [{"name": "public"}], "rules": [{}] * count}
    preview = {"preview": {"headers": [{"name": "x-try", "value": "yes"}]}}
    rollout = {"steps": [preview, {"pause": {}}, {"setWeight": 5}]}
    told = problems_of(traffic={"gateway": gateway}, rollout=rollout)
    assert (told == []) == fine
    assert all("spec.traffic.gateway.rules: a preview needs" in each for each in told)


def previewed(*written: Any, headers: int = 1) -> list[str]:
    gateway = {"parentRefs": [{"name": "public"}], "rules": list(written)}
    named = [{"name": f"x-try-{number}", "value": "yes"} for number in range(headers)]
    rollout = {"steps": [{"preview": {"headers": named}}, {"pause": {}}, {"setWeight": 5}]}
    return problems_of(traffic={"gateway": gateway}, rollout=rollout)


def of_paths(count: int, **more: Any) -> dict[str, Any]:
    return {"matches": [{"path": {"value": f"/{number}"}} for number in range(count)], **more}


def test_a_preview_needs_room_for_as_many_matches_again() -> None:
    assert previewed(of_paths(64)) == []
    assert previewed(of_paths(60), of_paths(4)) == []
    [told] = previewed(of_paths(60), of_paths(5))
    assert told.startswith("spec.traffic.gateway.rules: a preview needs as many matches again")
    assert "130 in all, and a route has at most 128" in told
    redirect = {"filters": [{"type": "RequestRedirect"}]}
    assert previewed(of_paths(60, **redirect), of_paths(34)) == []
    elsewhere = {"matches": [{"headers": [{"name": "X-Try-0", "value": "no"}]}] * 60}
    assert previewed(elsewhere, of_paths(34)) == [], "they want another value, and get no rule"


def test_a_route_has_so_many_matches_at_most_also_without_a_preview() -> None:
    assert rules(of_paths(64), of_paths(64)) == []
    assert rules(of_paths(64), of_paths(64), {}) == [
        "spec.traffic.gateway.rules: they have 129 matches, and a route has at most 128"
    ]


def test_a_match_has_room_for_the_header_fields_of_a_preview() -> None:
    fields = [{"name": f"x-{number}", "value": "1"} for number in range(12)]
    rule = {"matches": [{}, {"headers": fields}]}
    assert previewed(rule, headers=4) == []
    assert previewed(rule, headers=5) == [
        "spec.traffic.gateway.rules[0].matches[1].headers: with those of a preview it has 17, and "
        "a match has at most 16: leave out some of either"
    ]


def test_a_header_field_is_listed_once_in_a_match() -> None:
    fields = [{"name": "X-Tier", "value": "1"}, {"name": "x-tier", "value": "2"}]
    assert rules({"matches": [{"headers": fields[:1]}, {"headers": fields[1:]}]}) == []
    assert rules({}, {"matches": [{}, {"headers": fields}]}) == [
        "spec.traffic.gateway.rules[1].matches[1].headers[1].name: header x-tier is listed twice, "
        "whatever the case of its letters"
    ]


@pytest.mark.parametrize("headers", [3, [3], [{}], [{"name": 3}], {"name": "x-try-0"}])
def test_header_fields_of_another_shape_are_for_the_api_server_to_refuse(headers: Any) -> None:
    assert previewed({"matches": [{"headers": headers}]}) == []


def test_gateways_of_one_name_in_two_namespaces_are_in_order() -> None:
    assert parents({"name": "public"}, {"name": "public", "namespace": "edge"}) == []


def test_one_gateway_named_twice_is_refused_however_it_is_written() -> None:
    assert parents({"name": "public"}, {"name": "public", "namespace": "default"}) == [
        "spec.traffic.gateway.parentRefs[1]: Gateway default/public is listed twice; set a "
        "different sectionName for each"
    ]


@pytest.mark.parametrize(
    "uri",
    [
        "pvc://models",
        "pvc://models/fraud/2026-11",
        "oci://registry.example.com:5000/team/fraud:1.2",
        "oci://registry/fraud@sha256:" + "0" * 64,
        "s3://bucket/fraud v1",
        "/srv/models/fraud",
    ],
)
def test_a_place_that_a_model_may_lie_at(uri: str) -> None:
    assert problems_of(model={"storageUri": uri}) == []


@pytest.mark.parametrize(
    "uri",
    [
        "pvc:models",
        "pvc://",
        "pvc://Models",
        "pvc://models/",
        "pvc://models//fraud",
        "pvc://models/./fraud",
        "oci:/registry/fraud",
        "oci://",
        "oci://Registry/Fraud",
        "oci://registry/fraud:",
        "oci://registry/fraud@sha256:1234",
    ],
)
def test_a_place_that_cannot_be_mounted_is_refused(uri: str) -> None:
    (problem,) = problems_of(model={"storageUri": uri})
    assert problem.startswith(f"spec.model.storageUri: {uri!r} is invalid: ")


def test_all_of_the_traffic_is_no_step_and_the_remedy_is_told() -> None:
    [found] = problems_of(rollout={"steps": [{"setWeight": 50}, {"setWeight": 100}]})
    assert found.startswith("spec.rollout.steps[1].setWeight: must be at most 99")
    assert "Remove this step" in found
    assert problems_of(rollout={"steps": [{"setWeight": 99}]}) == []


ERRORS: dict[str, Any] = {"name": "errors", "errorRate": {}}


@pytest.mark.parametrize("label", ["pod", "namespace", "instance", "job", "le", "__name__"])
def test_a_label_that_tells_no_requests_apart_is_no_stratum(label: str) -> None:
    assert problems_of(**analysis(checks=[ERRORS], stratify=["route", label])) == [
        f"spec.rollout.analysis.stratify[1]: {label} distinguishes pods or buckets, not requests: "
        "remove it"
    ]


@pytest.mark.parametrize(
    ("check", "field", "label"),
    [
        ({"errorRate": {}}, "errorRate.errors", "code"),
        ({"feedback": {}}, "feedback.negative", "outcome"),
        ({"predictionDrift": {}}, "predictionDrift.classLabel", "class"),
    ],
)
def test_a_label_that_tells_what_is_counted_is_no_stratum(
    check: dict[str, Any], field: str, label: str
) -> None:
    checks = [{"name": "one", **check}]
    assert problems_of(**analysis(checks=checks, stratify=["route"])) == []
    assert problems_of(**analysis(checks=checks, stratify=[label])) == [
        f"spec.rollout.analysis.checks[0].{field}: the check counts by the label {label}, so "
        "there is nothing to compare within one of its values: remove it from analysis.stratify"
    ]


def test_requests_that_are_counted_as_successes_have_no_strata() -> None:
    checks = [{"name": "errors", "errorRate": {"successes": "answered_total"}}]
    assert problems_of(**analysis(checks=checks)) == []
    assert problems_of(**analysis(checks=checks, stratify=["route"])) == [
        "spec.rollout.analysis.checks[0].errorRate.successes: requests under way are not counted "
        "by label, as analysis.stratify needs: set failures or errors, or remove stratify"
    ]


def test_strata_need_a_check_that_compares_within_them() -> None:
    checks = [{"name": "split", "trafficShare": {}}]
    assert problems_of(**analysis(checks=checks, stratify=["route"])) == [
        "spec.rollout.analysis.stratify: none of the checks can compare within labels: remove it, "
        "or add errorRate, feedback, latency or predictionDrift"
    ]


def test_a_label_is_listed_once() -> None:
    assert problems_of(**analysis(checks=[ERRORS], stratify=["route", "route"])) == [
        "spec.rollout.analysis.stratify: label route is listed twice"
    ]


def test_problems_name_checks_by_their_place_in_the_manifest() -> None:
    bad = {"errorRate": {"failures": "model_requests_total"}}
    checks = [{"name": "split", "trafficShare": {}}, {"name": "errors", **bad}]
    gateway = {"gateway": {"parentRefs": [{"name": "public"}]}}
    for listed, index in ((checks, 1), (checks[1:], 0)):
        for wrong in ("Hold", "Ignore"):
            settings = analysis(checks=listed, onWrongSplit=wrong)
            assert problems_of(**settings, traffic=gateway) == [
                f"spec.rollout.analysis.checks[{index}].errorRate.failures: model_requests_total "
                "is the counter of requests; set a counter of failures only"
            ]


def test_matchers_that_no_series_can_meet_together_are_refused_with_the_one_that_was_meant() -> (
    None
):
    """The matchers of a list must all be met: two codes of errors are no errors at all."""
    codes = [{"label": "code", "value": value} for value in ("500", "503")]
    server = {"label": "route", "value": "/predict"}
    remedy = 'one matcher with operator: "=~" and value: "500|503" selects either'
    where = "spec.rollout.analysis.checks[0].errorRate"
    never = f"a series has one value of the label code, never both 500 and 503: {remedy}"
    errors = {"name": "errors", "errorRate": {"errors": [*codes, server]}}
    assert problems_of(**analysis(checks=[errors])) == [f"{where}.errors: {never}"]
    requests = {"metric": "http_requests_total", "matchers": codes}
    counted = {"name": "errors", "errorRate": {"requests": requests}}
    assert problems_of(**analysis(checks=[counted])) == [f"{where}.requests.matchers: {never}"]
    monitoring = {"errorRate": {"limit": "1%", "errors": codes}}
    assert problems_of(monitoring=monitoring) == [f"spec.monitoring.errorRate.errors: {never}"]


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (("=~", "4.."), ("=~", "5.."), '"4..|5.." selects either'),
        (("=~", "4.."), ("=", "500"), '"4..|500" selects either'),
        (("=~", "5.."), ("!~", "5.."), "leave one of them out"),
        (("=", "500"), ("!=", "500"), "leave one of them out"),
    ],
)
def test_so_are_expressions_of_which_no_value_fits_both(
    one: tuple[str, str], other: tuple[str, str], told: str
) -> None:
    errors = [{"label": "code", "operator": op, "value": value} for op, value in (one, other)]
    said = " and ".join(f'code{op}"{value}"' for op, value in (one, other))
    [found] = problems_of(**analysis(checks=[{"name": "errors", "errorRate": {"errors": errors}}]))
    assert f"errorRate.errors: no series can meet both {said}: " in found
    assert found.endswith(told)


@pytest.mark.parametrize("operator", ["=", "=~", "!="])
def test_a_matcher_that_leaves_one_class_is_refused_because_its_share_is_always_all(
    operator: str,
) -> None:
    only = {"label": "class", "operator": operator, "value": "fraud"}
    classes = {"metric": "model_predictions_total", "matchers": [only]}
    told = f'class{operator}"fraud" leaves one class, which always has a share of 100%'
    message = f"classes.matchers: {told}: leave the matcher out"
    check = {"name": "drift", "predictionDrift": {"classes": classes}}
    found = problems_of(
        **analysis(checks=[check]), monitoring={"predictionDrift": {"classes": classes}}
    )
    places = "spec.rollout.analysis.checks[0].predictionDrift", "spec.monitoring.predictionDrift"
    assert found == [f"{place}.{message}" for place in places if operator != "!="]


def test_a_matcher_that_leaves_one_category_is_refused_in_the_monitoring_too() -> None:
    only = {"label": "category", "value": "missing"}
    categories = {"metric": "model_feature_category_total", "matchers": [only]}
    assert problems_of(monitoring={"featureDrift": {"categories": categories}}) == [
        'spec.monitoring.featureDrift.categories.matchers: category="missing" leaves one '
        "category, which always has a share of 100%: leave the matcher out"
    ]


def test_matchers_that_a_series_can_meet_together_are_in_order() -> None:
    not_these = [{"label": "code", "operator": "!=", "value": code} for code in ("200", "404")]
    same = [{"label": "code", "value": "500"}] * 2
    others = [
        {"label": "code", "value": "500"},
        {"label": "code", "operator": "=~", "value": "5.."},
    ]
    for errors in (not_these, same, others):
        check = {"name": "errors", "errorRate": {"errors": errors}}
        assert problems_of(**analysis(checks=[check])) == []


VIEW: Final = "reads what a gateway counts of each revision, and needs a router that can"
BACKEND: Final = {"label": "cluster", "value": "service/$namespace/$service"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"preset": "EnvoyGateway"}, ["preset"]),
        (
            {"checks": [{"name": "gateway", "preset": "IstioGateway", "latency": {}}]},
            ["checks[0].preset"],
        ),
        (
            {
                "preset": "vLLM",
                "checks": [
                    {"name": "pods", "errorRate": {}},
                    {
                        "name": "split",
                        "trafficShare": {"requests": {"metric": "sent", "backend": BACKEND}},
                    },
                ],
            },
            ["checks[1].trafficShare"],
        ),
        ({"preset": "vLLM"}, []),
    ],
)
def test_what_a_gateway_counts_is_only_read_where_there_is_one(
    fields: dict[str, Any], named: list[str]
) -> None:
    told = problems_of(**analysis(**fields))
    assert [each.partition(f": {VIEW}")[0] for each in told] == [
        f"spec.rollout.analysis.{each}" for each in named
    ]
    gateway = {"gateway": {"parentRefs": [{"name": "public"}]}}
    assert problems_of(traffic=gateway, **analysis(**fields)) == []
