"""A tenant of namespace `a` who wants to see, or to touch, what is in namespace `b`.

A grammar makes queries and manifests as such a tenant would write them. Whatever the operator
takes of them must stay in `a`: each selector that would be sent, as a parser reads it that is not
ours, each series that it would hand to the tenant's checks, each object that it would write.

`python -m tests.campaign.attackers --seed 1 --count 20000` prints one line of JSON; with
`--prometheus`, a sample runs on a real Prometheus that holds marked series of `b`.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from serinus.api import promql
from serinus.api.checks import Backend
from serinus.api.spec import Spec
from serinus.api.validation import problems
from serinus.judge import queries_of
from serinus.manifests.children import Wanted, children
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.traffic import Traffic
from serinus.metrics.batches import BatchQuery, plan
from serinus.metrics.pod_names import pods
from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, ExpressionQuery, Query, QueryError
from serinus.plan.monitoring import monitoring_queries
from serinus.prometheus import Config, Prometheus
from tests.support.promql_oracle import selectors

A, B = "a", "b"
ATTACKER: Final = Arm(A, "fraud-2")
VICTIM: Final = Arm(B, "fraud-2")
"""Of the same names, so that only the namespace tells them apart."""
METRICS: Final = ("up", "model_requests_total", "drift_psi", "secret_total", "my.metric")
MARK: Final = "q7zk-marked-as-of-b"
"""In a label of each series of `b`. No query can contain it."""
MARKED_VALUE: Final = 48611.0390625
"""The value of each series of `b`."""

Render = Callable[[str, str, str], str]
"""A query, a namespace and a pattern of pods -> what is sent. Raises ValueError."""


@dataclass
class Result:
    """What came of it. `crossings` must be empty."""

    seed: int
    count: int
    queries_accepted: int = 0
    queries_refused: int = 0
    manifests_accepted: int = 0
    manifests_refused: int = 0
    executed: int = 0
    answered: int = 0
    seconds: float = 0.0
    crossings: list[str] = field(default_factory=list)

    def line(self) -> str:
        """As JSON."""
        wrong = self.crossings[:20]
        return json.dumps({**asdict(self), "ok": not self.crossings, "wrong": wrong})


def attack(seed: int, count: int, render: Render = promql.render) -> Result:
    """Half of `count` are queries, half manifests; the same for the same seed."""
    started, result = time.monotonic(), Result(seed, count)
    rng = random.Random(seed)
    for _ in range(count - count // 2):
        _attack_by_query(query(rng), render, result)
    for _ in range(count // 2):
        _attack_by_manifest(manifest(rng), result)
    result.seconds = round(time.monotonic() - started, 1)
    return result


async def execute(seed: int, count: int, url: str, result: Result) -> None:
    """Runs as many queries that are accepted on a Prometheus that holds `victims()`."""
    rng = random.Random(seed)
    accepted: dict[str, None] = {}
    while len(accepted) < count:
        if not promql.problems(text := query(rng)):
            accepted[text] = None
    async with Prometheus(Config(url, timeout=60.0)) as prometheus:
        texts = list(accepted)
        for start in range(0, len(texts), 50):
            batch = [
                ArmQuery(ATTACKER, ExpressionQuery(text), 60) for text in texts[start : start + 50]
            ]
            for asked, answer in (await prometheus.read(batch)).items():
                result.executed += 1
                result.answered += bool(answer) and not isinstance(answer, QueryError)
                if shown := _shown(answer):
                    result.crossings.append(f"{asked.query} answers {shown}")


def victims() -> dict[Arm, str]:
    """What the pods of both namespaces export, in Prometheus's own format."""
    names = [name for name in METRICS if "." not in name and name != "up"]
    of_b = [f'{name}{{mark="{MARK}"}} {MARKED_VALUE}' for name in [*names, f"of_b_{len(MARK)}"]]
    return {
        ATTACKER: "\n".join(f'{name}{{code="200"}} 3' for name in names),
        VICTIM: "\n".join(of_b),
    }


