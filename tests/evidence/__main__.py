"""`python -m tests.evidence`: write docs/evidence.md; with --check fail where it is stale."""

import sys
from pathlib import Path

from tests.evidence.page import text
from tests.support.generated import write_or_check

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"

if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, text(), sys.argv[1:]))
