"""By what Prometheus may find stable's pods, and not the candidate's."""

from collections.abc import Iterator
from typing import Final

from serinus.manifests.owner import Manifest
from serinus.manifests.revision import Revision

_SCRAPING: Final = "prometheus.io/"
"""How the annotations begin by which Prometheus' usual configurations find pods."""


def less_scraped(stable: Revision, candidate: Revision) -> str:
    """What the candidate's template lacks or has otherwise, as a sentence; empty: nothing.

    A label may be in the selector of a PodMonitor, and the name of a port in its endpoints. Only
    that a label is missing counts, because values such as a version differ rightly.
    """
    found = list(_differences(stable.template, candidate.template))
    if not found:
        return ""
    return (
        f"The template of revision {candidate.hash} differs in what Prometheus may find pods by: "
        f"{', '.join(found)}."
    )


def _differences(old: Manifest, new: Manifest) -> Iterator[str]:
    had, has = (_metadata(each, "annotations") for each in (old, new))
    for name in sorted(name for name in had if name.startswith(_SCRAPING)):
        if name not in has:
            yield f"it lacks the annotation {name}: {had[name]}"
        elif has[name] != had[name]:
            yield f"its annotation {name} is {has[name]} instead of {had[name]}"
    lost = _own(_metadata(old, "labels")) - set(_metadata(new, "labels"))
    yield from (f"it lacks the label {name}" for name in sorted(lost))
    yield from (f"it lacks the port {name}" for name in sorted(_ports(old) - _ports(new)))


def _metadata(template: Manifest, kind: str) -> dict[str, str]:
    found: dict[str, str] = (template.get("metadata") or {}).get(kind) or {}
    return found


def _own(labels: dict[str, str]) -> set[str]:
    """Labels of the user. A revision that was read from its workload has others as well."""
    return {name for name in labels if not name.startswith("serinus.dev/")}


def _ports(template: Manifest) -> set[str]:
    return {
        port["name"]
        for container in template["spec"]["containers"]
        for port in container.get("ports") or []
        if port.get("name")
    }
