"""What a Dockerfile may copy: the files of a folder, less those its .dockerignore names."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path


def files(folder: Path) -> list[Path]:
    """The context's files, relative to it and sorted.

    Source of the rules: the Dockerfile reference, "dockerignore file"; the last match decides.
    """
    rules = list(_rules(folder / ".dockerignore"))

    def is_ignored(path: Path) -> bool:
        ignored = False
        for pattern, ignores in rules:
            if any(pattern.fullmatch(str(part)) for part in (path, *path.parents)):
                ignored = ignores
        return ignored

    may_come_back = any(not ignores for _, ignores in rules)

    def walk(below: Path) -> Iterator[Path]:
        for entry in sorted((folder / below).iterdir()):
            path = below / entry.name
            if entry.is_dir() and not entry.is_symlink():
                if may_come_back or not is_ignored(path):
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


def _rules(file: Path) -> Iterator[tuple[re.Pattern[str], bool]]:
    """Each line's pattern, and whether it takes a file out or brings it back."""
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        rule = line.strip()
        if rule and not rule.startswith("#"):
            pattern = rule.removeprefix("!").strip("/")
            yield re.compile(_expression(pattern)), not rule.startswith("!")


def _expression(pattern: str) -> str:
    tokens = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    words = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern)
    return "".join(tokens.get(word) or re.escape(word) for word in words)
