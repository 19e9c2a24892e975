"""What is wrong with the built site: links that lead nowhere, and requests to other hosts."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tests.support.documents import anchors

_LOADED: Final = (
    *(("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")),
    *(("object", "data"), ("embed", "src"), ("link", "href"), ("form", "action")),
)
"""What a browser requests by itself."""
_STYLE: Final = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)")


@dataclass
class _Page(HTMLParser):
    """The anchors of a page, where its links lead to, and what it loads."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.loaded += [given[name] for of, name in _LOADED if of == tag and name in given]
        self.loaded += _STYLE.findall(given.get("style", ""))
        if "mermaid" in given.get("class", "").split():
            self.loaded.append("https://unpkg.com: the theme loads Mermaid for a diagram")


@cache
def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


def problems(site: Path, repository: str, root: Path) -> list[str]:
    """A sentence for each. `root` is a checkout of what the repository's address shows."""
    _read.cache_clear()
    pages = sorted(path for path in site.rglob("*.html") if path.name != "404.html")
    found = [
        f"{page.relative_to(site)}: {problem}"
        for page in pages
        for problem in (*_broken(page, site, repository, root), *_outside(page))
    ]
    styles = [
        f"{path.relative_to(site)}: loads {link}"
        for path in sorted(site.rglob("*.css"))
        for link in _STYLE.findall(path.read_text("utf-8"))
    ]
    return found + styles


def _broken(page: Path, site: Path, repository: str, root: Path) -> Iterator[str]:
    for link in dict.fromkeys(_read(page).links):
        parts = urlsplit(link)
        if link.startswith(f"{repository}/"):
            path = link.removeprefix(f"{repository}/blob/main/").partition("#")[0]
            target, known = root / path, anchors
        elif parts.scheme or parts.netloc:
            continue
        else:
            target, known = _file(page, unquote(parts.path)), None
            if not target.is_relative_to(site):
                yield f"{link} leaves the site"
                continue
        if not target.exists():
            yield f"{link}: there is no such file"
        elif parts.fragment and target.suffix in (".html", ".md"):
            ids = anchors(target.read_text("utf-8")) if known else _read(target).ids
            if unquote(parts.fragment) not in ids:
                yield f"{link}: there is no such anchor"


def _file(page: Path, path: str) -> Path:
    """The file that a server answers with."""
    target = Path(posixpath.normpath(page.parent / path)) if path else page
    return target / "index.html" if target.is_dir() else target


def _outside(page: Path) -> Iterator[str]:
    for link in _read(page).loaded:
        if urlsplit(link).scheme not in ("", "data") or link.startswith("//"):
            yield f"loads {link}"
