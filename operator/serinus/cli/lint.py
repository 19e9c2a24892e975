"""`serinus lint`: what the API server or the operator would reject, with file and line."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from serinus.api.crd import GROUP, KIND, VERSION
from serinus.api.misspelt import unknown_field
from serinus.api.problem import Problem
from serinus.api.spec import Spec
from serinus.cli.exit_codes import ExitCode
from serinus.cli.files import problems_of, read_text
from serinus.cli.manifest_yaml import NO_YAML, ManifestLoader, why_no_yaml
from serinus.cli.terminal import complain, show
from serinus.views.asked_twice import asked_twice
from serinus.views.guard_cost import guard_cost
from serinus.views.unjudged import unjudged

EPILOG: Final = """\
Objects of other kinds are skipped, and the number of ModelDeployments that were checked is printed.
Finding none is no error, so a hook may be given any files. Notes, such as on a policy by which
nothing is judged, change no exit code. In a pipeline set pipefail: otherwise
the empty output of a failed command passes. What only a cluster can tell
is not checked, such as fields of the pod template that Serinus does not read, or whether a Gateway
exists.

exit codes:
  0   no problems, or no ModelDeployments
  1   problems were found
  2   a file cannot be read

examples:
  serinus lint examples/*.yaml
  set -o pipefail; helm template . | serinus lint -
"""
_FIELDS: Final = ("apiVersion", "kind", "metadata", "spec", "status")

FieldLine = tuple[str, int]
"""The path of a field, and its line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="manifests; - is standard input")


def run(options: argparse.Namespace) -> ExitCode:
    """Print a line for each problem, and how many ModelDeployments were checked."""
    linted = [_linted(path, read_text(path)) for path in options.files]
    checked = sum(each.checked for each in linted)
    problems = [line for each in linted for line in each.problems]
    if problems:
        show("\n".join(problems))
        return ExitCode.REFUSED
    for note in (note for each in linted for note in each.notes):
        complain(note)
    objects = "1 ModelDeployment" if checked == 1 else f"{checked} ModelDeployments"
    complain(
        f"No problems found in {objects}." if checked else f"{objects} found: nothing was checked."
    )
    return ExitCode.DONE


@dataclass(slots=True)
class _Linted:
    """Of one file."""

    checked: int = 0
    """ModelDeployments."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is no problem, but costs something, or is not safe."""


def _linted(path: str, text: str) -> _Linted:
    found = _Linted()
    try:
        for written, place, each in _written(text):
            found.checked += 1
            wrong = list(_of_fields(written, place, each))
            found.problems += [f"{path}:{line}: {problem}" for line, problem in wrong]
            spec = None if wrong else Spec.model_validate(each["spec"])
            notes = (unjudged(spec), guard_cost(spec), asked_twice(spec)) if spec else ()
            found.notes += [f"{path}: {note}." for note in notes if note]
    except NO_YAML as error:
        line, why = why_no_yaml(error)
        found.problems.append(f"{path}:{line}: {why}")
    return found


def _written(text: str) -> Iterator[tuple[Sequence[FieldLine], str, dict[str, Any]]]:
    """Each ModelDeployment, with its path in its document and the lines of the document."""
    loader = ManifestLoader(text)
    while loader.check_node():
        node = loader.get_node()
        assert node is not None  # as check_node has said
        document = loader.construct_document(node)
        lines = [("", node.start_mark.line + 1), *_lines(node, "")]
        for place, each in _model_deployments(document):
            yield lines, place, each


def _model_deployments(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each one, also if its kind is misspelt, with its path in the document, which is empty unless
    the document is a list."""
    if not isinstance(document, dict):
        return
    items = document.get("items")
    of_group = str(document.get("apiVersion")).startswith(f"{GROUP}/") and items is None
    if document.get("kind") == KIND or of_group:
        yield "", document
    for index, each in enumerate(items if isinstance(items, list) else ()):
        for _, found in _model_deployments(each):
            yield f"items[{index}].", found


def _problems(document: dict[str, Any]) -> Iterator[Problem]:
    wanted = f"{GROUP}/{VERSION}"
    if document.get("apiVersion") != wanted:
        yield Problem("apiVersion", f"must be {wanted}")
    if document.get("kind") != KIND:
        yield Problem("kind", f"must be {KIND}")
    for name in document:
        if name not in _FIELDS:
            yield Problem(str(name), unknown_field(str(name), _FIELDS))
    yield from problems_of(document)


def _of_fields(
    written: Sequence[FieldLine], place: str, document: dict[str, Any]
) -> Iterator[tuple[int, Problem]]:
    """The problems of the ModelDeployment at a path, each with its line."""
    lines = dict(written)
    for problem in _problems(document):
        yield _line(lines, place + problem.field), problem
    times = Counter(path for path, _ in written if path.startswith(place))
    for path, line in lines.items():
        if times[path] > 1:
            yield line, Problem(path.removeprefix(place), "is written twice")


def _lines(node: yaml.Node, path: str) -> Iterator[FieldLine]:
    """The fields and items below a node, each with its line."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield f"{path}[{index}]", value.start_mark.line + 1
            yield from _lines(value, f"{path}[{index}]")


def _line(lines: dict[str, int], place: str) -> int:
    """The line of a field, or of the nearest one around it."""
    around = [path for path in lines if place.startswith((f"{path}.", f"{path}["))]
    return lines[place] if place in lines else lines[max(around, key=len, default="")]
