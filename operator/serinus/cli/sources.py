"""Options that say which ModelDeployments are meant, and in which form they are printed."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from serinus.cli.files import InputError, read_model_deployments
from serinus.cli.kubectl import MODEL_DEPLOYMENTS, Kubectl
from serinus.cli.manifest_yaml import dump
from serinus.manifests.owner import Manifest


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """The options of kubectl that select a namespace and a cluster."""
    parser.add_argument("-n", "--namespace", help="namespace (default: as for kubectl)")
    parser.add_argument("--context", help="context of the kubeconfig (default: as for kubectl)")


def add_file(parser: argparse.ArgumentParser) -> None:
    """The option to read from a file."""
    parser.add_argument(
        "-f",
        "--filename",
        help="read the output of kubectl get -o yaml from a file instead of the cluster; - reads "
        "standard input",
    )


def add_output(parser: argparse.ArgumentParser, *, of_objects: bool = False) -> None:
    """The option for scripts. `of_objects`: what is printed has names, as for kubectl."""
    choices = ["json", "yaml", *(["name"] if of_objects else [])]
    parser.add_argument("-o", "--output", choices=choices, help="for scripts (default: text)")


def cluster(options: argparse.Namespace) -> Kubectl:
    """kubectl with the options given."""
    given = {"--namespace": options.namespace, "--context": options.context}
    words = [f"{name}={value}" for name, value in given.items() if value]
    everywhere = ["--all-namespaces"] if getattr(options, "all_namespaces", False) else []
    return Kubectl((*words, *everywhere))


def one(options: argparse.Namespace) -> Manifest:
    """The ModelDeployment that is named, from the file or the cluster; raises InputError."""
    if not options.filename:
        if not options.name:
            raise InputError("NAME: is required without -f")
        return cluster(options).get(MODEL_DEPLOYMENTS, options.name)
    found = all_of_file(options)
    if options.name:
        found = [each for each in found if (each.get("metadata") or {}).get("name") == options.name]
    named = f" {options.name}" if options.name else ""
    if len(found) > 1:
        raise InputError(
            f"{options.filename}: contains {len(found)} ModelDeployments{named}: name one of them, "
            "or use serinus list"
        )
    if not found:
        raise InputError(f"{options.filename}: contains no ModelDeployment{named}")
    return found[0]


def all_of_file(options: argparse.Namespace) -> list[Manifest]:
    """The ModelDeployments in the file; raises InputError."""
    if options.namespace or options.context:
        raise InputError("-f: cannot be used with --namespace or --context")
    return read_model_deployments(options.filename)


def dumped(data: Any, output: str) -> str:
    """JSON or YAML."""
    as_json = json.dumps(data, indent=2)
    if output == "json":
        return as_json
    # tuples and enumerations as JSON has them
    return dump([json.loads(as_json)]).rstrip()


def names(of: Sequence[str]) -> str:
    """As kubectl get -o name prints them."""
    return "\n".join(f"modeldeployment.serinus.dev/{name}" for name in of)
