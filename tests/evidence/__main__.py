"""`python -m tests.evidence`: write docs/evidence.md; with --check fail where it is stale."""

import sys
from pathlib import Path

from tests.evidence.page import text

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"


def main(arguments: list[str]) -> int:
    """The exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m tests.evidence [--check]", file=sys.stderr)
        return 2
    if not arguments:
        PAGE.write_text(text(), "utf-8")
    elif PAGE.read_text("utf-8") != text():
        print("docs/evidence.md is not what the judge says: run make generate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