def _shown(answer: Any) -> str:
    """What of `b` is in an answer, or in a sentence of it."""
    if isinstance(answer, QueryError):
        return answer.message if MARK in answer.message else ""
    for series in answer:
        marked = any(MARK in value for value in series.labels.values())
        values = [value / MARKED_VALUE for _, value in series.samples]
        if marked or any(value in (1, 2, 3, 4, 5, -1) for value in values):
            return str(series)
    return ""


# --- What must hold


def _attack_by_query(text: str, render: Render, result: Result) -> None:
    try:
        sent = render(text, ATTACKER.namespace, pods(ATTACKER.workload))
    except ValueError:
        result.queries_refused += 1
        return
    result.queries_accepted += 1
    result.crossings += (f"{text!r} is sent as {sent!r}: {why}" for why in _leaves(sent, {A}))


def _attack_by_manifest(made: Manifest, result: Result) -> None:
    name, spec = made["metadata"]["name"], made["spec"]
    if problems(A, name, spec):
        result.manifests_refused += 1
        return
    result.manifests_accepted += 1
    typed = Spec.model_validate(spec)
    found = [*_crossings_of_checks(typed), *_crossings_of_children(name, typed, spec)]
    result.crossings += (f"{json.dumps(made)}: {why}" for why in found)


def _crossings_of_checks(spec: Spec) -> Iterator[str]:
    queries = list(queries_of(spec.rollout.analysis))
    if spec.monitoring is not None:
        queries += monitoring_queries(spec.monitoring)
    mine = [ArmQuery(ATTACKER, _readable(query), 60) for query in queries]
    theirs = [ArmQuery(VICTIM, query, 60) for query in _INNOCENT]
    wholes = plan([*mine, *theirs], late=5).queries
    parts = [part for whole in wholes for part in plan(whole.then, late=5).queries]
    for planned in (*wholes, *parts):
        namespaces = {asked.arm.namespace for asked in planned.asked}
        if planned.backend is not None:
            yield from _leaves_by_backend(planned, planned.backend, namespaces)
            continue
        if A in namespaces:
            yield from _leaves(planned.text, namespaces)
        if isinstance(planned.asked[0].query, CounterQuery):
            owner = planned.find({"namespace": B, "pod": f"{VICTIM.workload}-5d9f7c6b8-x2x4z"})
            if owner.namespace != B:
                yield f"a series of {B} is handed to {owner}"


def _readable(query: Query) -> Query:
    """The same with texts for patterns: Prometheus refuses a broken one, and with it the whole
    query, but the other parser refuses some that Prometheus takes."""
    if isinstance(query, ExpressionQuery):
        return query
    plain = {"=~": "=", "!~": "!="}
    matchers = (m.replace(operator=plain.get(m.operator, m.operator)) for m in query.matchers)
    return replace(query, matchers=tuple(matchers))


_INNOCENT: Final[tuple[Query, ...]] = (
    CounterQuery("model_requests_total"),
    ExpressionQuery("max(drift_psi{$arm})"),
)
"""What the victim's own rollout asks in the same batch."""


def _leaves(sent: str, namespaces: set[str]) -> Iterator[str]:
    """Selectors that may match series of any other namespace, or more than one metric."""
    try:
        found = selectors(sent)
    except ValueError as error:
        yield f"another parser cannot read it: {error}"
        return
    for held in found:
        if not any(
            _only(operator, value, namespaces) for operator, value in held.get("namespace", [])
        ):
            yield f"a selector is held to {held}"


def _leaves_by_backend(
    planned: BatchQuery, backend: Backend, namespaces: set[str]
) -> Iterator[str]:
    """Selectors that may match what a gateway counts for a Service of `b`, and who gets it."""
    name = backend.value.replace("$namespace", B).replace("$service", VICTIM.workload)
    counted = {backend.label: name.replace("*", "80")}
    if backend.namespace_label is not None:
        counted[backend.namespace_label] = B
    try:
        found = selectors(planned.text)
    except ValueError as error:
        yield f"another parser cannot read it: {error}"
        return
    for held in found:
        matchers = [(held.get(label, []), value) for label, value in counted.items()]
        if not all(matchers for matchers, _ in matchers):
            yield f"a selector is held to {held}"
        if B not in namespaces and all(
            operator == "Re" and re.fullmatch(expression, value)
            for each, value in matchers
            for operator, expression in each
        ):
            yield f"a selector with {held} matches {counted}"
    if planned.find(counted).namespace == A:
        yield f"what a gateway counts for {counted} is handed to {A}"


