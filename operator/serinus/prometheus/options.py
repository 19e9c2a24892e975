"""Command-line options for access to Prometheus and for how series are labelled, of operator and
CLI."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serinus.api.quantities import seconds
from serinus.metrics.labelling import Labelling, matcher
from serinus.prometheus.config import Header


@dataclass(frozen=True, slots=True)
class Option:
    """With one value, or with several: one per line, or the option repeated."""

    name: str
    text: str
    parse: Callable[[str], Any]
    """Raises ValueError with a message for the user."""
    many: bool = False
    default: str | None = None


def _labels(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _header(text: str) -> Header:
    name, colon, value = text.partition(":")
    if not colon:
        # the given text may be secret
        raise ValueError("a header must have the form X-Scope-OrgID: team-a")
    return Header(name.strip(), value.strip())


def _header_file(text: str) -> Header:
    name, colon, path = text.partition(":")
    if not colon or not path.strip():
        raise ValueError(f"{text!r} does not look like X-Scope-OrgID: /path/of/its/value")
    return Header(name.strip(), Path(path.strip()))


OPTIONS: Final = (
    # credentials in files appear in no list of processes and in no shell's history
    Option("--prometheus-ca-file", "file with the CA certificates for Prometheus", Path),
    Option("--prometheus-token-file", "file with the bearer token for Prometheus", Path),
    Option("--prometheus-username-file", "file with the user name for Prometheus", Path),
    Option("--prometheus-password-file", "file with the password for Prometheus", Path),
    Option(
        "--prometheus-namespace-label",
        "label that holds a pod's namespace",
        str,
        default="namespace",
    ),
    Option("--prometheus-pod-label", "label that holds a pod's name", str, default="pod"),
    Option(
        "--prometheus-replica-labels",
        "labels that distinguish the replicas of an HA pair of Prometheus, such as replica; "
        "one replica is read",
        _labels,
    ),
    Option(
        "--prometheus-matcher",
        'matcher added to every selector, such as cluster="a"; can be repeated',
        matcher,
        many=True,
    ),
    Option(
        "--prometheus-header",
        "header added to every request, such as 'X-Scope-OrgID: team-a'; can be repeated",
        _header,
        many=True,
    ),
    Option(
        "--prometheus-header-file",
        "header with its value in a file, such as 'X-Scope-OrgID: /etc/tenant'; can be repeated",
        _header_file,
        many=True,
    ),
    Option(
        "--prometheus-read-offset",
        "how far in the past samples are read if series arrive late, such as 30s",
        seconds,
        default="0s",
    ),
)


def settings(given: Any) -> dict[str, Any]:
    """Arguments of `Config`, from parsed options. Raises ValueError."""
    return {
        "ca_file": given.prometheus_ca_file,
        "token_file": given.prometheus_token_file,
        "username_file": given.prometheus_username_file,
        "password_file": given.prometheus_password_file,
        "labelling": Labelling(
            namespace=given.prometheus_namespace_label,
            pod=given.prometheus_pod_label,
            replicas=given.prometheus_replica_labels or (),
            matchers=tuple(given.prometheus_matcher or ()),
        ),
        "headers": (*(given.prometheus_header or ()), *(given.prometheus_header_file or ())),
        "read_offset": given.prometheus_read_offset,
    }
