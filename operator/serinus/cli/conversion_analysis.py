"""What an analysis of Argo Rollouts runs as Jobs, and what webhooks of Flagger test."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from serinus.cli.source_fields import Fields
from serinus.manifests.owner import Manifest

_ARGUMENT: Final = re.compile(r"\{\{\s*args\.([\w.-]+)\s*\}\}")
_EXIT_CODES: Final = (
    "a Job fails there by any exit code but 0; here 1 rejects the model, and after others it is "
    "started again: set rejects if it exits otherwise"
)
_ASKED: Final = {
    **dict.fromkeys(("canary.canaryService", "blueGreen.previewService"), "CANDIDATE_SERVICE"),
    **dict.fromkeys(("canary.stableService", "blueGreen.activeService"), "STABLE_SERVICE"),
}
"""Where a strategy names Services, and the variable that has the address here."""
_TESTS: Final = {
    "pre-rollout": "write what it tests as a step job before the first weight",
    "rollout": "real traffic is judged, so it needs no load; write what it tests as a step job",
}
"""By type of a webhook that Flagger asks by itself, what there is instead."""


@dataclass
class Analyses:
    """What the analyses of a Rollout become."""

    fields: Fields
    """Of the Rollout."""
    documents: Sequence[Manifest]
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def jobs(self, analysis: Manifest, path: str) -> list[Manifest]:
        """A step for each Job of an analysis. What is no Job is lost."""
        given = {each.get("name"): each.get("value") for each in analysis.get("args") or []}
        steps = list[Manifest]()
        for index, reference in enumerate(analysis.get("templates") or []):
            found = list(self._jobs_of(reference, given))
            if not found:
                self.lost.append(f"{path}.templates[{index}].templateName")
            steps += found
        if steps:
            self.notes = list(dict.fromkeys([*self.notes, _EXIT_CODES, *self._services(steps)]))
        return steps

    def _jobs_of(self, reference: Manifest, given: Mapping[str, Any]) -> Iterator[Manifest]:
        kind = f"{'Cluster' if reference.get('clusterScope') else ''}AnalysisTemplate"
        name = reference.get("templateName")
        named = (each for each in self.documents if each.get("kind") == kind)
        template = next((each for each in named if each["metadata"]["name"] == name), None)
        if template is None:
            self.notes.append(f"{kind} {name} is not in the input: its Jobs would become steps")
            return
        spec = template["spec"]
        metrics = spec.get("metrics") or []
        dry = {each.get("metricName") for each in spec.get("dryRun") or []}
        of_jobs = [(each.get("provider") or {}).get("job") for each in metrics]
        usual = {each.get("name"): each.get("value") for each in spec.get("args") or []}
        values = {**usual, **given}
        for index, metric in enumerate(metrics if any(of_jobs) else []):
            decides = of_jobs[index] and metric.get("name") not in dry
            fields = Fields(metric)
            if decides:
                yield self._job(fields, values, f"{kind} {name}")
            fields.take("name")
            path = f"{kind} {name}: spec.metrics[{index}]"
            self.lost += [f"{path}.{each}" for each in fields.lost()]

    def _job(self, metric: Fields, values: Mapping[str, Any], source: str) -> Manifest:
        of_job = "provider.job.spec"
        template = metric.take(f"{of_job}.template")
        job: Manifest = {"template": _filled_in(template, values)}
        if deadline := metric.take(f"{of_job}.activeDeadlineSeconds"):
            job["timeout"] = f"{deadline}s"
        if not metric.look(f"{of_job}.backoffLimit"):
            metric.take(f"{of_job}.backoffLimit")
        if job["template"].get("spec", {}).pop("restartPolicy", "Never") != "Never":
            self.notes.append(f"{source}: a container is not restarted in its pod (restartPolicy)")
        for name in dict.fromkeys(_ARGUMENT.findall(str(job["template"]))):
            self.notes.append(f"{source}: fill in {{{{args.{name}}}}}, which has no plain value")
        return {"job": job}

    def _services(self, steps: Sequence[Manifest]) -> Iterator[str]:
        """Those of the Rollout that its Jobs ask."""
        for path, variable in _ASKED.items():
            name = self.fields.look(f"spec.strategy.{path}")
            if name and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", str(steps)):
                yield (
                    f"its Jobs ask Service {name}, which may not be there: ask ${variable}, "
                    "which is host:port"
                )


def _filled_in(value: Any, values: Mapping[str, Any]) -> Any:
    """With the arguments that have plain values."""
    if isinstance(value, dict):
        return {key: _filled_in(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled_in(inner, values) for inner in value]
    if isinstance(value, str):
        return _ARGUMENT.sub(lambda found: str(values.get(found[1]) or found[0]), value)
    return deepcopy(value)


def tested_by_webhooks(webhooks: Sequence[Manifest]) -> list[str]:
    """What Flagger asks while it rolls out, with what there is instead."""
    asked = ((each, each.get("type") or "rollout") for each in webhooks)
    return [
        f"webhook {each.get('name', '')} ({kind}) is not asked: {_TESTS[kind]}"
        for each, kind in asked
        if kind in _TESTS
    ]
