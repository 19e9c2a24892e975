"""What an analysis of Argo Rollouts runs as Jobs and measures, and what webhooks of Flagger ask."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from serinus.api.analysis import Analysis
from serinus.cli.conversion_metrics import (
    ARGUMENT,
    Arguments,
    NoCheckError,
    as_check,
    filled_in,
    named_apart,
)
from serinus.cli.source_fields import Fields, leaves
from serinus.manifests.owner import Manifest

_EXIT_CODES: Final = (
    "a Job fails there by any exit code but 0; here 1 rejects the model, and after others it is "
    "started again: set rejects if it exits otherwise"
)
_SERVICES: Final = ("canaryService", "stableService")
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

    def checks(self, analysis: Manifest, path: str) -> list[Manifest]:
        """A check for each metric of an analysis in the background that can be one, beside those of
        the default. What is none is named."""
        dry, found = _dry(analysis), list[Manifest]()
        for index, reference in enumerate(analysis.get("templates") or []):
            checks = list(self._checks_of(reference, analysis.get("args") or [], dry))
            if not checks:
                self.lost.append(f"{path}.templates[{index}].templateName")
            found += checks
        rest = {k: v for k, v in analysis.items() if k not in ("args", "dryRun", "templates")}
        self.lost += leaves(rest, path)
        if not found:
            return []
        usual = [{"name": each.name, each.kind: {}} for each in Analysis().checks]
        return named_apart([*usual, *found])

    def _checks_of(
        self, reference: Manifest, given: Sequence[Manifest], dry: Sequence[str]
    ) -> Iterator[Manifest]:
        source, spec = self._template(reference, "metrics would become checks")
        if spec is None:
            return
        services = (self.fields.look(f"spec.strategy.canary.{of}") or "" for of in _SERVICES)
        arguments = Arguments([*(spec.get("args") or []), *given], *services)
        dry = [*dry, *_dry(spec)]
        for index, written in enumerate(spec.get("metrics") or []):
            metric, name = Fields(written), written.get("name")
            try:
                check, said = as_check(metric, arguments)
            except NoCheckError as error:
                self.lost.append(f"{source}: spec.metrics[{index}] ({name}): {error}: it")
                continue
            metric.take("name")
            self.lost += [f"{source}: spec.metrics[{index}].{each}" for each in metric.lost()]
            self.notes.append(f"{source}: metric {name} {said}")
            yield {**check, "mode": "Audit"} if _decides_nothing(name, dry) else check

    def _template(self, reference: Manifest, becomes: str) -> tuple[str, Manifest | None]:
        """Kind and name of a template that is referred to, and its spec; None: it is not in the
        input, and what its parts would become is told."""
        kind = f"{'Cluster' if reference.get('clusterScope') else ''}AnalysisTemplate"
        name = reference.get("templateName")
        named = (each for each in self.documents if each.get("kind") == kind)
        template = next((each for each in named if each["metadata"]["name"] == name), None)
        if template is None:
            self.notes.append(f"{kind} {name} is not in the input: its {becomes}")
        return f"{kind} {name}", template and template["spec"]

    def _jobs_of(self, reference: Manifest, given: Mapping[str, Any]) -> Iterator[Manifest]:
        source, spec = self._template(reference, "Jobs would become steps")
        if spec is None:
            return
        metrics = spec.get("metrics") or []
        dry = _dry(spec)
        of_jobs = [(each.get("provider") or {}).get("job") for each in metrics]
        usual = {each.get("name"): each.get("value") for each in spec.get("args") or []}
        values = {**usual, **given}
        for index, metric in enumerate(metrics if any(of_jobs) else []):
            decides = of_jobs[index] and not _decides_nothing(metric.get("name"), dry)
            fields = Fields(metric)
            if decides:
                yield self._job(fields, values, source)
            fields.take("name")
            path = f"{source}: spec.metrics[{index}]"
            self.lost += [f"{path}.{each}" for each in fields.lost()]

    def _job(self, metric: Fields, values: Mapping[str, Any], source: str) -> Manifest:
        of_job = "provider.job.spec"
        template = metric.take(f"{of_job}.template")
        job: Manifest = {"template": filled_in(template, values)}
        if deadline := metric.take(f"{of_job}.activeDeadlineSeconds"):
            job["timeout"] = f"{deadline}s"
        if not metric.look(f"{of_job}.backoffLimit"):
            metric.take(f"{of_job}.backoffLimit")
        if job["template"].get("spec", {}).pop("restartPolicy", "Never") != "Never":
            self.notes.append(f"{source}: a container is not restarted in its pod (restartPolicy)")
        for name in dict.fromkeys(ARGUMENT.findall(str(job["template"]))):
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


def _dry(analysis: Manifest) -> list[str]:
    """Regular expressions: the metrics with a name in which one is found decide nothing there."""
    return [str(each.get("metricName")) for each in analysis.get("dryRun") or []]


def _decides_nothing(name: Any, dry: Sequence[str]) -> bool:
    try:
        return any(re.search(each, str(name)) for each in dry)
    except re.error:
        return str(name) in dry


def tested_by_webhooks(webhooks: Sequence[Manifest]) -> list[str]:
    """What Flagger asks while it rolls out, with what there is instead."""
    asked = ((each, each.get("type") or "rollout") for each in webhooks)
    return [
        f"webhook {each.get('name', '')} ({kind}) is not asked: {_TESTS[kind]}"
        for each, kind in asked
        if kind in _TESTS
    ]
