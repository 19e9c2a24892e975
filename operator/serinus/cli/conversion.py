"""ModelDeployments from objects of other tools; fields that have no counterpart are named."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from serinus.api.crd import GROUP, KIND, VERSION
from serinus.manifests.owner import Manifest

IMAGE_TO_FILL_IN: Final = "IMAGE-OF-THE-MODEL-SERVER"
_OF_MACHINES: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "rollout.argoproj.io/revision",
)
"""Annotations that nobody wrote by hand."""
_FROM_THE_SERVER: Final = (
    *("apiVersion", "kind", "status", "metadata.creationTimestamp", "metadata.generation"),
    *("metadata.managedFields", "metadata.resourceVersion", "metadata.uid"),
)


@dataclass(frozen=True)
class Converted:
    """A ModelDeployment, and what it was made from."""

    source: str
    """Kind and name."""
    manifest: Manifest
    lost: tuple[str, ...]
    """Fields of the source without a counterpart."""


class MisfitError(Exception):
    """An object that its own tool would refuse; the message names it."""


class _Fields:
    """The fields of an object. What nobody takes is lost."""

    def __init__(self, written: Manifest) -> None:
        self._rest: Any = deepcopy(written)
        for path in _FROM_THE_SERVER:
            self.take(path)
        annotations = self._rest.get("metadata", {}).get("annotations")
        for name in _OF_MACHINES if isinstance(annotations, dict) else ():
            annotations.pop(name, None)

    def take(self, path: str) -> Any:
        """The value at a path; None if there is none."""
        *around, last = path.split(".")
        found = self._rest
        for key in around:
            found = found.get(key) if isinstance(found, dict) else None
        return found.pop(last, None) if isinstance(found, dict) else None

    def lost(self) -> list[str]:
        """The paths of what is left."""
        return list(_leaves(self._rest, ""))


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    elif value is not None:
        yield path


def converted(documents: Sequence[Manifest]) -> list[Converted]:
    """A ModelDeployment for each object of a known kind. A Deployment that a Canary of Flagger
    names is part of that. Raises MisfitError."""
    named = [
        _Fields(each).take("spec.targetRef.name")
        for each in documents
        if _kind(each) == "flagger.app/Canary"
    ]
    found = []
    for each in documents:
        convert = _KINDS.get(_kind(each))
        part = _kind(each) == "apps/Deployment" and each["metadata"]["name"] in named
        if convert is not None and not part:
            try:
                found.append(convert(each, documents))
            except (AttributeError, TypeError, ValueError):
                raise MisfitError(
                    f"{each['kind']} {each['metadata']['name']}: a field is not of the type that "
                    "the kind prescribes: check it with kubectl apply --dry-run=server"
                ) from None
    return found


def _kind(document: Manifest) -> str:
    return f"{str(document.get('apiVersion')).partition('/')[0]}/{document.get('kind')}"


def _deployment(written: Manifest, documents: Sequence[Manifest]) -> Converted:
    fields = _Fields(written)
    return _result(written, fields, _workload(fields), {})


def _rollout(written: Manifest, documents: Sequence[Manifest]) -> Converted:
    fields = _Fields(written)
    spec, steps, lost = _workload(fields), list[Manifest](), list[str]()
    path = "strategy.canary.steps"
    for index, step in enumerate(fields.take(f"spec.{path}") or []):
        known = _step(step, steps)
        if known is None:
            lost += _leaves(step, f"spec.{path}[{index}]")
        else:
            steps.append(known)
    return _result(written, fields, spec, {"steps": steps} if steps else {}, lost)


def _step(step: Manifest, before: Sequence[Manifest]) -> Manifest | None:
    """A step of Argo Rollouts that exists here too: a weight above the one before, or a pause."""
    if "setWeight" in step:
        last = max((each.get("setWeight", 0) for each in before), default=0)
        return {"setWeight": step["setWeight"]} if last < step["setWeight"] < 100 else None
    if "pause" not in step:
        return None
    duration = (step["pause"] or {}).get("duration")
    if duration is None:
        return {"pause": {}}
    return {"pause": {"duration": _seconds(duration)}}


def _canary(written: Manifest, documents: Sequence[Manifest]) -> Converted:
    fields = _Fields(written)
    name = fields.take("spec.targetRef.name")
    kind = (fields.take("spec.targetRef.apiVersion"), fields.take("spec.targetRef.kind"))
    target = next(
        (
            each
            for each in documents
            if (each.get("apiVersion"), each.get("kind")) == kind
            and each["metadata"]["name"] == name
        ),
        None,
    )
    workload = _Fields(target or {})
    spec = _workload(workload) if target else {"template": _template(None)}
    if gateways := fields.take("spec.service.gatewayRefs"):
        hosts = [host for host in fields.take("spec.service.hosts") or [] if host != "*"]
        names = {"hostnames": hosts} if hosts else {}
        spec["traffic"] = {"gateway": {"parentRefs": gateways, **names}}
    weights = fields.take("spec.analysis.stepWeights") or _weights(fields)
    rollout: Manifest = {"steps": [{"setWeight": each} for each in weights if 0 < each < 100]}
    if interval := fields.take("spec.analysis.interval"):
        rollout["analysis"] = {"interval": interval}
    deadline = fields.take("spec.progressDeadlineSeconds")
    if deadline is not None:
        rollout["progressDeadline"] = _seconds(deadline)
    workload.take("metadata.name")
    workload.take("metadata.namespace")
    lost = [f"Deployment {name}: {path}" for path in workload.lost()]
    return _result(written, fields, spec, rollout, lost)


def _weights(fields: _Fields) -> list[int]:
    step, most = fields.take("spec.analysis.stepWeight"), fields.take("spec.analysis.maxWeight")
    return list(range(step, (most or 50) + 1, step)) if step else []


def _inference_service(written: Manifest, documents: Sequence[Manifest]) -> Converted:
    fields = _Fields(written)
    spec: Manifest = {"template": _template(fields.take("spec.predictor.containers"))}
    if uri := fields.take("spec.predictor.model.storageUri"):
        spec["model"] = {"storageUri": uri}
    if (replicas := fields.take("spec.predictor.minReplicas")) is not None:
        spec["replicas"] = replicas
    if resources := fields.take("spec.predictor.model.resources"):
        spec["template"]["spec"]["containers"][0]["resources"] = resources
    rollout: Manifest = {"analysis": {"preset": "KServe"}}
    weight = fields.take("spec.predictor.canaryTrafficPercent")
    if weight is not None and 0 < weight < 100:
        rollout["steps"] = [{"setWeight": weight}]
    return _result(written, fields, spec, rollout)


def _template(containers: Any) -> Manifest:
    """Without containers, one whose image must be filled in."""
    ports = [{"name": "http", "containerPort": 8080}]
    missing = [{"name": "model", "image": IMAGE_TO_FILL_IN, "ports": ports}]
    return {"spec": {"containers": containers or missing}}


def _workload(fields: _Fields) -> Manifest:
    """What Deployments and Rollouts have in common."""
    template = fields.take("spec.template") or _template(None)
    metadata = template.get("metadata") or {}
    metadata.pop("creationTimestamp", None)
    found: Manifest = {"template": template}
    for name in ("replicas", "revisionHistoryLimit"):
        if (value := fields.take(f"spec.{name}")) is not None:
            found[name] = value
    deadline, paused = fields.take("spec.progressDeadlineSeconds"), fields.take("spec.paused")
    if deadline is not None:
        found["rollout"] = {"progressDeadline": _seconds(deadline)}
    if paused:
        found["rollout"] = {**found.get("rollout", {}), "paused": True}
    return found


def _seconds(duration: Any) -> str:
    """A number is one of seconds."""
    text = str(duration)
    return f"{text}s" if text.isdigit() else text


def _result(
    written: Manifest,
    fields: _Fields,
    spec: Manifest,
    rollout: Manifest,
    lost: Sequence[str] = (),
) -> Converted:
    if rollout:
        spec["rollout"] = {**spec.get("rollout", {}), **rollout}
    metadata = {"name": fields.take("metadata.name")}
    for key in ("namespace", "labels", "annotations"):
        if value := fields.take(f"metadata.{key}"):
            metadata[key] = value
    manifest = {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": metadata}
    source = f"{written['kind']} {metadata['name']}"
    return Converted(source, {**manifest, "spec": spec}, (*fields.lost(), *lost))


_KINDS: Final[dict[str, Callable[[Manifest, Sequence[Manifest]], Converted]]] = {
    "apps/Deployment": _deployment,
    "argoproj.io/Rollout": _rollout,
    "flagger.app/Canary": _canary,
    "serving.kserve.io/InferenceService": _inference_service,
}
