"""`serinus schema`: the JSON Schema of a manifest, for editors."""

import argparse
import json

from serinus.api.editors import manifest_schema

EPILOG = """\
Editors use it to complete and check manifests. It has no rules that compare fields: use serinus
lint for these.

examples:
  serinus schema > modeldeployment.schema.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(options: argparse.Namespace) -> None:
    """Print it."""
    print(json.dumps(manifest_schema(), indent=2))
