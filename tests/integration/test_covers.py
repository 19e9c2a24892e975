"""On a real API server: what was applied is seen to be in effect, whatever a pod may say."""

from collections.abc import Iterator
from typing import Any

import pytest

from serinus.api.spec import Spec
from serinus.cluster import Cluster
from serinus.manifests.children import Wanted, children
from serinus.manifests.covers import covers, differences
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.traffic import Traffic


def pod(container: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    ports = [{"name": "http", "containerPort": 8080}]
    return {
        "spec": {
            "containers": [{"name": "model", "image": "m:1", "ports": ports, **(container or {})}],
            **fields,
        }
    }


def demand(requests: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    return {"resources": {"requests": requests, "limits": limits}}


_ZONES = {
    "maxSkew": 1,
    "topologyKey": "topology.kubernetes.io/zone",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"app": "fraud"}},
}
_APART = {
    "podAffinityTerm": {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "fraud"}},
    },
    "weight": 1,
}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
_CPU = {"containerName": "model", "resource": "limits.cpu", "divisor": "1000m"}

TEMPLATES: dict[str, dict[str, Any]] = {
    "least": pod(),
    "quantities": pod(
        demand(
            {"cpu": "1000m", "memory": "1024Mi", "nvidia.com/gpu": 1},
            {"cpu": 1, "memory": "2147483648", "nvidia.com/gpu": "1"},
        )
    ),
    "decimals": pod(
        demand({"cpu": "0.5", "memory": "1.5Gi", "ephemeral-storage": "1e9"}, {"cpu": 1.5})
    ),
    "probes": pod(
        {
            "readinessProbe": {
                "httpGet": {"path": "/v2/health/ready", "port": "http"},
                "initialDelaySeconds": 0,
            },
            "livenessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 5},
            "startupProbe": {"exec": {"command": ["true"]}, "failureThreshold": 30},
        }
    ),
    "restricted": pod(
        {
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        },
        securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    ),
    "volumes": pod(
        {"volumeMounts": [{"name": "scratch", "mountPath": "/scratch", "readOnly": False}]},
        volumes=[
            {"name": "scratch", "emptyDir": {}},
            {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1024Mi"}},
            {"name": "settings", "configMap": {"name": "fraud"}},
            {"name": "secret", "secret": {"secretName": "fraud", "defaultMode": 0o400}},
            {
                "name": "token",
                "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]},
            },
            {"name": "info", "downwardAPI": {"items": [{"path": "c", "resourceFieldRef": _CPU}]}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "c", "readOnly": False}},
            {"name": "own", "ephemeral": {"volumeClaimTemplate": {"spec": _CLAIM}}},
        ],
    ),
    "environment": pod(
        {
            "env": [
                {"name": "EMPTY", "value": ""},
                {"name": "REFERS", "value": "$(EMPTY)"},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {
                    "name": "MEMORY",
                    "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}},
                },
                {
                    "name": "KEY",
                    "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": False}},
                },
            ],
            "envFrom": [{"configMapRef": {"name": "fraud"}}],
            "command": ["serve"],
            "args": [],
        }
    ),
    "scheduling": pod(
        nodeSelector={"gpu": "yes"},
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        affinity={"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [_APART]}},
        topologySpreadConstraints=[_ZONES],
        terminationGracePeriodSeconds=0,
        schedulerName="default-scheduler",
    ),
    "false": pod(
        {"tty": False, "stdin": False},
        hostNetwork=False,
        hostPID=False,
        shareProcessNamespace=False,
        automountServiceAccountToken=False,
        enableServiceLinks=False,
    ),
    "null": {
        "metadata": {"creationTimestamp": None},
        **pod(
            {"env": None, "resources": None, "livenessProbe": None, "imagePullPolicy": None},
            volumes=None,
            initContainers=None,
            nodeSelector=None,
            terminationGracePeriodSeconds=None,
        ),
    },
    "empty": {
        "metadata": {"annotations": {}, "labels": {}},
        **pod(
            {"env": [], "args": [], "volumeMounts": [], "securityContext": {}, **demand({}, {})},
            volumes=[],
            nodeSelector={},
            tolerations=[],
            securityContext={},
            imagePullSecrets=[],
        ),
    },
    "labelled": {
        "metadata": {"labels": {"app": "fraud"}, "annotations": {"prometheus.io/scrape": "true"}},
        **pod(),
    },
    "sidecars": pod(
        initContainers=[
            {"name": "fetch", "image": "f:1"},
            {"name": "proxy", "image": "p:1", "restartPolicy": "Always"},
        ],
        restartPolicy="Always",
    ),
    "ports": pod(
        {
            "ports": [
                {"name": "http", "containerPort": 8080, "hostPort": 0},
                {"containerPort": 9000, "protocol": "UDP"},
                {"containerPort": 9000},
            ]
        }
    ),
    "lifecycle": pod(
        {
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "imagePullPolicy": "Always",
            "workingDir": "/srv",
        },
        serviceAccount="fraud",
        hostAliases=[{"ip": "10.0.0.1", "hostnames": ["db"]}],
        dnsConfig={"options": [{"name": "ndots", "value": "2"}]},
    ),
}
MODELS: dict[str, dict[str, str]] = {
    "claim": {"storageUri": "pvc://models/fraud/1", "version": "1"},
    "image": {"storageUri": "oci://registry/fraud:1"},
    "elsewhere": {"storageUri": "s3://models/fraud"},
}
GATEWAY = {
    "parentRefs": [
        {"name": "public", "sectionName": "https"},
        {"name": "inner", "namespace": "gateways"},
    ],
    "hostnames": ["fraud.example.com", "*.fraud.example.com"],
}


