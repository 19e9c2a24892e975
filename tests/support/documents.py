"""Reads the Markdown of the documents as their host shows it: blocks, links and anchors."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_FENCE: Final = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def fenced(text: str, language: str) -> list[str]:
    """The code blocks in a language, without the indentation of a list."""
    return [
        re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
        for indent, of, code in _FENCE.findall(text)
        if of == language
    ]


def typed(text: str) -> list[str]:
    """The commands of the shell blocks, each on one line, without comments."""
    joined = "\n".join(fenced(text, "sh")).replace("\\\n", " ")
    lines = (re.sub(r"\s+# .*|^#.*", "", line).strip() for line in joined.splitlines())
    return [re.sub(r" {2,}", " ", line) for line in lines if line]


def without_code(text: str) -> str:
    """The text without its code blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Where a document leads to, except in its code."""
    prose = re.sub(r"`[^`]*`", "", without_code(text))
    return re.findall(r"\]\(\s*<?([^()\s>]+)>?\)", prose)


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    seen = Counter[str]()
    return {_numbered(each, seen) for each in _slugs(text)}


def _slugs(text: str) -> Iterator[str]:
    for title in re.findall(r"^#{1,6} (.+)$", without_code(text), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title.strip())
        yield re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def _numbered(slug: str, seen: Counter[str]) -> str:
    seen[slug] += 1
    return slug if seen[slug] == 1 else f"{slug}-{seen[slug] - 1}"


def broken(page: Path) -> Iterator[str]:
    """Links of a Markdown file to files and anchors that do not exist in its repository."""
    text = page.read_text("utf-8")
    for link in links(text):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text("utf-8")):
            yield f"{link}: there is no such anchor"
