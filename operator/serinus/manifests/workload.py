"""The Deployment of a revision, and the Services that lead to its pods."""

from copy import deepcopy
from typing import Any, Final

from serinus.api.storage import MODEL_PATH, MODEL_VOLUME, Claim, mounted
from serinus.manifests.kinds import DEPLOYMENT, SERVICE
from serinus.manifests.owner import REVISION_LABEL, Manifest, Owner
from serinus.manifests.revision import Revision

SERVICE_PORT: Final = 80


def deployment(owner: Owner, revision: Revision, replicas: int) -> Manifest:
    """The Deployment of a revision.

    Its template depends on the revision alone, so that only another revision restarts pods.
    """
    return {
        **owner.object(DEPLOYMENT, owner.child(revision.hash), revision.hash),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": owner.pods(revision.hash)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
            "template": pod_template(owner, revision),
        },
    }


def service(owner: Owner, name: str, selected: str | None, revision: Revision) -> Manifest:
    """A Service to the pods of one revision, or of all if `selected` is None. The port is that of
    `revision`.

    A port with a name is resolved by name for each pod.
    """
    port = target_port(revision.template)
    label = revision.hash if name == owner.child(revision.hash) else None
    return {
        **owner.object(SERVICE, name, label),
        "spec": {
            "selector": owner.pods(selected),
            # otherwise rejected pods serve until they have terminated
            "publishNotReadyAddresses": False,
            "ports": [
                {
                    "name": "http",
                    "port": SERVICE_PORT,
                    "protocol": "TCP",
                    "targetPort": port.get("name") or port["containerPort"],
                    "appProtocol": app_protocol(port),
                }
            ],
        },
    }


def selected_revision(live: Manifest) -> str | None:
    """The revision whose pods a Service selects; None: it selects those of all, or none."""
    selector = live["spec"].get("selector") or {}  # anybody may remove it
    found: str | None = selector.get(REVISION_LABEL)
    return found


def target_port(template: dict[str, Any]) -> dict[str, Any]:
    """The container port for the traffic: the one named http, otherwise the first TCP port.

    Raises ValueError if the template has none.
    """
    ports = [
        port
        for container in template["spec"]["containers"]
        for port in container.get("ports") or []
        if port.get("protocol", "TCP") == "TCP"
    ]
    if not ports:
        raise ValueError("no container has a TCP port")
    return next((port for port in ports if port.get("name") == "http"), ports[0])


def app_protocol(port: dict[str, Any]) -> str:
    """By the port's name, as in meshes: grpc and h2c need HTTP/2 in clear text."""
    first = (port.get("name") or "http").split("-")[0]
    return "kubernetes.io/h2c" if first in ("grpc", "h2c") else "http"


def pod_template(owner: Owner, revision: Revision) -> Manifest:
    """The user's template with our labels, and with the model if there is one."""
    template = deepcopy(revision.template)
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **owner.pods(revision.hash)}
    volume, mounts = _model_volume(revision)
    env = model_env(revision)
    spec = template["spec"]
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        if env:
            # ours come first, so that the user's may refer to them: $(MODEL_URI)
            container["env"] = [*env, *(container.get("env") or [])]
        if mounts:
            container["volumeMounts"] = [*(container.get("volumeMounts") or []), *mounts]
    if volume:
        spec["volumes"] = [*(spec.get("volumes") or []), *volume]
    return template


def model_env(revision: Revision) -> list[Manifest]:
    """What a container is told of the model."""
    given = {"MODEL_URI": revision.storage_uri, "MODEL_VERSION": revision.version}
    return [{"name": name, "value": value} for name, value in given.items() if value is not None]


def _model_volume(revision: Revision) -> tuple[list[Manifest], list[Manifest]]:
    source = None if revision.storage_uri is None else mounted(revision.storage_uri)
    if source is None:
        return [], []
    mount = {"name": MODEL_VOLUME, "mountPath": MODEL_PATH, "readOnly": True}
    if isinstance(source, Claim):
        claim = {"claimName": source.name, "readOnly": True}
        sub_path = {"subPath": source.path} if source.path else {}
        return [{"name": MODEL_VOLUME, "persistentVolumeClaim": claim}], [{**mount, **sub_path}]
    return [{"name": MODEL_VOLUME, "image": {"reference": source.reference}}], [mount]
