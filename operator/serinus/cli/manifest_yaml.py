"""YAML as kubectl reads it: the same scalars are numbers, truth values and strings here, and those
that are written are the same for kubectl."""

import json
import re
from collections.abc import Hashable, Iterable
from typing import Any, Final

import yaml

NO_YAML: Final = (yaml.YAMLError, ValueError, LookupError, AttributeError)
"""What PyYAML raises for text that is not YAML, or a value that does not fit its tag."""
_DEEPEST: Final = 100
"""Levels; manifests have some twenty, and a validator gives up at 200."""

_MOST: Final = 1_000_000
"""Values, where an alias counts as all that it stands for."""

_INTEGER: Final = re.compile(
    r"[-+]?(0[xX]_*[0-9a-fA-F][0-9a-fA-F_]*|0[bB]_*[01][01_]*|0[oO]?_*[0-7][0-7_]*|0|[1-9][0-9_]*)_*\Z"
)
_NUMBER: Final = re.compile(
    r"([-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z"
)
_BOOLEAN: Final = re.compile(r"(y|Y|n|N)\Z")
_OTHERS: Final = ("float", "int", "timestamp", "value")
"""What PyYAML takes for something else than kubectl does."""
_WRITTEN_OUT: Final = 1e21
"""From here on, a whole number has an exponent in kubectl's JSON, and is no integer."""


class ManifestLoader(yaml.SafeLoader):
    """Numbers are those of JSON: 20.0 and 2e1 are the integer 20. A date is a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [each for each in resolvers if each[0].rpartition(":")[2] not in _OTHERS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._around: list[yaml.Node | None] = []
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """No deeper than manifests are, not inside itself, and not with aliases of aliases that
        stand for more than can be read."""
        if parent is None:
            self._sizes.clear()  # of the document before
        event = self.peek_event()  # type: ignore[no-untyped-call]
        within = [*self._around, parent]
        if isinstance(event, yaml.AliasEvent) and self.anchors.get(event.anchor) in within:
            raise self._no_manifest(f"{event.anchor} contains itself", event)
        if len(within) > _DEEPEST:
            raise self._no_manifest(f"it is nested more than {_DEEPEST} levels deep", event)
        self._around.append(parent)
        try:
            node = super().compose_node(parent, index)
        finally:
            self._around.pop()
        if node is not None and self._size(node) > _MOST:
            raise self._no_manifest(f"its aliases stand for more than {_MOST} values", event)
        return node

    def _size(self, node: yaml.Node) -> int:
        """Of a node whose parts have been composed."""
        if id(node) not in self._sizes:
            parts: Iterable[yaml.Node] = ()
            if isinstance(node, yaml.MappingNode):
                parts = (part for pair in node.value for part in pair)
            elif isinstance(node, yaml.SequenceNode):
                parts = node.value
            self._sizes[id(node)] = 1 + sum(self._sizes[id(each)] for each in parts)
        return self._sizes[id(node)]

    @staticmethod
    def _no_manifest(why: str, event: yaml.Event) -> yaml.composer.ComposerError:
        return yaml.composer.ComposerError(None, None, why, event.start_mark)  # type: ignore[arg-type]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Keys are strings, as in JSON."""
        self.flatten_mapping(node)
        return {
            self._key(key): self.construct_object(value, deep=deep) for key, value in node.value
        }

    def _key(self, node: yaml.Node) -> str:
        key = self.construct_object(node, deep=True)
        return key if isinstance(key, str) else json.dumps(key, default=str)

    def integer(self, node: yaml.ScalarNode) -> int:
        """Binary, octal, decimal or hexadecimal, as written in Go."""
        text = str(self.construct_scalar(node)).replace("_", "").lower()
        digits = re.sub(r"^0o?(?=[0-7])", "0o", text.lstrip("-+"))
        return int(digits, 0) * (-1 if text.startswith("-") else 1)

    def number(self, node: yaml.ScalarNode) -> int | float | str:
        """An integer if it is whole."""
        written = str(self.construct_scalar(node))
        text = written.replace("_", "")
        if text.lstrip("-+").lower() in (".inf", ".nan"):
            message = f"{written} is not a number in JSON"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        value = float(text)
        if abs(value) == float("inf"):
            return written  # more than a number can be
        return int(value) if value.is_integer() and abs(value) < _WRITTEN_OUT else value


class ManifestDumper(yaml.SafeDumper):
    """Quotes the strings that kubectl, or PyYAML, would take for something else."""


ManifestLoader.add_constructor("tag:yaml.org,2002:int", ManifestLoader.integer)
ManifestLoader.add_constructor("tag:yaml.org,2002:float", ManifestLoader.number)
for each in (ManifestLoader, ManifestDumper):
    each.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
    each.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))
    each.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOLEAN, list("yYnN"))


def why_no_yaml(error: Exception) -> tuple[int, str]:
    """The line of an error in NO_YAML, and what is wrong there, without an excerpt of the text."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return 1, f"is not valid YAML: {error}"
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1, f"is not valid YAML: {error.problem or error.context}"


def dump(documents: Iterable[Any]) -> str:
    """YAML, with --- between several documents."""
    return yaml.dump_all(documents, Dumper=ManifestDumper, sort_keys=False, width=100)
