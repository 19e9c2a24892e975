"""How the series of pods are labelled in Prometheus: settings of the operator."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from serinus.api import promql
from serinus.api.checks import Backend, LabelMatcher
from serinus.metrics.pod_names import pods
from serinus.metrics.queries import Arm

_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MATCHER: Final = re.compile(rf'({_LABEL.pattern})(=~|!~|!=|=)("(?:[^"\\]|\\.)*")')
_NEVER_A_REPLICA: Final = ("__name__", "instance", "job", "le")


@dataclass(frozen=True, slots=True)
class Labelling:
    """Raises ValueError with a message that names the setting."""

    namespace: str = "namespace"
    """Label that holds a pod's namespace."""
    pod: str = "pod"
    """Label that holds a pod's name."""
    replicas: tuple[str, ...] = ()
    """Labels that distinguish the replicas of an HA pair; one replica is read."""
    matchers: tuple[LabelMatcher, ...] = ()
    """Matchers added to every selector, `cluster="a"`."""

    def __post_init__(self) -> None:
        for setting, name in self._names():
            if not _LABEL.fullmatch(name):
                raise ValueError(
                    f"{setting} {name!r} is not a label name: it must consist of letters, digits "
                    f"and _"
                )
        if self.namespace == self.pod:
            raise ValueError(f"namespace_label and pod_label are both {self.pod}: they must differ")
        taken = {self.namespace, self.pod}
        if wrong := sorted(taken.union(_NEVER_A_REPLICA).intersection(self.replicas)):
            raise ValueError(
                f"replica_labels must not contain {wrong[0]}, which distinguishes series of one "
                f"replica"
            )
        labels = [matcher.label for matcher in self.matchers]
        for label in labels:
            if label in taken:
                raise ValueError(
                    f"matchers must not contain {label}: each query has its own matcher for it"
                )
            if labels.count(label) > 1:
                raise ValueError(f"matchers contain {label} twice: use one matcher for each label")

    def _names(self) -> list[tuple[str, str]]:
        return [
            ("namespace_label", self.namespace),
            ("pod_label", self.pod),
            *(("replica_labels", name) for name in self.replicas),
        ]

    def of_namespaces(self, expression: str) -> list[str]:
        """Matchers of namespaces, a regular expression (RE2)."""
        return [f"{self.namespace}=~{promql.quoted(expression)}", *self._extra]

    def of_backends(self, backend: Backend, namespaces: str, services: str) -> list[str]:
        """Matchers of a gateway's series about Services; both are regular expressions (RE2)."""
        named = [(backend.label, backend.expression(namespaces, services))]
        if backend.namespace_label is not None:
            named.append((backend.namespace_label, namespaces))
        return [*(f"{label}=~{promql.quoted(of)}" for label, of in named), *self._extra]

    def of_pods(self, expression: str) -> str:
        """The matcher of pods, a regular expression (RE2)."""
        return f"{self.pod}=~{promql.quoted(expression)}"

    def rendered(self, query: str, arm: Arm) -> str:
        """A user's query for an arm. Raises ValueError with the reason if it may not run."""
        return promql.render(
            query,
            arm.namespace,
            pods(arm.workload),
            labels=(self.namespace, self.pod),
            conditions=self._extra,
        )

    @property
    def _extra(self) -> list[str]:
        return [condition(matcher) for matcher in self.matchers]

    def standard(
        self, labels: Mapping[str, str], backend: Backend | None = None
    ) -> Mapping[str, str]:
        """The labels, with namespace and pod under their default names. Those by which a gateway
        names a Service stay as they are, also if they have such a name."""
        if (self.namespace, self.pod) == ("namespace", "pod"):
            return labels
        theirs = {"namespace": self.namespace, "pod": self.pod}
        named = {ours: labels[name] for ours, name in theirs.items() if name in labels}
        others = labels.keys() - theirs.keys() - set(theirs.values())
        of_services = {backend.label, backend.namespace_label} if backend else set()
        told = {name: each for name, each in labels.items() if name in of_services}
        return {name: labels[name] for name in others} | named | told


USUAL: Final = Labelling()
"""The default labels of nearly every set-up for Kubernetes."""


def matcher(text: str) -> LabelMatcher:
    """Parses `cluster="a"`. Raises ValueError with a message that shows the accepted form."""
    found = _MATCHER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'{text!r} is not a matcher such as cluster="a"')
    label, operator, quoted = found.groups()
    try:
        value = json.loads(quoted)
        return LabelMatcher.model_validate(
            {"label": label, "operator": operator, "value": value}, strict=True
        )
    except ValueError:
        raise ValueError(
            f"{text!r} is not a valid matcher: its label must not be __name__ and may have 100 "
            f"characters, its "
            'value up to 256, with \\" and \\\\ for " and \\'
        ) from None


def condition(matcher: LabelMatcher) -> str:
    """A matcher as PromQL."""
    return f"{matcher.label}{matcher.operator}{promql.quoted(matcher.value)}"
