"""`serinus convert`: a ModelDeployment from the manifests of other tools."""

import argparse

from serinus.cli.conversion import IMAGE_TO_FILL_IN, Converted, MisfitError, converted
from serinus.cli.files import InputError, problems_of, read_objects
from serinus.cli.manifest_yaml import dump
from serinus.cli.terminal import complain

EPILOG = """\
Converts Deployments, Rollouts of Argo, Canaries of Flagger and InferenceServices of KServe. The
ModelDeployment goes to standard output. Standard error names each field that has no counterpart,
what means something else, and what must be corrected before the result can be applied. A Canary,
and a Rollout with a workloadRef, needs its Deployment in the same input. From an HTTPRoute or a
GRPCRoute of the same name in the input come the Gateway, host names and rules; from an
AnalysisTemplate that a Rollout names and that runs Jobs, steps that run them; from one that the
Rollout names for an analysis in the background, a check for each metric that compares a query of
Prometheus with one bound.

Review the result: otherwise the analysis of other tools is not converted. By default Serinus
compares errors and predictions; see docs/checks.

examples:
  serinus convert deployment.yaml > loan.yaml
  kubectl get rollout loan -o yaml | serinus convert -
  kubectl get rollout/loan analysistemplate/smoke -o yaml | serinus convert -
  kubectl get deployment/loan httproute/loan -o yaml | serinus convert -
  kubectl get canary/loan deployment/loan -o yaml | serinus convert -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="manifests; - is standard input")


def run(options: argparse.Namespace) -> None:
    """Print the ModelDeployments. Raises InputError if there is nothing to convert."""
    objects = [
        each
        for path in options.files
        for each in read_objects(path)
        if isinstance(each.get("spec"), dict)
        and isinstance(each.get("metadata"), dict)
        and "name" in each["metadata"]
    ]
    try:
        found = converted(objects)
    except MisfitError as error:
        raise InputError(str(error)) from None
    if not found:
        raise InputError(
            "none of the objects is a Deployment, a Rollout, a Canary or an InferenceService"
        )
    print(dump(each.manifest for each in found), end="")
    for each in found:
        complain("\n".join(_remarks(each)))


def _remarks(found: Converted) -> list[str]:
    lost = [f"{found.source}: {path} is lost" for path in found.lost]
    notes = [f"{found.source}: {note}" for note in found.notes]
    wrong = [f"{found.source}: correct {problem}" for problem in problems_of(found.manifest)]
    if IMAGE_TO_FILL_IN in str(found.manifest):
        wrong.append(f"{found.source}: correct spec.template: fill in {IMAGE_TO_FILL_IN}")
    return lost + notes + wrong or [f"{found.source}: no field is lost"]
