"""The environment that the checkouts of a machine share."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import environment


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that asks for nothing, in a checkout of its own."""
    lock = tmp_path / "dev.txt"
    lock.write_text("# nothing\n")
    monkeypatch.setenv("SERINUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "LOCK", lock)
    monkeypatch.setattr(environment, "LINK", tmp_path / ".venv")
    return lock


@pytest.mark.exhaustive
def test_one_is_made_for_each_lock_and_one_that_is_not_whole_is_made_anew(
    lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = environment.made()
    subprocess.run([folder / "bin" / "python", "-m", "pip", "--version"], check=True)
    created: list[Path] = []
    monkeypatch.setattr("venv.create", lambda made, **_: created.append(made))
    monkeypatch.setattr("subprocess.run", lambda *_, **__: None)
    assert environment.made() == folder and not created
    (folder / ".ready").unlink()
    assert environment.made() == folder and created == [folder]
    lock.write_text("# nothing else\n")
    with pytest.raises(FileNotFoundError):  # the one that makes it here makes no folder
        environment.made()
    assert created[1] != folder


def test_the_link_is_newer_than_the_lock_and_leads_elsewhere_when_the_lock_does(
    lock: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ready = tmp_path / name / ".ready"
        ready.touch()
        os.utime(ready, (0, 0))
        environment.link(tmp_path / name)
        assert (tmp_path / ".venv").resolve() == tmp_path / name
        assert ready.stat().st_mtime >= lock.stat().st_mtime


def test_an_environment_that_a_person_has_made_is_left(lock: Path, tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    with pytest.raises(SystemExit, match=r"remove \.venv"):
        environment.link(tmp_path)
    assert (tmp_path / ".venv").is_dir()
