"""`python -m tests.reference`: write docs/reference.md and the diagram of docs/architecture.md;
with --check fail where they are stale."""

import sys
from pathlib import Path

from tests.reference.page import text
from tests.reference.stages import with_diagram
from tests.support.generated import write_or_check

DOCS = Path(__file__).parents[2] / "docs"

if __name__ == "__main__":
    architecture = DOCS / "architecture.md"
    pages = {
        DOCS / "reference.md": text(),
        architecture: with_diagram(architecture.read_text("utf-8")),
    }
    sys.exit(max(write_or_check(path, page, sys.argv[1:]) for path, page in pages.items()))