def _only(operator: str, value: str, namespaces: set[str]) -> bool:
    """Whether a matcher of the namespace lets none but these through."""
    if operator == "Equal":
        return value in namespaces
    return operator == "Re" and set(value.split("|")) <= namespaces


def _crossings_of_children(name: str, spec: Spec, raw: Manifest) -> Iterator[str]:
    owner = Owner(A, name, "uid-of-a")
    revision = Revision.of(raw, 1)
    split = Traffic(stable=revision.hash, candidate=None, weight=0)
    wanted = Wanted({revision.hash: 1}, split)
    for child in children(owner, spec, {revision.hash: revision}, wanted):
        metadata, what = child["metadata"], child["kind"]
        if metadata["namespace"] != A or not f"{metadata['name']}-".startswith(f"{name}-"):
            yield f"{what} {metadata['namespace']}/{metadata['name']} is written"
        if metadata["labels"]["serinus.dev/name"] != name:
            yield f"{what} carries the name of {metadata['labels']['serinus.dev/name']}"
        if what == "Service":
            if child["spec"].keys() & {"externalName", "externalIPs", "loadBalancerIP"}:
                yield "a Service leads out of the cluster"
            if child["spec"]["selector"]["serinus.dev/name"] != name:
                yield "a Service selects another's pods"
        if what == "HTTPRoute":
            for rule in child["spec"]["rules"]:
                for backend in rule["backendRefs"]:
                    if backend.get("namespace", A) != A or not backend["name"].startswith(name):
                        yield f"a route leads to {backend}"
        if what == "Deployment":
            labels = child["spec"]["template"]["metadata"]["labels"]
            if labels["serinus.dev/name"] != name:
                yield "pods carry another's name, and take its requests"
            yield from _mounts_of_host(child["spec"]["template"]["spec"], raw)


