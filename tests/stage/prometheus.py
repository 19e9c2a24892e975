"""Prometheus as the tests ask it beside the operator, and others like the cluster's own, for those
who stop or reconfigure one."""

import copy
import json
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from tests.stage.api import Api, Manifest
from tests.stage.deadline import until

NAME: Final = "prometheus"
_NAMESPACE: Final = "monitoring"
_NOTHING: Final[Mapping[str, Any]] = {}


def query(url: str, promql: str) -> list[Mapping[str, Any]]:
    """The elements of an instant vector; an error if Prometheus does not answer."""
    asked = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
    with urllib.request.urlopen(asked, timeout=5) as answer:
        found: list[Mapping[str, Any]] = json.load(answer)["data"]["result"]
        return found


def address(namespace: str, name: str = NAME) -> str:
    """The URL, inside the cluster, of one that `start` started."""
    return f"http://{name}.{namespace}:9090"


def start(
    api: Api,
    namespace: str,
    name: str = NAME,
    *,
    settings: Mapping[str, Any] = _NOTHING,
    arguments: Sequence[str] = (),
    labels: Mapping[str, str] = _NOTHING,
) -> None:
    """Start one like the cluster's own that scrapes the pods of its namespace alone, with further
    settings of prometheus.yml, arguments, and labels of its pod; wait until it is ready.

    It ends with the namespace. Its data outlives its pod, as that of the cluster's own does.
    Raises ValueError where the cluster's Prometheus finds what it scrapes otherwise than by pods.
    """
    for each in _manifests(api, namespace, name, settings, arguments, labels):
        api.apply(each)
    until(f"{name} is ready", lambda: _is_ready(api, namespace, name), 240)


def service(namespace: str, name: str, labels: Mapping[str, str]) -> Manifest:
    """A Service over the Prometheus whose pods carry these labels."""
    ports = [{"name": "http", "port": 9090}]
    return _object("Service", namespace, name, spec={"selector": dict(labels), "ports": ports})


def scale(api: Api, namespace: str, replicas: int, name: str = NAME) -> None:
    """Stop it with 0, and start it again with 1."""
    api.merge("Deployment", namespace, name, {"spec": {"replicas": replicas}}, sub="/scale")


def pods(api: Api, namespace: str, name: str = NAME) -> Sequence[Manifest]:
    """Its pods, also those that are ending."""
    return api.list("Pod", namespace, {"app": name})


def restricted(settings: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The same prometheus.yml for the pods of one namespace; ValueError if it scrapes anything that
    is no pod."""
    ours = copy.deepcopy(dict(settings))
    for job in ours.get("scrape_configs", []):
        found_by = {key for key in job if key.endswith("sd_configs") or key == "static_configs"}
        roles = {each["role"] for each in job.get("kubernetes_sd_configs", [])}
        if found_by != {"kubernetes_sd_configs"} or roles != {"pod"}:
            raise ValueError(f"job {job['job_name']} cannot be restricted to a namespace's pods")
        for each in job["kubernetes_sd_configs"]:
            each["namespaces"] = {"names": [namespace]}
    return ours


def _manifests(
    api: Api,
    namespace: str,
    name: str,
    settings: Mapping[str, Any],
    arguments: Sequence[str],
    labels: Mapping[str, str],
) -> list[Manifest]:
    own = yaml.safe_load(api.get("ConfigMap", _NAMESPACE, NAME)["data"]["prometheus.yml"])
    everywhere = {**own["global"], **settings.get("global", {})}
    config = restricted({**own, **settings, "global": everywhere}, namespace)
    account = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME}
    pod = api.get("Deployment", _NAMESPACE, NAME)["spec"]["template"]["spec"]
    deployment = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name, **labels}},
            "spec": _pod(pod, namespace, name, arguments),
        },
    }
    return [
        _object("ServiceAccount", namespace, name),
        _object("RoleBinding", namespace, name, roleRef=role, subjects=[account]),
        _object("ConfigMap", namespace, name, data={"prometheus.yml": yaml.safe_dump(config)}),
        service(namespace, name, {"app": name}),
        _object("Deployment", namespace, name, spec=deployment),
    ]


def _pod(live: Manifest, namespace: str, name: str, arguments: Sequence[str]) -> Manifest:
    """The pod of the cluster's own, with the account, the configuration and the folder of this
    one."""
    pod = copy.deepcopy(live)
    pod.pop("serviceAccount", None)
    pod["serviceAccountName"] = name
    pod["volumes"] = [
        {**volume, "configMap": {"name": name}} if "configMap" in volume else volume
        for volume in pod["volumes"]
    ]
    pod["containers"][0]["args"] = [
        "--config.file=/etc/prometheus/prometheus.yml",
        f"--storage.tsdb.path=/data/{namespace}-{name}",
        *arguments,
    ]
    return pod


def _is_ready(api: Api, namespace: str, name: str) -> bool:
    live = api.get("Deployment", namespace, name)
    return bool(live.get("status", {}).get("availableReplicas"))


def _object(kind: str, namespace: str, name: str, **content: Any) -> Manifest:
    versions = {"Deployment": "apps/v1", "RoleBinding": "rbac.authorization.k8s.io/v1"}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": metadata, **content}
