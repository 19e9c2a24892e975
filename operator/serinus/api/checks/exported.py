"""What a server exports, as names and labels, and what these usually mean. By it the checks of a
server that nobody has described are proposed."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from serinus.api.checks.metrics import FAILED_CODES, LabelMatcher

Labels = Mapping[str, Collection[str]]
"""The values of each label of a metric."""
Exported = Mapping[str, Labels]
"""By the name of the series, such as http_request_duration_seconds_bucket."""

RENAMED_ENDPOINT: Final = "exported_endpoint"
"""What a server's label `endpoint` is called where the Prometheus Operator attaches its own, which
is the name of the port."""
PATHS: Final = (
    *("handler", "path", "route", "endpoint", "uri", "url", "url_path", "http_route"),
    *("http_target", "view", RENAMED_ENDPOINT),
)
"""Labels that servers name the path of a request by, or what answers it."""
_PROBES: Final = (
    "(?i)(.*/)?(health|live|ready|readiness|startup|ping|metrics|prometheus[a-z_-]*)"
    "[-_]?(z|y|ness|check|handler)?/?"
)
PROBE: Final = re.compile(_PROBES)
_NO_CLIENTS: Final = re.compile(
    r"promhttp_|metrics?_handler"
    r"|(^|_)(probes?|healthz|livez|readyz|health_?checks?|liveness|readiness|scrapes?)_"
    r"|(^|_)(health|metrics)_requests?_"
    r"|(^|_)(gc|eventloop|go_sched)_"
)
"""In the names of what counts or times scrapes, probes or a language's runtime alone."""
_CODE: Final = re.compile(r"[1-5][0-9][0-9]")
_NO_CODES: Final = ("", "0", "000", "unknown", "none")
"""What stands in the place of a code if there was no answer, in small letters."""
_CLASS: Final = re.compile(r"[1-5](xx|XX)")
_TELLS_CODES: Final = ("code", "status", "outcome", "result", "response")
"""One of them is in the name of a label of codes: a batch of 256 is none."""
_SUCCESSES: Final = (
    *("OK", "ok", "Ok", "success", "SUCCESS", "Success", "succeeded", "Succeeded"),
)
_OUTCOMES: Final = ("status", "outcome", "result", "code", "grpc_code", "grpc_status")
_IF_SO: Final = {
    **dict.fromkeys(("success", "successful", "succeeded", "ok"), False),
    **dict.fromkeys(("error", "errors", "is_error", "failed"), True),
}
"""Labels that say yes or no, and whether yes is a failure."""
_NO_OR_YES: Final = (
    *(("false", "true"), ("False", "True"), ("FALSE", "TRUE"), ("0", "1"), ("no", "yes")),
)
_FAULTS_OF_GRPC: Final = "Unknown|Internal|Unavailable|DataLoss|DeadlineExceeded|ResourceExhausted"
_OF_GRPC: Final = "grpc_code"
_SERVICE_OF_GRPC: Final = "grpc_service"


def failures_among(labels: Labels) -> LabelMatcher | None:
    """Which series of requests are failures; None: no label shows it."""
    for label, values in sorted(labels.items()):
        if not any(word in label for word in _TELLS_CODES):
            continue
        if _are_codes(values):
            return LabelMatcher(label=label, operator="=~", value=FAILED_CODES)
        if values and all(map(_CLASS.fullmatch, values)):
            first = min(values)
            return LabelMatcher(label=label, value="5XX" if first.isupper() else "5xx")
    if _OF_GRPC in labels:
        return LabelMatcher(label=_OF_GRPC, operator="=~", value=_FAULTS_OF_GRPC)
    for label in _OUTCOMES:
        for success in _SUCCESSES:
            if success in labels.get(label, ()):
                return LabelMatcher(label=label, operator="!=", value=success)
    return _if_so(labels)


def shows_failures(labels: Labels) -> bool:
    """Whether some of the series were counted as failures."""
    failed = failures_among(labels)
    values = labels.get(failed.label, ()) if failed else ()
    return failed is not None and any(failed.matches({failed.label: each}) for each in values)


def _are_codes(values: Collection[str]) -> bool:
    others = [value for value in values if not _CODE.fullmatch(value)]
    return len(others) < len(values) and all(value.lower() in _NO_CODES for value in others)


def _if_so(labels: Labels) -> LabelMatcher | None:
    for label, is_failure in _IF_SO.items():
        values = set(labels.get(label, ()))
        for pair in _NO_OR_YES:
            if values and values <= set(pair):
                return LabelMatcher(label=label, value=pair[is_failure])
    return None


def without_probes(labels: Labels) -> list[LabelMatcher]:
    """What leaves probes and scrapes out, where a label has the path."""
    if _SERVICE_OF_GRPC in labels:
        return [LabelMatcher(label=_SERVICE_OF_GRPC, operator="!~", value="grpc.health.*")]
    label = next(iter(_paths(labels)), None)
    named = [label, *([RENAMED_ENDPOINT] if label == "endpoint" else [])] if label else []
    return [LabelMatcher(label=each, operator="!~", value=_PROBES) for each in named]


def has_path(labels: Labels) -> bool:
    """Whether a label has the path of a request."""
    return _SERVICE_OF_GRPC in labels or any(_paths(labels))


def serves_no_clients(name: str) -> bool:
    """Whether this is about scrapes, probes or a language's runtime, and not about requests of
    clients."""
    return _NO_CLIENTS.search(name) is not None


def _paths(labels: Labels) -> Iterator[str]:
    return (label for label in PATHS if label in labels)


def words_in(name: str, words: Iterable[str]) -> int:
    """How many of the words the name has."""
    return sum(word in name for word in words)


def likeliest(
    exported: Exported,
    fits: Callable[[str, Labels], bool],
    words: Iterable[str],
    rather: Callable[[Labels], bool] = has_path,
) -> str | None:
    """Of the series that fit, the one whose name has the most of these words; where that is so of
    several, one with the labels that are rather wanted, then one that has the path, and then the
    shortest. None: no series fits."""
    words = tuple(words)

    def liked(name: str) -> tuple[int, bool, bool, int, str]:
        labels = exported[name]
        known = words_in(name, words)
        return -known, not rather(labels), not has_path(labels), len(name), name

    found = [name for name, labels in exported.items() if fits(name, labels)]
    return min(found, key=liked, default=None)
