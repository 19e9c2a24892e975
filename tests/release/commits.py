"""The commit that a release is built from, and its files as git has them."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Commit:
    """A commit: its full hash, and its time in seconds since the epoch."""

    id: str
    seconds: int

    @property
    def time(self) -> str:
        """The time as in RFC 3339, in UTC."""
        return datetime.fromtimestamp(self.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def head(repository: Path) -> Commit:
    """The commit that is checked out."""
    commit, seconds = _git(repository, "log", "-1", "--format=%H %ct").decode().split()
    return Commit(commit, int(seconds))


def export(repository: Path, commit: Commit, folder: Path) -> None:
    """Write the commit's files; each has the time of the commit, and no mode of this machine."""
    packed = _git(repository, "-c", "tar.umask=0022", "archive", "--format=tar", commit.id)
    folder.mkdir(parents=True, exist_ok=True)
    unpacking = ["tar", "--extract", "--same-permissions", f"--directory={folder}"]
    subprocess.run(unpacking, input=packed, check=True)


def _git(repository: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
