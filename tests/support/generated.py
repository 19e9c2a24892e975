"""A generated file: written, or compared with what it should be."""

import sys
from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- begin of what python -m tests.reference writes -->\n"
END: Final = "<!-- end of it -->\n"


def between_marks(page: str, text: str) -> str:
    """A page that people write, with its generated part replaced."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise LookupError("the page has no place for what is generated")
    return f"{before}{BEGIN}{text}{END}{after}"


def write_or_check(path: Path, text: str, arguments: list[str]) -> int:
    """Write it, or with --check say if it is stale; the exit code."""
    if arguments not in ([], ["--check"]):
        print("the only argument is --check", file=sys.stderr)
        return 2
    if not arguments:
        path.write_text(text, "utf-8")
    elif not path.exists() or path.read_text("utf-8") != text:
        print(f"{path} is out of date: run make generate", file=sys.stderr)
        return 1
    return 0
