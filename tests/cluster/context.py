"""What a Dockerfile may copy: the files of a folder, less those its .dockerignore names."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


def files(folder: Path) -> list[Path]:
    """The context's files, relative to it and sorted.

    Source of the rules: the Dockerfile reference, "dockerignore file"; the last match decides.
    """
    rules = _rules(folder / ".dockerignore")

    def is_ignored(path: Path) -> bool:
        ignored = False
        for rule in rules:
            if any(rule.expression.fullmatch(str(part)) for part in (path, *path.parents)):
                ignored = rule.takes_out
        return ignored

    def walk(below: Path) -> Iterator[Path]:
        for entry in sorted((folder / below).iterdir()):
            path = below / entry.name
            if entry.is_dir() and not entry.is_symlink():
                if not is_ignored(path) or any(rule.may_bring_back_below(path) for rule in rules):
                    yield from walk(path)
            elif not is_ignored(path):
                yield path

    return list(walk(Path()))


def digest(folder: Path) -> str:
    """A hash of the context's paths, modes and contents."""
    content = hashlib.sha256()
    for path in files(folder):
        file = folder / path
        mode = file.lstat().st_mode
        text = str(file.readlink()).encode() if file.is_symlink() else file.read_bytes()
        content.update(f"{path}\0{mode:o}\0{len(text)}\0".encode() + text)
    return content.hexdigest()


def copy(folder: Path, target: Path) -> None:
    """Copy the context's files, so that an image holds exactly what was hashed."""
    for path in files(folder):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / path, target / path, follow_symlinks=False)


@dataclass(frozen=True)
class _Rule:
    """A line of .dockerignore; one that starts with ! brings back what others took out."""

    pattern: str
    takes_out: bool

    @cached_property
    def expression(self) -> re.Pattern[str]:
        return re.compile(_expression(self.pattern))

    def may_bring_back_below(self, folder: Path) -> bool:
        literal = re.split(r"[*?]", self.pattern)[0]
        reaches = f"{literal}/".startswith(f"{folder}/")
        is_open = literal != self.pattern and f"{folder}/".startswith(literal)
        return not self.takes_out and (reaches or is_open)


def _rules(file: Path) -> list[_Rule]:
    if not file.exists():
        return []
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        _Rule(line.removeprefix("!").strip("/"), takes_out=not line.startswith("!"))
        for line in lines
        if line and not line.startswith("#")
    ]


def _expression(pattern: str) -> str:
    tokens = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    words = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern)
    return "".join(tokens.get(word) or re.escape(word) for word in words)