async def wanted(cluster: Cluster, namespace: str, raw: dict[str, Any]) -> list[Manifest]:
    """The children of a canary under way; their owner exists, lest they be collected."""
    live = await cluster.create(
        {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": "fraud", "namespace": namespace},
            "spec": raw,
        }
    )
    owner = Owner(namespace, "fraud", live["metadata"]["uid"])
    stable = Revision.of(raw, 1)
    candidate = Revision.of({**raw, "model": {**raw.get("model", {}), "version": "next"}}, 2)
    split = Traffic(stable.hash, candidate.hash, 5)
    history = {each.hash: each for each in (stable, candidate)}
    replicas = {stable.hash: 3, candidate.hash: 1}
    return list(children(owner, Spec.model_validate(raw), history, Wanted(replicas, split)))


SPECS = {
    **{f"template-{name}": {"template": template} for name, template in TEMPLATES.items()},
    **{f"model-{name}": {"template": pod(), "model": model} for name, model in MODELS.items()},
    "gateway": {"template": pod(), "traffic": {"gateway": GATEWAY}},
}


@pytest.mark.parametrize("name", SPECS)
async def test_what_was_applied_needs_no_second_write_and_any_change_needs_one(
    cluster: Cluster, namespace: str, name: str
) -> None:
    for manifest in await wanted(cluster, namespace, SPECS[name]):
        applied = await cluster.apply(manifest)
        assert covers(applied, manifest), manifest["kind"]
        for path, changed in changes(manifest):
            assert not covers(applied, changed), path


_AT_ONCE = {
    **dict.fromkeys(("periodSeconds", "timeoutSeconds"), 0),
    **dict.fromkeys(("successThreshold", "failureThreshold"), 0),
}
_GET = {"path": "", "scheme": "", "port": 8080}
LEFT_EMPTY = pod(
    {
        "imagePullPolicy": "",
        "terminationMessagePath": "",
        "terminationMessagePolicy": "",
        "ports": [{"containerPort": 8080}, {"containerPort": 8081, "protocol": "", "hostPort": 0}],
        "readinessProbe": {"httpGet": _GET, "initialDelaySeconds": 0, **_AT_ONCE},
        "lifecycle": {"preStop": {"httpGet": _GET}},
        "env": [
            {"name": "EMPTY", "value": ""},
            {
                "name": "POD",
                "valueFrom": {"fieldRef": {"apiVersion": "", "fieldPath": "metadata.name"}},
            },
        ],
    },
    dnsPolicy="",
    schedulerName="",
    serviceAccountName="",
    terminationGracePeriodSeconds=0,
    volumes=[
        {"name": "image", "image": {"reference": "m:1", "pullPolicy": ""}},
        {"name": "latest", "image": {"reference": "m", "pullPolicy": ""}},
        {
            "name": "disk",
            "iscsi": {
                "targetPortal": "10.0.0.1:3260",
                "iqn": "iqn.2015-02.example.com:t",
                "lun": 0,
                "iscsiInterface": "",
            },
        },
    ],
)
"""A pod in which everything is empty that the API server fills in."""


async def test_what_the_server_fills_in_where_a_field_is_empty_needs_no_second_write(
    cluster: Cluster, namespace: str
) -> None:
    for manifest in await wanted(cluster, namespace, {"template": LEFT_EMPTY}):
        applied = await cluster.apply(manifest)
        assert list(differences(applied, manifest)) == []


async def test_to_apply_once_more_changes_nothing(cluster: Cluster, namespace: str) -> None:
    manifests = await wanted(cluster, namespace, SPECS["gateway"])
    first = [version(await cluster.apply(manifest)) for manifest in manifests]
    again = [version(await cluster.apply(manifest)) for manifest in manifests]
    assert first == again


def version(live: Manifest) -> tuple[str, Any]:
    """What a write changes; of a Deployment, that of its spec, since its status has a writer."""
    metadata = live["metadata"]
    return metadata["uid"], metadata.get("generation") or metadata["resourceVersion"]


async def test_a_backend_that_is_left_out_is_gone(cluster: Cluster, namespace: str) -> None:
    *_, route = await wanted(cluster, namespace, SPECS["gateway"])
    await cluster.apply(route)
    (rule,) = route["spec"]["rules"]
    rule["backendRefs"] = rule["backendRefs"][:1]
    live = await cluster.apply(route)
    assert live["spec"]["rules"][0]["backendRefs"] == rule["backendRefs"]


def changes(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The value with one of its leaves changed, once for each leaf, and the leaf's path."""
    if isinstance(value, dict):
        for key in value:
            if path or key not in ("apiVersion", "kind"):
                for at, inner in changes(value[key], f"{path}.{key}"):
                    yield at, {**value, key: inner}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for at, inner in changes(item, f"{path}[{index}]"):
                yield at, [*value[:index], inner, *value[index + 1 :]]
    elif isinstance(value, bool):
        yield path, not value
    elif isinstance(value, int | float):
        yield path, value + 1
    elif isinstance(value, str):
        yield path, f"{value}x"
