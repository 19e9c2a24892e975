"""ModelDeployments from objects of other tools; fields that have no counterpart are named."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from serinus.api.crd import GROUP, KIND, VERSION
from serinus.api.spec import Rollout
from serinus.cli.conversion_analysis import Analyses, tested_by_webhooks
from serinus.cli.conversion_routes import gateway_of_a_canary, gateway_of_a_route
from serinus.cli.source_fields import Fields, leaves
from serinus.manifests.owner import Manifest

IMAGE_TO_FILL_IN: Final = "IMAGE-OF-THE-MODEL-SERVER"
_DEFAULT_STEPS: Final = [step.set_weight for step in Rollout().steps if step.set_weight]
_CONFIRMATIONS: Final = ("confirm-rollout", "confirm-traffic-increase", "confirm-promotion")
"""Webhooks of Flagger at which a person, or a program, lets a rollout go on."""
_MODE_OF_KSERVE: Final = "serving.kserve.io/deploymentMode"
_NEEDS_A_GATEWAY: Final = "the steps preview and mirror need a Gateway: write spec.traffic.gateway"
_AUTOSCALED: Final = (
    "an autoscaler sets the number of pods: write how many serve now into spec.replicas, and let "
    "the autoscaler target the ModelDeployment"
)


@dataclass(frozen=True)
class Converted:
    """A ModelDeployment, and what it was made from."""

    source: str
    """Kind and name."""
    manifest: Manifest
    lost: tuple[str, ...]
    """Fields of the source without a counterpart."""
    notes: tuple[str, ...]
    """What means something else than in the source, or has to be decided."""


class MisfitError(Exception):
    """An object that its own tool would refuse; the message names it."""


def converted(documents: Sequence[Manifest]) -> list[Converted]:
    """A ModelDeployment for each object of a known kind. A Deployment that a Canary of Flagger or a
    Rollout names is part of that. Raises MisfitError."""
    named = {Fields(each).look(_NAMES[_kind(each)]) for each in documents if _kind(each) in _NAMES}
    found = []
    for each in documents:
        convert = _KINDS.get(_kind(each))
        part = _kind(each) == "apps/Deployment" and each["metadata"]["name"] in named
        if convert is not None and not part:
            try:
                found.append(_behind_its_route(convert(each, documents), each, documents))
            except (AttributeError, TypeError, ValueError):
                raise MisfitError(
                    f"{each['kind']} {each['metadata']['name']}: a field is not of the type that "
                    "the kind prescribes: check it with kubectl apply --dry-run=server"
                ) from None
    return found


def _behind_its_route(
    found: Converted, written: Manifest, documents: Sequence[Manifest]
) -> Converted:
    """With what the route in the same input says, or that its steps need one."""
    gateway, notes = gateway_of_a_route(written, documents)
    spec = found.manifest["spec"]
    if gateway is None:
        steps = spec.get("rollout", {}).get("steps", ())
        needed = any({"preview", "mirror"} & set(step) for step in steps)
        lacks = needed and "traffic" not in spec
        return replace(found, notes=(*found.notes, _NEEDS_A_GATEWAY)) if lacks else found
    spec = {**spec, "traffic": {"gateway": gateway}}
    notes = [*found.notes, *notes]
    return replace(found, manifest={**found.manifest, "spec": spec}, notes=tuple(notes))


def _kind(document: Manifest) -> str:
    return f"{str(document.get('apiVersion')).partition('/')[0]}/{document.get('kind')}"


def _deployment(written: Manifest, documents: Sequence[Manifest]) -> Converted:
    fields = Fields(written)
    return _result(written, fields, _workload(fields), {})


def _rollout(written: Manifest, documents: Sequence[Manifest]) -> Converted:
    fields = Fields(written)
    steps, lost, notes = list[Manifest](), list[str](), list[str]()
    analyses = Analyses(fields, documents)
    path = "strategy.canary.steps"
    most = fields.look("spec.strategy.canary.trafficRouting.maxTrafficWeight") or 100
    for index, step in enumerate(fields.take(f"spec.{path}") or []):
        if "analysis" in step:
            steps += analyses.jobs(step["analysis"], f"spec.{path}[{index}].analysis")
            continue
        known = _step(step, steps, most)
        if known is None:
            lost += leaves(step, f"spec.{path}[{index}]")
        else:
            steps.append(known)
    if not any("setWeight" in step for step in steps):
        steps, notes = _without_weights(steps)
    if fields.look("spec.strategy.blueGreen"):
        steps, notes = _blue_green(fields, analyses)
    spec = _workload(fields)
    if fields.look("spec.workloadRef"):
        # which the Rollout scales to 0, and has a size of its own
        size = {key: value for key, value in spec.items() if key != "template"}
        target, missed = _of_the_target(fields, "spec.workloadRef", documents)
        spec, lost = {**target, **size}, [*lost, *missed]
    rollout: Manifest = {"steps": steps} if steps else {}
    background = "spec.strategy.canary.analysis"
    if checks := analyses.checks(fields.take(background) or {}, background):
        rollout["analysis"] = {"checks": checks}
    lost, notes = [*lost, *analyses.lost], [*notes, *analyses.notes]
    return _result(written, fields, spec, rollout, lost, notes)


def _blue_green(fields: Fields, analyses: Analyses) -> tuple[list[Manifest], list[str]]:
    """The default weights, with the Jobs of its analyses before and after them."""
    around, notes = [], list[str]()
    for part in ("prePromotionAnalysis", "postPromotionAnalysis"):
        path = f"spec.strategy.blueGreen.{part}"
        around.append(analyses.jobs(fields.take(path) or {}, path))
    before, after = around
    by_person = fields.look("spec.strategy.blueGreen.autoPromotionEnabled") is False
    if before or after:
        notes = _without_weights([])[1]
    if after:
        notes.append(
            "postPromotionAnalysis had all of the traffic there: its Jobs run at the last weight, "
            "and spec.rollout.guard watches the promoted revision"
        )
    if by_person:
        after = [*after, {"pause": {}}]
        notes.append("autoPromotionEnabled is false there: the last step waits for serinus advance")
    if not before and not after:
        return _without_weights([])
    return [*before, *_weighted(_DEFAULT_STEPS), *after], notes


def _without_weights(steps: list[Manifest]) -> tuple[list[Manifest], list[str]]:
    """Pauses alone would promote without any traffic to judge, as no steps would."""
    listed = ", ".join(map(str, _DEFAULT_STEPS))
    notes = [f"it has no weights: those of the default are used, {listed}"]
    return ([*steps, *_weighted(_DEFAULT_STEPS)] if steps else []), notes


def _weighted(weights: Sequence[int]) -> list[Manifest]:
    return [{"setWeight": each} for each in weights]


def _step(step: Manifest, before: Sequence[Manifest], most: int) -> Manifest | None:
    """A step of Argo Rollouts that exists here too: a weight above the one before, a pause, or
    before the first weight a route by headers or a mirror. Weights are parts of `most`."""
    if "setWeight" in step:
        last = max((each.get("setWeight", 0) for each in before), default=0)
        weight = -(-100 * step["setWeight"] // most)
        return {"setWeight": weight} if last < weight < 100 else None
    if "setHeaderRoute" in step:
        return _preview(step["setHeaderRoute"].get("match") or [], before)
    if "setMirrorRoute" in step:
        route = step["setMirrorRoute"]
        return None if route.get("match") else _mirror(route.get("percentage"), before)
    if "pause" not in step:
        return None
    duration = (step["pause"] or {}).get("duration")
    if duration is None:
        return {"pause": {}}
    return {"pause": {"duration": _seconds(duration)}}


def _preview(matches: Sequence[Manifest], before: Sequence[Manifest]) -> Manifest | None:
    """Of header fields with exact values."""
    if not matches or any({"setWeight", "mirror"} & set(each) for each in before):
        return None
    values = [(each.get("headerValue") or {}).get("exact") for each in matches]
    if not all(values):
        return None
    named = [
        {"name": each["headerName"], "value": value}
        for each, value in zip(matches, values, strict=True)
    ]
    return {"preview": {"headers": named}}


def _mirror(percent: int | None, before: Sequence[Manifest]) -> Manifest | None:
    if not percent or any("setWeight" in each for each in before):
        return None
    return {"mirror": {"percent": percent}}


def _canary(written: Manifest, documents: Sequence[Manifest]) -> Converted:
    fields = Fields(written)
    spec, lost = _of_the_target(fields, "spec.targetRef", documents)
    rollout, notes = _analysed(fields)
    if gateway := gateway_of_a_canary(fields):
        spec["traffic"] = {"gateway": gateway}
    if fields.take("spec.suspend"):
        rollout["paused"] = True
    deadline = fields.take("spec.progressDeadlineSeconds")
    if deadline is not None:
        rollout["progressDeadline"] = _seconds(deadline)
    if fields.look("spec.autoscalerRef") and spec.get("replicas"):
        notes.append(_AUTOSCALED)
    return _result(written, fields, spec, rollout, lost, notes)


def _analysed(fields: Fields) -> tuple[Manifest, list[str]]:
    """The steps and the interval of a Canary, and what to say of them."""
    weights = fields.take("spec.analysis.stepWeights") or _weights(fields)
    steps, notes = _weighted([each for each in weights if 0 < each < 100]), list[str]()
    if steps and fields.look("spec.analysis.mirror") and fields.look("spec.service.gatewayRefs"):
        fields.take("spec.analysis.mirror")
        steps = [{"mirror": {"percent": fields.take("spec.analysis.mirrorWeight") or 100}}, *steps]
    webhooks = fields.look("spec.analysis.webhooks") or []
    notes += tested_by_webhooks(webhooks)
    found = {each["type"] for each in webhooks if each.get("type") in _CONFIRMATIONS}
    if not steps:
        _, notes = _without_weights([])
        steps = _weighted(_DEFAULT_STEPS) if found else []
    if found:
        steps = _confirmed(steps, found)
        named = " and ".join(sorted(found))
        notes.append(f"a step pause: {{}} is written for {named}, and ends by serinus advance")
    rollout: Manifest = {"steps": steps} if steps else {}
    if interval := fields.take("spec.analysis.interval"):
        rollout["analysis"] = {"interval": interval}
    return rollout, notes


def _confirmed(steps: Sequence[Manifest], by: set[str]) -> list[Manifest]:
    """With a pause where the rollout waited for a confirmation."""
    first, each_time, last = (name in by for name in _CONFIRMATIONS)
    pause: Manifest = {"pause": {}}
    found = [pause] if first else []
    for step in steps:
        found += [step, pause] if each_time else [step]
    return [*found, pause] if last and not each_time else found


def _weights(fields: Fields) -> list[int]:
    step, most = fields.take("spec.analysis.stepWeight"), fields.take("spec.analysis.maxWeight")
    return list(range(step, (most or 100) + 1, step)) if step else []


def _of_the_target(
    fields: Fields, path: str, documents: Sequence[Manifest]
) -> tuple[Manifest, list[str]]:
    """What the workload that an object names says of the pods, and the fields of that workload that
    are lost."""
    named = tuple(fields.take(f"{path}.{part}") for part in ("apiVersion", "kind", "name"))
    target = next((each for each in documents if _named(each) == named), None)
    workload = Fields(target or {})
    workload.take("metadata.name")
    workload.take("metadata.namespace")
    spec = _workload(workload) if target else {"template": _template(None)}
    return spec, [f"{named[1]} {named[2]}: {path}" for path in workload.lost()]


def _named(document: Manifest) -> tuple[Any, Any, Any]:
    return document.get("apiVersion"), document.get("kind"), document["metadata"]["name"]


def _inference_service(written: Manifest, documents: Sequence[Manifest]) -> Converted:
    fields, notes = Fields(written), list[str]()
    spec: Manifest = {"template": _template(fields.take("spec.predictor.containers"))}
    if uri := fields.take("spec.predictor.model.storageUri"):
        spec["model"] = {"storageUri": uri}
    least = fields.take("spec.predictor.minReplicas")
    spec["replicas"] = 1 if least is None else least
    if spec["replicas"] and _most_of_kserve(written) > spec["replicas"]:
        notes.append(_AUTOSCALED)
    if resources := fields.take("spec.predictor.model.resources"):
        spec["template"]["spec"]["containers"][0]["resources"] = resources
    rollout: Manifest = {"analysis": {"preset": "KServe"}}
    weight = fields.take("spec.predictor.canaryTrafficPercent")
    if weight is not None and 0 < weight < 100:
        rollout["steps"] = [{"setWeight": weight}]
    if weight is not None and weight < 100:
        notes.append(
            f"canaryTrafficPercent is {weight}: the version before this one may have "
            f"{100 - weight}% of the traffic. A first deployment is not judged, so finish or "
            "revert this one there before you convert it"
        )
    return _result(written, fields, spec, rollout, notes=notes)


def _most_of_kserve(written: Manifest) -> float:
    """How many pods KServe may run; without a number Knative runs any, and a Deployment of its own
    as few as it may."""
    most = Fields(written).look("spec.predictor.maxReplicas")
    mode = (written["metadata"].get("annotations") or {}).get(_MODE_OF_KSERVE)
    if most is None:
        return 0 if mode in ("RawDeployment", "Standard") else math.inf
    return most or math.inf


def _template(containers: Any) -> Manifest:
    """Without containers, one whose image must be filled in."""
    ports = [{"name": "http", "containerPort": 8080}]
    missing = [{"name": "model", "image": IMAGE_TO_FILL_IN, "ports": ports}]
    return {"spec": {"containers": containers or missing}}


def _workload(fields: Fields) -> Manifest:
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
    fields: Fields,
    spec: Manifest,
    rollout: Manifest,
    lost: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Converted:
    said = [*notes, *_size(spec)]
    if rollout:
        spec["rollout"] = {**spec.get("rollout", {}), **rollout}
    metadata = {"name": fields.take("metadata.name")}
    for key in ("namespace", "labels", "annotations"):
        if value := fields.take(f"metadata.{key}"):
            metadata[key] = value
    manifest = {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": metadata}
    source = f"{written['kind']} {metadata['name']}"
    missing = (*fields.lost(), *lost)
    return Converted(source, {**manifest, "spec": spec}, missing, tuple(said))


def _size(spec: Manifest) -> list[str]:
    """A first deployment takes all traffic, so its size is never taken from nothing: an autoscaler
    leaves it out, KServe scales to 0, and Flagger the Deployment of which it runs a copy."""
    if spec.get("replicas"):
        return []
    why = "0, which would serve nobody" if spec.pop("replicas", None) == 0 else "not written"
    return [
        f"replicas is {why}: write how many pods serve now into spec.replicas, otherwise 1 does"
    ]


_KINDS: Final[dict[str, Callable[[Manifest, Sequence[Manifest]], Converted]]] = {
    "apps/Deployment": _deployment,
    "argoproj.io/Rollout": _rollout,
    "flagger.app/Canary": _canary,
    "serving.kserve.io/InferenceService": _inference_service,
}
_NAMES: Final = {
    "flagger.app/Canary": "spec.targetRef.name",
    "argoproj.io/Rollout": "spec.workloadRef.name",
}
"""Where an object names the workload that it is about."""
