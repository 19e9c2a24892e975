"""Rules of users on a real API server: its defaults, its refusals, and a change of the kind."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serinus.manifests.routers.rules import FRONTS, Front
from tests.integration.conftest import ROOT, kubectl
from tests.integration.shell import Shell
from tests.integration.test_migrating import OLD
from tests.support.documents import typed
from tests.support.exhaustive import short
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import PATIENT, healthy, spec

PAGE = (ROOT / "docs" / "routes.md").read_text("utf-8")
GROUP = "gateway.networking.k8s.io"
HTTP_TO_GRPC = ("HTTPRoute", "GRPCRoute")
SHADOW = {"name": "shadow", "port": 80}
HTTP_RULES: list[Manifest] = [
    {
        "name": "scores",
        "matches": [
            {"path": {"value": "/v1"}, "headers": [{"name": "x-tenant", "value": "a"}]},
            {"method": "POST", "queryParams": [{"name": "q", "value": "1"}], "path": None},
        ],
        "filters": [
            {
                "type": "RequestMirror",
                "requestMirror": {"backendRef": SHADOW, "fraction": {"numerator": 5}},
            },
            {"type": "CORS", "cors": {"allowOrigins": ["https://a.example.com"]}},
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-debug"]}},
        ],
        "timeouts": {"request": "9s", "backendRequest": "3s"},
    },
    {
        "matches": [{"path": {"type": "Exact", "value": "/"}}],
        "filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}],
    },
    {
        "matches": [{"path": {"type": "RegularExpression", "value": "/v[0-9]+"}}],
        "filters": [
            {
                "type": "ExtensionRef",
                "extensionRef": {"group": "example.com", "kind": "Limit", "name": "low"},
            }
        ],
    },
    {},
]
GRPC_RULES: list[Manifest] = [
    {
        "matches": [
            {"method": {"service": "inference.GRPCInferenceService", "method": "ModelInfer"}},
            {"headers": [{"name": "x-tenant", "value": "a"}]},
        ],
        "filters": [{"type": "RequestMirror", "requestMirror": {"backendRef": SHADOW}}],
    },
    {},
]
RULES = {"HTTPRoute": HTTP_RULES, "GRPCRoute": GRPC_RULES}


@pytest.fixture
def operator(operator: Operator) -> Operator:
    """With a gateway that takes up each kind of route."""
    operator.fronts = FRONTS
    return operator


def behind(**gateway: Any) -> Manifest:
    return {"gateway": {"parentRefs": [{"name": "public"}], **gateway}}


async def live(operator: Operator, kind: str = "HTTPRoute") -> Manifest:
    return await operator.cluster.get(kind, operator.namespace, "fraud")


def defaults_of(front: Front) -> dict[str, Any]:
    """What the installed definition fills in below a rule, but for the backends."""
    name = f"{front.kind.plural}.{GROUP}"
    definition = json.loads(kubectl("get", "crd", name, "-o=json").stdout)
    served = next(v for v in definition["spec"]["versions"] if v["name"] == front.kind.version)
    route = served["schema"]["openAPIV3Schema"]["properties"]["spec"]
    found = dict(_defaults(route["properties"]["rules"]["items"], ""))
    return {path: each for path, each in found.items() if not path.startswith("backendRefs")}


def _defaults(schema: Manifest, path: str) -> Iterator[tuple[str, Any]]:
    if "default" in schema:
        yield path, schema["default"]
    for key, each in schema.get("properties", {}).items():
        yield from _defaults(each, f"{path}.{key}".lstrip("."))
    if "items" in schema:
        yield from _defaults(schema["items"], path)


@pytest.mark.parametrize("kind", FRONTS)
async def test_every_default_of_the_installed_gateway_api_is_known(
    operator: Operator, kind: str
) -> None:
    front = FRONTS[kind]
    installed = defaults_of(front)
    assert installed
    for path, value in installed.items():
        above, _, key = path.rpartition(".")
        known = front.defaults.get(above, {}).get(key)
        assert front._filled(known, path) == value, path


@pytest.mark.parametrize("kind", RULES)
async def test_rules_without_any_default_are_written_once_and_are_in_effect(
    operator: Operator, kind: str
) -> None:
    hosts = ["fraud.example.com", "score.example.com", "*.internal"]
    traffic = behind(kind=kind, rules=RULES[kind], hostnames=hosts)
    await operator.apply("fraud", **spec("v1", traffic=traffic))
    status = await operator.until("fraud", healthy("v1"))
    assert not [each for each in status["conditions"] if each["type"] == "Overridden"]
    before = await live(operator, kind)
    assert before["spec"]["hostnames"] == hosts
    assert before["metadata"]["generation"] == 1
    operator.move(60)
    await asyncio.sleep(2)
    assert (await live(operator, kind))["metadata"]["generation"] == 1
    await operator.apply("fraud", **spec("v2", traffic=traffic))
    status = await operator.until("fraud", healthy("v2"), moving=5, within=90)
    after = await live(operator, kind)
    for old, new, rule in zip(
        before["spec"]["rules"], after["spec"]["rules"], RULES[kind], strict=True
    ):
        assert {**old, "backendRefs": None} == {**new, "backendRefs": None}
        redirected = any(f["type"] == "RequestRedirect" for f in rule.get("filters", ()))
        led = [each["name"] for each in new.get("backendRefs", ())]
        assert led == ([] if redirected else [f"fraud-{status['stable']['revision']}"])


EDITS = {
    "a match": [{"op": "add", "path": "/spec/rules/0/matches/-", "value": {"method": "GET"}}],
    "a filter": [
        {
            "op": "add",
            "path": "/spec/rules/0/filters/-",
            "value": {
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {"remove": ["a"]},
            },
        }
    ],
    "a header": [
        {
            "op": "add",
            "path": "/spec/rules/0/matches/0/headers/-",
            "value": {"name": "x-more", "value": "b"},
        }
    ],
    "another timeout": [
        {"op": "replace", "path": "/spec/rules/0/timeouts/request", "value": "30s"}
    ],
    "a default": [{"op": "replace", "path": "/spec/rules/0/filters/1/cors/maxAge", "value": 600}],
    "a rule less": [{"op": "remove", "path": "/spec/rules/3"}],
    "a backend of a redirect": [
        {"op": "remove", "path": "/spec/rules/1/filters"},
        {"op": "add", "path": "/spec/rules/1/backendRefs", "value": [{"name": "x", "port": 80}]},
    ],
}


@pytest.mark.parametrize("edit", EDITS)
async def test_what_somebody_changes_in_a_rule_is_put_right(operator: Operator, edit: str) -> None:
    await operator.apply("fraud", **spec("v1", traffic=behind(rules=HTTP_RULES)))
    await operator.until("fraud", healthy("v1"))
    wanted = (await live(operator))["spec"]
    there = ("httproute", "fraud", f"--namespace={operator.namespace}")
    kubectl("patch", *there, "--type=json", f"--patch={json.dumps(EDITS[edit])}")
    deadline = time.monotonic() + 15
    while (await live(operator))["spec"] != wanted:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_rule_that_is_refused_is_named_and_does_not_keep_a_candidates_traffic(
    operator: Operator,
) -> None:
    fine = behind(rules=[{"matches": [{"path": {"value": "/v1"}}]}])
    bad = behind(rules=[{"matches": [{"path": {"value": "v1"}}]}])
    await operator.apply("fraud", **spec("v1", traffic=fine))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2", traffic=fine))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    await operator.apply("fraud", **spec("v2", traffic=bad))
    told = await operator.until(
        "fraud", lambda s: "value must be an absolute path" in s["message"], moving=1
    )
    assert "spec.rules[0].matches[0].path: Invalid value" in told["message"]
    await operator.command("fraud", f"abort/{status['candidate']['revision']}")
    await operator.until("fraud", lambda s: s["rejected"])
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    rules = (await live(operator))["spec"]["rules"]
    assert rules[0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/v1"}}]
    await operator.apply("fraud", **spec("v3", traffic=fine))
    await operator.until("fraud", healthy("v3"), moving=5, within=90)


@pytest.mark.parametrize(
    ("before", "after"), short([HTTP_TO_GRPC, HTTP_TO_GRPC[::-1]], [HTTP_TO_GRPC])
)
async def test_the_kind_changes_in_mid_rollout_and_one_route_is_accepted_at_all_times(
    operator: Operator, before: str, after: str
) -> None:
    await operator.apply("fraud", **spec("v1", traffic=behind(kind=before)))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", traffic=behind(kind=before)))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    operator.gateway_answers = False
    await operator.apply("fraud", **spec("v2", traffic=behind(kind=after)))
    deadline = time.monotonic() + 20
    while await operator.cluster.find(after, operator.namespace, "fraud") is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    both = [(await live(operator, kind))["spec"]["rules"][0]["backendRefs"] for kind in RULES]
    assert both[0] == both[1]
    operator.gateway_answers = True
    await operator.until("fraud", healthy("v2"), moving=5, within=90)
    assert await operator.cluster.find(before, operator.namespace, "fraud") is None
    assert len((await live(operator, after))["spec"]["rules"][0]["backendRefs"]) == 1


@pytest.mark.parametrize("kind", RULES)
async def test_a_preview_at_a_host_has_a_route_with_the_same_rules_until_it_ends(
    operator: Operator, kind: str
) -> None:
    traffic = behind(kind=kind, rules=RULES[kind], hostnames=["fraud.example.com", "*.internal"])
    steps = [{"preview": {"hostnames": ["try.example.com"]}}, {"pause": {}}, {"setWeight": 20}]
    wanted = {"traffic": traffic, "rollout": {"steps": [*steps, {"pause": {}}], **PATIENT}}
    await operator.apply("fraud", **spec("v1", **wanted))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", **wanted))
    status = await operator.until("fraud", lambda s: s["candidate"]["step"] == 1)
    name = f"fraud-{status['candidate']['revision']}"
    await asyncio.sleep(2)
    own = await operator.cluster.get(kind, operator.namespace, name)
    assert own["metadata"]["generation"] == 1, "its defaults are known, so it is written once"
    assert own["spec"]["hostnames"] == ["try.example.com"]
    of_clients = (await live(operator, kind))["spec"]["rules"]
    for theirs, tried, rule in zip(of_clients, own["spec"]["rules"], RULES[kind], strict=True):
        assert {**theirs, "backendRefs": None} == {**tried, "backendRefs": None}
        redirected = any(f["type"] == "RequestRedirect" for f in rule.get("filters", ()))
        led = [each["name"] for each in tried.get("backendRefs", ())]
        assert led == ([] if redirected else [name])
    await operator.command("fraud", f"advance/{status['candidate']['revision']}")
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20, moving=1)
    await operator.until_there(kind, name, there=False)


async def test_a_route_may_name_the_port_of_its_listeners(operator: Operator) -> None:
    traffic = {"gateway": {"parentRefs": [{"name": "public", "port": 8080}]}}
    await operator.apply("fraud", **spec("v1", traffic=traffic))
    await operator.until("fraud", healthy("v1"))
    (parent,) = (await live(operator))["spec"]["parentRefs"]
    assert parent["port"] == 8080


async def test_a_route_with_rules_is_converted_and_adopted_as_it_is(
    operator: Operator, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    shell = Shell.of(environment, operator.namespace, tmp_path / "bin", tmp_path)
    rules = [{**rule, "backendRefs": [{"name": "loan", "port": 80}]} for rule in HTTP_RULES]
    rules[1].pop("backendRefs")
    route = {**OLD["httproute"], "spec": {"parentRefs": [{"name": "public"}], "rules": rules}}
    for kind, manifest in {**OLD, "httproute": route}.items():
        (tmp_path / f"{kind}.json").write_text(json.dumps(manifest))
        await shell.succeed(f"kubectl apply -f {kind}.json", operator)
    await shell.succeed("kubectl rollout status deployment/loan --timeout=60s", operator)
    before = await operator.cluster.get("HTTPRoute", operator.namespace, "loan")

    annotate, convert = typed(PAGE)
    await shell.succeed(annotate, operator)
    await shell.succeed(annotate.replace("httproute", "service"), operator)
    await shell.succeed(convert, operator)
    await shell.succeed("kubectl apply -f loan.yaml", operator)
    await shell.succeed("kubectl wait mdep/loan --for=condition=Ready --timeout=2m", operator)
    after = await operator.cluster.get("HTTPRoute", operator.namespace, "loan")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["parentRefs"] == before["spec"]["parentRefs"]
    for old, new in zip(before["spec"]["rules"], after["spec"]["rules"], strict=True):
        assert {**old, "backendRefs": None} == {**new, "backendRefs": None}
    assert after["spec"]["rules"][0]["backendRefs"] != before["spec"]["rules"][0]["backendRefs"]
