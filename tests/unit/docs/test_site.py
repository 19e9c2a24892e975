"""The site is built without the internet, its links lead somewhere, and it loads nothing from
other hosts."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from serinus.api.checks import KINDS
from serinus.api.presets import PRESETS
from tests.site.build import ROOT, build, repository
from tests.site.check import problems
from tests.support.documents import without_code

PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))

PLANTED = """
# Planted

[page](nowhere.md) [anchor](install.md#nowhere) [here](#nowhere) [picture](nowhere.svg)
[file](../examples/nowhere.yaml) [folder](../nowhere) [anchor of a file](../README.md#nowhere)
[right](install.md#upgrade) [right](../examples) [right](../README.md#on-your-own-cluster)
[right](#planted) [right](judge-day.svg) [right](https://example.com/nowhere)

<img src="https://example.com/picture.png"> <p style="background: url(//example.com/b.png)"></p>
<script src="https://example.com/script.js"></script>
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of today's pages and of one with what must be found."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "docs", project / "docs")
    shutil.copy(ROOT / "zensical.toml", project)
    (project / "docs" / "planted.md").write_text(PLANTED)
    return build(project)


def test_what_is_planted_is_found_and_nothing_else(site: Path) -> None:
    shown = f"{repository(ROOT)}/blob/main"
    assert set(problems(site, repository(ROOT), ROOT)) == {
        f"planted/index.html: {problem}"
        for problem in (
            "../nowhere/: there is no such file",
            "../install/#nowhere: there is no such anchor",
            "#nowhere: there is no such anchor",
            "../nowhere.svg: there is no such file",
            f"{shown}/examples/nowhere.yaml: there is no such file",
            f"{shown}/nowhere: there is no such file",
            f"{shown}/README.md#nowhere: there is no such anchor",
            "loads https://example.com/picture.png",
            "loads //example.com/b.png",
            "loads https://example.com/script.js",
        )
    }


def test_every_page_is_in_the_navigation(site: Path) -> None:
    navigation = (site / "index.html").read_text("utf-8").partition("md-nav--primary")[2]
    linked = set(re.findall(r'<a href="([^"]*)" class="md-nav__link', navigation))
    missing = [
        str(page)
        for page in PAGES
        if page.stem != "index" and f"./{page.with_suffix('').as_posix()}/" not in linked
    ]
    assert missing == []
    assert "./migrating/" in linked
    assert "./planted/" in linked, "a page that docs/.nav.yml does not name is among the guides"


def test_every_check_and_every_preset_is_in_the_navigation() -> None:
    order = (ROOT / "docs/.nav.yml").read_text()
    checks = re.findall(r"- checks/(\w+)\.md$", order, re.MULTILINE)
    assert set(KINDS) <= set(checks)
    presets = dict(re.findall(r"- (\w+): presets/#(\w+)$", order, re.MULTILINE))
    assert presets == {name: name.lower() for name in PRESETS}


def test_every_page_of_the_order_exists() -> None:
    ordered = re.findall(
        r"- (?:[^:\n]+: )?([\w/-]+\.md)$", (ROOT / "docs/.nav.yml").read_text(), re.M
    )
    assert len(ordered) > 20
    assert [name for name in ordered if not (ROOT / "docs" / name).exists()] == []


def test_each_page_has_one_title_and_no_heading_twice(site: Path) -> None:
    for page in PAGES:
        folder = page.parent if page.stem == "index" else page.with_suffix("")
        html = (site / folder / "index.html").read_text("utf-8")
        ids = re.findall(r'<h[1-6] id="([^"]*)"', html)
        assert len(re.findall(r"<h1[ >]", html)) == 1, page
        assert not [each for each in ids if re.search(r"_\d+$", each)], page


def test_lists_and_tables_of_the_repository_are_lists_and_tables_of_the_site(site: Path) -> None:
    """Zensical's Markdown needs an empty line before a list, and GitHub's does not."""
    for page in PAGES:
        folder = page.parent if page.stem == "index" else page.with_suffix("")
        html = (site / folder / "index.html").read_text("utf-8").partition("<article")[2]
        shown = without_code((ROOT / "docs" / page).read_text("utf-8"))
        items = re.findall(r"^ *(?:[-*]|\d+\.) ", shown, re.MULTILINE)
        tables = re.findall(r"^ *\|(?: *:?-+:? *\|)+$", shown, re.MULTILINE)
        article = html.partition("</article>")[0]
        assert (len(re.findall("<li>", article)), len(re.findall("<table", article))) == (
            len(items),
            len(tables),
        ), page
        assert not re.search(r"^[> ]*\+ ", shown, re.MULTILINE), f"a + begins a line of {page}"


def test_the_workflow_publishes_what_make_builds_with_links_to_its_own_repository() -> None:
    text = (ROOT / ".github" / "workflows" / "docs.yml").read_text("utf-8")
    steps = yaml.safe_load(text)["jobs"]["docs"]["steps"]
    assert "Not yet run" in text
    assert "make docs" in [step.get("run") for step in steps]
    (address,) = {
        word for step in steps for word in re.findall(r"s\|([^|]+)\|", step.get("run", ""))
    }
    assert address == repository(ROOT)
    (uploaded,) = [step["with"]["path"] for step in steps if "upload" in step.get("uses", "")]
    assert f'site_dir = "{uploaded}"' in (ROOT / "zensical.toml").read_text("utf-8")
