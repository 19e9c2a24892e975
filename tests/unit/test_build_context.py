"""What an image may hold: the files of its context, less those .dockerignore names."""

from pathlib import Path

import pytest

from tests.cluster import context

ROOT = Path(__file__).parents[2]


def folder_with(root: Path, *names: str, ignore: str) -> Path:
    """Make a context of empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / ".dockerignore").write_text(ignore)
    return root


def seen(folder: Path) -> set[str]:
    """The context's files but for .dockerignore itself."""
    return {str(path) for path in context.files(folder)} - {".dockerignore"}


def test_a_name_takes_out_a_folder_with_all_below_it(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "app.py", "build/a/b.txt", "rebuild/c.txt", ignore="build\n")
    assert seen(folder) == {"app.py", "rebuild/c.txt"}


def test_a_star_stops_at_a_slash_and_two_do_not(tmp_path: Path) -> None:
    names = ("a.md", "docs/b.md", "docs/c/d.pyc", "e.pyc")
    folder = folder_with(tmp_path, *names, ignore="*.md\n**/*.pyc\n")
    assert seen(folder) == {"docs/b.md"}


def test_what_an_exclamation_mark_brings_back_is_found_below_what_was_taken_out(
    tmp_path: Path,
) -> None:
    names = ("README.md", "src/app/main.py", "src/app/__pycache__/main.pyc", "src/other.py")
    folder = folder_with(tmp_path, *names, ignore="*\n!src/app\n**/__pycache__\n")
    assert seen(folder) == {"src/app/main.py"}


def test_a_changed_file_changes_the_digest_and_an_ignored_one_does_not(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "app.py", "notes.txt", ignore="notes.txt\n")
    before = context.digest(folder)
    (folder / "notes.txt").write_text("changed")
    assert context.digest(folder) == before
    (folder / "app.py").write_text("changed")
    assert context.digest(folder) != before


@pytest.mark.parametrize(
    "folder", [ROOT, ROOT / "examples" / "model-server"], ids=["operator", "model-server"]
)
def test_all_that_a_dockerfile_copies_is_in_its_context(folder: Path) -> None:
    held = context.files(folder)
    lines = (folder / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    sources = [Path(each) for words in copied for each in words if "--from" not in words[0]]
    assert sources
    assert [s for s in sources if not any(s in (f, *f.parents) for f in held)] == []