def _mounts_of_host(pod: Manifest, raw: Manifest) -> Iterator[str]:
    """Of volumes that are ours: a claim by its plain name, and no way up from it."""
    for volume in pod.get("volumes") or []:
        if volume not in (raw["template"]["spec"].get("volumes") or []):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName", "x")
            if not re.fullmatch(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?", claim):
                yield f"the claim {claim!r} is mounted"
    for container in pod["containers"]:
        for mount in container.get("volumeMounts") or []:
            if ".." in mount.get("subPath", "").split("/") or mount.get("subPath", "").startswith(
                "/"
            ):
                yield f"{mount['subPath']!r} leads out of the claim"


# --- Queries


def query(rng: random.Random) -> str:
    """An expression with selectors that reach out, or one that stays and hides another."""
    text = _expression(rng, rng.choice((0, 1, 1, 2, 3)))
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        text = _broken(rng, text)
    return text


_REACHING: Final = (
    'secret_total{namespace="b"}', "secret_total", '{namespace="b"}', '{__name__=~".+"}',
    '{"secret_total"}', '{"secret_total","namespace"="b"}', "secret_total{$arm or namespace='b'}",
    'secret_total{$arm,namespace="b"}', 'secret_total{$arm,namespace!="a"}',
    'secret_total{$arm,"namespace"=~".*"}', 'secret_total{$arm,"n\\x61mespace"="b"}',
    'secret_total{$arm,pod=~".*"}', 'secret_total{$arm,__name__=~".+"}',
    'up{$arm,"__name__"="secret_total"}', '{$arm,"up","secret_total"}', "{$arm}",
    'secret_total{x="$arm"}', "secret_total{x='\"} or secret_total{y=\"',$arm}",
    'secret_total{$arm}[5m] or secret_total', "secret_total @ end()", "secret_total{$arm} @ 0",
    'info(up{$arm}, {namespace="b"})', 'absent(secret_total{namespace="b"})',
    "limitk(5, secret_total)", "$arm", "{${arm}}", "secret_total{$namespace,$arm}",
    "secret_total{\u24d0=\"1\"}", 'secret_total{$arm,pod="x"}', "secret_total{$arm=~'.*'}",
)  # fmt: skip
_STAYING: Final = (
    "{m}{{$arm}}", "{m}{{$namespace}}", '{m}{{$arm,code="{v}"}}', '{m}{{code=~"{r}",$namespace}}',
    '{{"{m}",$arm}}', '{m}{{$arm,"x.y"!="{v}"}}', "{m}{{$arm,a='{v}'}}", "{m}{{$arm,a=`{v}`}}",
    "{m}{{ $arm , }}",
)  # fmt: skip
_VALUES: Final = (
    "200", "", "b", '\\"} or secret_total{x=\\"', "'} or secret_total{x='", "#", "\\n", "\\r",
    "\\u2028", "größe", "$", "$1", "}", "*/", "\\\\", "a\\tb", "{$}", "\\xc3\\xa9", "\\ufffd",
)  # fmt: skip
_PATTERNS: Final = (
    "5..", ".*", "a|b", ".*)|(.*", "(?i:B)", "^b$", "b\\\\z", "[^a]", "(?s).*", "()", "a{0,3}",
)  # fmt: skip
_LINES: Final = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\0", "\t", " ")
_ONE: Final = (
    "sum({})", "max by (namespace, pod, mark) ({})", "abs({})", "count_values('namespace', {})",
    "topk(5, {})", "-({})", "({})", "absent({})", "timestamp({})", "scalar({})", "vector({})",
    'label_replace({}, "namespace", "b", "pod", ".*")', "sort_desc({})", "histogram_avg({})",
    'label_join({}, "namespace", "", "code")', "{} offset 1m", "rate({}[5m])", "group({})",
    "max_over_time({}[5m:1m])", "last_over_time({}[300])", "sum without (pod,) ({})",
    "quantile(0.5, {})", "{} > bool 1", "first_over_time({}[1m])", "{} @ start()",
    "present_over_time({}[10m] offset 1m)",
)  # fmt: skip
_TWO: Final = (
    "{} or {}", "{} + on () group_left (namespace, mark) {}", "{} / {}", "{} unless {}",
    "{} * on (pod) group_right ({})", "{} and on () {}", "{} == bool ignoring (namespace, code) {}",
    "clamp_max({}, scalar({}))", "{} + ignoring (namespace) group_left (mark,) {}", "{} > {}",
    "{} # {}", "{}\n{}", "{}, {}", "{} atan2 {}", "info({}, {})",
)  # fmt: skip


def _expression(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return _selector(rng)
    if rng.random() < 0.6:
        return rng.choice(_ONE).replace("{}", _expression(rng, depth - 1))
    before, between, after = rng.choice(_TWO).split("{}")
    left, right = _expression(rng, depth - 1), _expression(rng, depth - 1)
    return f"{before}{left}{between}{right}{after}"


def _selector(rng: random.Random) -> str:
    if rng.random() < 0.15:
        return rng.choice(_REACHING)
    metric, value, pattern = map(rng.choice, (METRICS, _VALUES, _PATTERNS))
    return rng.choice(_STAYING).format(m=metric, v=value, r=pattern)


def _broken(rng: random.Random, text: str) -> str:
    """With something at any place: a comment that another line's end may end, a quote, a word."""
    place = rng.randrange(len(text) + 1)
    reaching = rng.choice(_REACHING)
    inserted = rng.choice(
        (
            f" # {rng.choice(_LINES)} or {reaching}",
            f" # {rng.choice(_LINES)} or {reaching}{rng.choice(_LINES)}",
            f"#{rng.choice(_LINES)}",
            rng.choice(_LINES),
            rng.choice("\"'`\\{}()[],#$@;"),
            "$arm",
            "$namespace",
            f" or {reaching}",
            f',{rng.choice(("namespace", "pod", "__name__"))}=~".*"',
            "\u200b",
            "\ufeff",
            "\u00a0",
        )
    )
    at_end = len(text) if inserted.startswith((" #", " or")) and rng.random() < 0.7 else place
    return text[:at_end] + inserted + text[at_end:]


# --- Manifests

_NAMES: Final = (
    "fraud",
    "fraud-2",
    "f",
    "Fraud",
    "../b",
    "a.b",
    "-x",
    "fraud\n",
    "b/fraud",
    "x" * 60,
)
_METRIC_NAMES: Final = (
    "model_requests_total", "secret_total", 'x{namespace="b"} or y', "x or secret_total", "x\n",
    ":x", "a b", "größe", "", "{", "__name__", "x_total#",
)  # fmt: skip
_LABELS: Final = (
    "code",
    "namespace",
    "pod",
    "__name__",
    'x="1",namespace',
    "x\n",
    "or",
    "le",
    "",
    "a.b",
)
_BACKENDS: Final = (
    "$namespace_$service_80", "$service.$namespace", "$namespace-$service", "$service", "$service*",
    ".*", "$namespace/$service*", ".*/$service|b/$namespace/$service", '"} or x{a="$service',
    "b/$namespace/$service/*", "($namespace)/($service)", "$namespace|$service", "$namespace/.+",
    "$service/$namespace\n", "b|$namespace|$service",
)  # fmt: skip
_OPERATORS: Final = ("=", "!=", "=~", "!~", "==", '=~".*",x=')
_URIS: Final = (
    "pvc://models/fraud", "pvc://b/models/../../etc", "pvc://models//etc", "pvc://../b",
    "pvc://models/..", "pvc:models", "oci://registry/model:1", "oci://registry/model@sha256:x",
    "s3://bucket/model", "file:///etc/passwd", "pvc://models/$(SECRET)", "pvc://models/.",
    "pvc://b.models/x\n", "oci://../../b",
)  # fmt: skip
_HOSTS: Final = (
    "fraud.example.com",
    "*.example.com",
    "*",
    "b.svc.cluster.local",
    "http://x",
    "x y",
    "",
)
_SPACES: Final = (A, B, "", "kube-system", "b/../a")
_TEXTS: Final = ("x", "b", "", "x\ny", "$(SECRET)", "{{ .b }}", "x" * 300, "\u2028", '"', "größe")


def manifest(rng: random.Random) -> Manifest:
    """A ModelDeployment of which most fields are good, and some are what a tenant would try."""
    analysis: Manifest = {
        "interval": "15s",
        "checks": [_check(rng, n) for n in range(rng.choice((1, 1, 2)))],
    }
    if rng.random() < 0.2:
        analysis["preset"] = rng.choice(("KServe", "vLLM", "Istio", "../b"))
    pod: Manifest = {
        "containers": [{"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}]
    }
    if rng.random() < 0.2:
        volume = {
            "name": rng.choice(("x", "serinus-model")),
            "persistentVolumeClaim": {"claimName": "own"},
        }
        pod["volumes"] = [volume]
    template: Manifest = {"spec": pod}
    if rng.random() < 0.3:
        label = rng.choice(("app", "serinus.dev/name", "serinus.dev/revision"))
        template["metadata"] = {"labels": {label: rng.choice(_TEXTS[:4])}}
    spec: Manifest = {"template": template, "rollout": {"analysis": analysis}}
    if rng.random() < 0.4:
        spec["model"] = {"storageUri": _mostly(rng, "pvc://models/fraud", _URIS), "version": "1"}
    if rng.random() < 0.4:
        parent = {
            "name": "public",
            **({"namespace": rng.choice(_SPACES)} if rng.random() < 0.5 else {}),
        }
        spec["traffic"] = {
            "gateway": {
                "parentRefs": [parent],
                "hostnames": [_mostly(rng, "x.example.com", _HOSTS)],
            }
        }
    if rng.random() < 0.4:
        shares = [{"limit": "1%", **c["errorRate"]} for c in analysis["checks"] if "errorRate" in c]
        monitored = {"errorRate": shares[0]} if shares else {}
        spec["monitoring"] = {"featureDrift": _drift(rng), **monitored}
    return {"metadata": {"name": _mostly(rng, "fraud", _NAMES)}, "spec": spec}


def _check(rng: random.Random, number: int) -> Manifest:
    metric, other = (_mostly(rng, "model_requests_total", _METRIC_NAMES) for _ in range(2))
    matchers = [
        {
            "label": _mostly(rng, "code", _LABELS),
            "operator": _mostly(rng, "=", _OPERATORS),
            "value": rng.choice((*_VALUES, *_PATTERNS)),
        }
        for _ in range(rng.choice((0, 1, 2)))
    ]
    counter: Manifest = {"metric": metric, "matchers": matchers}
    kinds: tuple[Manifest, ...] = (
        {
            "errorRate": {
                "requests": counter,
                "errors": matchers or [{"label": "code", "value": "5"}],
            }
        },
        {"errorRate": {"requests": counter, "failures": f"{other}_failed"}},
        {"errorRate": {"requests": {**counter, "backend": _backend(rng)}}},
        {"latency": {"histogram": {"metric": metric, "matchers": matchers}}},
        {"predictionDrift": {"classes": counter}},
        {"threshold": {"query": query(rng), "max": 1}},
        {"threshold": {"query": f"max({_selector(rng)})", "max": 1}},
        {"trafficShare": {"requests": counter}},
    )
    return {"name": f"c{number}", **rng.choice(kinds)}


def _backend(rng: random.Random) -> Manifest:
    named = {"namespaceLabel": _mostly(rng, "of", _LABELS)} if rng.random() < 0.3 else {}
    good = "$service" if named else "service/$namespace/$service/*"
    return {
        "label": _mostly(rng, "envoy_cluster_name", _LABELS),
        "value": _mostly(rng, good, _BACKENDS),
        **named,
    }


def _drift(rng: random.Random) -> Manifest:
    feature: Manifest = {
        "feature": _mostly(rng, "age", _TEXTS),
        "categories": {rng.choice(_TEXTS): "50%"},
    }
    return {
        "features": _mostly(rng, "model_feature_value", _METRIC_NAMES),
        "categories": {"metric": _mostly(rng, "model_feature_category_total", _METRIC_NAMES)},
        "featureLabel": _mostly(rng, "feature", _LABELS),
        "categoryLabel": _mostly(rng, "category", _LABELS),
        "reference": {"given": [feature]} if rng.random() < 0.5 else {},
    }


def _mostly(rng: random.Random, good: str, others: tuple[str, ...]) -> str:
    return good if rng.random() < 0.8 else rng.choice(others)


# --- The command


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--execute", type=int, default=0, help="queries to run on a Prometheus")
    given = parser.parse_args(arguments)
    result = attack(given.seed, given.count)
    if given.execute:
        with_prometheus(given.seed, given.execute, result)
    print(result.line())
    return 1 if result.crossings else 0


def with_prometheus(seed: int, count: int, result: Result) -> None:
    """Starts a real Prometheus that scrapes both namespaces, and runs `count` queries on it."""
    from tests.support.real_prometheus import Pods, Server, pod, serving, until

    started, scraped = time.monotonic(), Pods()
    for arm, text in victims().items():
        scraped.set_text(arm.namespace, pod(arm), text)
    with serving(scraped), TemporaryDirectory() as folder:
        server = Server(Path(folder), scraped)
        server.start()
        try:
            until(lambda: asyncio.run(_is_there(server.url)), "too little is scraped")
            asyncio.run(execute(seed, count, server.url, result))
        finally:
            server.stop()
    result.seconds = round(result.seconds + time.monotonic() - started, 1)


async def _is_there(url: str) -> bool:
    """Whether the victim itself sees what is not to be seen, as the oracle sees it, and the
    attacker has samples enough for any function."""
    async with Prometheus(Config(url)) as prometheus:
        secret = ArmQuery(VICTIM, ExpressionQuery("secret_total{$arm}"), 60)
        own = ArmQuery(
            ATTACKER, ExpressionQuery("min(count_over_time(secret_total{$arm}[1m])) >= 5"), 60
        )
        found = await prometheus.read([secret, own])
        enough = found[own]
        return bool(_shown(found[secret])) and bool(enough) and not isinstance(enough, QueryError)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
