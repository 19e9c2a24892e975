"""A Markdown extension: what a page links to outside of docs/ is in the repository."""

import posixpath
import re
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from zensical.extensions.context import ContextPreprocessor


class _Links(Treeprocessor):
    def __init__(self, md: Markdown, repository: str) -> None:
        super().__init__(md)
        self._repository = repository

    def run(self, root: Element) -> None:
        context = ContextPreprocessor.from_markdown(self.md)
        assert context is not None
        folder = posixpath.dirname(f"docs/{context.page.path}")
        for link in root.iter("a"):
            path = link.get("href", "")
            target = posixpath.normpath(posixpath.join(folder, path))
            if not re.match(r"[a-z]+:|#", path) and not target.startswith("docs/"):
                link.set("href", f"{self._repository}/blob/main/{target}")


class _LinksExtension(Extension):
    def __init__(self, **options: Any) -> None:
        self.config = {"repository": ["", "Address of the repository."]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Before the extension of Zensical that makes links to pages relative (0)."""
        links = _Links(md, self.getConfig("repository"))
        md.treeprocessors.register(links, "repository", 5)


def makeExtension(**options: Any) -> Extension:  # noqa: N802
    """The name by which Markdown finds it."""
    return _LinksExtension(**options)
