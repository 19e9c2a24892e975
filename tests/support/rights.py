"""The rights that docs/security.md says that the operator has."""

import re

from tests.support.documents import ROOT


def promised() -> set[tuple[str, str]]:
    """The resources and verbs of its table."""
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z/]+)` \| ([a-z, ]+) \|", text, re.MULTILINE)
    return {(resource, verb) for resource, verbs in rows for verb in verbs.split(", ")}
