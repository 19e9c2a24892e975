"""The command line's words for how series are labelled and read, shared by operator and CLI."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serinus.api.quantities import seconds
from serinus.metrics.labelling import Labelling, matcher
from serinus.prometheus.config import Header


@dataclass(frozen=True, slots=True)
class Option:
    """Of one value, or of several: a line each, or given several times."""

    name: str
    text: str
    parse: Callable[[str], Any]
    """Raises ValueError with a sentence."""
    many: bool = False
    default: str | None = None


def _labels(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _header(text: str) -> Header:
    name, colon, value = text.partition(":")
    if not colon:
        # what was given may be secret
        raise ValueError("a header is written as X-Scope-OrgID: team-a")
    return Header(name.strip(), value.strip())


def _header_file(text: str) -> Header:
    name, colon, path = text.partition(":")
    if not colon or not path.strip():
        raise ValueError(f"{text!r} does not look like X-Scope-OrgID: /path/of/its/value")
    return Header(name.strip(), Path(path.strip()))


OPTIONS: Final = (
    Option(
        "--prometheus-namespace-label",
        "label that has a pod's namespace",
        str,
        default="namespace",
    ),
    Option("--prometheus-pod-label", "label that has a pod's name", str, default="pod"),
    Option(
        "--prometheus-replica-labels",
        "labels by which the replicas of an HA pair of Prometheus differ, such as replica; "
        "one replica is read",
        _labels,
    ),
    Option(
        "--prometheus-matcher",
        'condition of every selector, such as cluster="a"; may be given several times',
        matcher,
        many=True,
    ),
    Option(
        "--prometheus-header",
        "header of every request, such as 'X-Scope-OrgID: team-a'; may be given several times",
        _header,
        many=True,
    ),
    Option(
        "--prometheus-header-file",
        "likewise with the file that has its value, such as 'X-Scope-OrgID: /etc/tenant'",
        _header_file,
        many=True,
    ),
    Option(
        "--prometheus-read-offset",
        "read samples up to so long ago, where series arrive late: 30s",
        seconds,
        default="0s",
    ),
)


def settings(given: Any) -> dict[str, Any]:
    """For `Config`, from the attributes of what argparse has read. Raises ValueError."""
    return {
        "labelling": Labelling(
            namespace=given.prometheus_namespace_label,
            pod=given.prometheus_pod_label,
            replicas=given.prometheus_replica_labels or (),
            matchers=tuple(given.prometheus_matcher or ()),
        ),
        "headers": (*(given.prometheus_header or ()), *(given.prometheus_header_file or ())),
        "read_offset": given.prometheus_read_offset,
    }
