"""`serinus lint`: what the API server or the operator would reject, with file and line."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import yaml

from serinus.api.crd import GROUP, KIND, VERSION
from serinus.api.problem import Problem
from serinus.cli.exit_codes import ExitCode
from serinus.cli.files import NO_YAML, ManifestLoader, problems_of, read_text
from serinus.cli.terminal import show

EPILOG: Final = """\
Objects of other kinds are skipped. What only a cluster can tell is not checked, such as fields of
the pod template that Serinus does not read, or whether a Gateway exists.

exit codes:
  0   no problems
  1   problems were found
  2   a file cannot be read

examples:
  serinus lint examples/*.yaml
  helm template . | serinus lint -
"""
_FIELDS: Final = ("apiVersion", "kind", "metadata", "spec", "status")

Line = tuple[str, int]
"""The path of a field, and its line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="manifests; - is standard input")


def run(options: argparse.Namespace) -> ExitCode:
    """Print a line for each problem."""
    found = [line for path in options.files for line in _linted(path, read_text(path))]
    if found:
        show("\n".join(found))
        return ExitCode.REFUSED
    print("No problems found.", file=sys.stderr)
    return ExitCode.DONE


def _linted(path: str, text: str) -> Iterator[str]:
    try:
        loader = ManifestLoader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # as check_node has said
            document = loader.construct_document(node)
            written = [("", node.start_mark.line + 1), *_lines(node, "")]
            for field, each in _model_deployments(document):
                for line, problem in _of_fields(written, field, each):
                    yield f"{path}:{line}: {problem}"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        yield f"{path}:{line}: is not valid YAML: {error.problem or error.context}"
    except NO_YAML as error:
        yield f"{path}:1: is not valid YAML: {error}"


def _model_deployments(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each one, with its path in the document, which is empty unless the document is a list."""
    if not isinstance(document, dict):
        return
    if document.get("kind") == KIND:
        yield "", document
    items = document.get("items")
    for index, each in enumerate(items if isinstance(items, list) else ()):
        for _, found in _model_deployments(each):
            yield f"items[{index}].", found


def _problems(document: dict[str, Any]) -> Iterator[Problem]:
    wanted = f"{GROUP}/{VERSION}"
    if document.get("apiVersion") != wanted:
        yield Problem("apiVersion", f"must be {wanted}")
    for field in document:
        if field not in _FIELDS:
            yield Problem(str(field), "is an unknown field")
    yield from problems_of(document)


def _of_fields(
    written: Sequence[Line], field: str, document: dict[str, Any]
) -> Iterator[tuple[int, Problem]]:
    """The problems of the ModelDeployment at a path, each with its line."""
    lines = dict(written)
    for problem in _problems(document):
        yield _line(lines, field + problem.field), problem
    times = Counter(path for path, _ in written if path.startswith(field))
    for path, line in lines.items():
        if times[path] > 1:
            yield line, Problem(path.removeprefix(field), "is written twice")


def _lines(node: yaml.Node, path: str) -> Iterator[Line]:
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


def _line(lines: dict[str, int], field: str) -> int:
    """The line of a field, or of the nearest one around it."""
    around = [path for path in lines if field.startswith((f"{path}.", f"{path}["))]
    return lines[field] if field in lines else lines[max(around, key=len, default="")]
