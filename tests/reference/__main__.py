"""`python -m tests.reference`: write docs/reference.md; with --check fail where it is stale."""

import sys
from pathlib import Path

from tests.reference.page import text

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"


def main(arguments: list[str]) -> int:
    """The exit code."""
    if "--check" not in arguments:
        PAGE.write_text(text(), "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text():
        print(f"{PAGE} is out of date: run make generate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
