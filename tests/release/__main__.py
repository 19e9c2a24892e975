"""Build a release from the commit that is checked out, without changes that are not committed.

The same commit gives the same bytes, on the same base image.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.machine import UnfitError
from tests.cluster.progress import StepError
from tests.release import artifacts, commits

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "release"


def main(argv: Sequence[str] | None = None, repository: Path = ROOT) -> int:
    """Build the release of a repository's commit; return 0, or 1 if a step failed."""
    output = _parser().parse_args(argv).output.resolve()
    if output.exists() and any(output.iterdir()):
        print(f"{output} is not empty: remove it, or choose another --output", file=sys.stderr)
        return 1
    os.umask(0o022)  # the modes of files are part of an image
    try:
        commit = commits.head(repository)
        with tempfile.TemporaryDirectory() as place:
            commits.export(repository, commit, Path(place))
            artifacts.build(Path(place), commit, output)
    except (StepError, UnfitError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{output}, from commit {commit.id}:")
    print((output / artifacts.CHECKSUMS).read_text(encoding="utf-8"), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=FOLDER, metavar="FOLDER", help="default: build/release"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
