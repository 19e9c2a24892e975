"""A git repository of this checkout as it is, for tests of what is built from a commit."""

import subprocess
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.com")


def repository_of_this_checkout(folder: Path) -> Path:
    """Make a repository whose only commit has the files of this checkout, committed or not."""
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    git = ["git", *_AUTHOR, f"--git-dir={folder / '.git'}", f"--work-tree={_ROOT}"]
    subprocess.run([*git, "add", "--all"], check=True)
    commit = ["commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message=test"]
    subprocess.run([*git, *commit], check=True)
    return folder
