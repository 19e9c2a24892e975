"""Links of the Markdown files lead somewhere where the repository is shown as it is."""

import subprocess
from pathlib import Path

import pytest

from tests.support.documents import ROOT, broken

PAGES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md", ":!tests"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    ).stdout.split()
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_an_anchor_that_exist(page: Path) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ("other.md", "other.md: there is no such file"),
        ("#nowhere", "#nowhere: there is no such anchor"),
        ("page.md#nowhere", "page.md#nowhere: there is no such anchor"),
        ("../examples/none.yaml", "../examples/none.yaml: there is no such file"),
        ("page.md#a--b-1", None),
        ("#code-and-a-link", None),
        ("https://example.com/none", None),
    ],
)
def test_a_broken_link_is_found(link: str, complaint: str | None, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# `Code`, and [a link](#a--b)\n\n[here]({link})\n\n## A & b\n\n## A & b\n")
    assert list(broken(page)) == ([complaint] if complaint else [])
