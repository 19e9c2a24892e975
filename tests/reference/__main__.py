"""`python -m tests.reference`: write docs/reference.md, the diagram of docs/architecture.md, and
the operator's rights in the chart and in docs/security.md; with --check fail where they are stale.
"""

import sys
from pathlib import Path

from tests.reference.page import text
from tests.reference.rights import rules, with_table
from tests.reference.stages import with_diagram
from tests.support.generated import write_or_check

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

if __name__ == "__main__":
    architecture, security = DOCS / "architecture.md", DOCS / "security.md"
    pages = {
        DOCS / "reference.md": text(),
        architecture: with_diagram(architecture.read_text("utf-8")),
        security: with_table(security.read_text("utf-8")),
        ROOT / "charts" / "serinus" / "files" / "rules.yaml": rules(),
    }
    sys.exit(max(write_or_check(path, page, sys.argv[1:]) for path, page in pages.items()))
