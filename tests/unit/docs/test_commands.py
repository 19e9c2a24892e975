"""Every page whose commands a reader types has a test that types them."""

import re

from tests.support.documents import ROOT, typed

TYPED_BY = {
    "README.md": ("unit/test_readme.py", "unit/cli/test_docs.py", "e2e/test_readme.py"),
    "docs/cli.md": ("unit/cli/test_docs.py", "integration/test_cli.py"),
    "docs/first-rollout.md": ("unit/cli/test_docs.py", "integration/test_first_rollout.py"),
    "docs/gitops.md": ("integration/test_gitops.py", "unit/test_argo_cd.py"),
    "docs/guard.md": ("unit/cli/test_docs.py",),
    "docs/install.md": ("integration/test_chart_releases.py",),
    "docs/migrating/argo-rollouts.md": ("unit/docs/test_migrating.py",),
    "docs/migrating/flagger.md": (
        "unit/docs/test_migrating.py",
        "integration/test_from_flagger.py",
    ),
    "docs/migrating/index.md": ("integration/test_migrating.py",),
    "docs/migrating/kserve.md": ("unit/docs/test_migrating.py",),
    "docs/notifications.md": ("integration/test_notifications.py",),
    "docs/operations.md": (
        "integration/test_chart_releases.py",
        "integration/test_cli.py",
        "integration/test_approvals.py",
        "unit/docs/test_placement.py",
    ),
    "docs/page.md": ("unit/page/test_docs.py", "e2e/test_page.py"),
    "docs/releasing.md": ("integration/test_release.py",),
    "docs/runbook.md": ("integration/test_at_3_am.py",),
    "docs/routes.md": ("integration/test_route_rules.py",),
    "docs/simulate.md": ("unit/cli/test_docs.py", "e2e/test_story.py"),
    "docs/your-server.md": ("unit/views/test_scrape.py",),
}
"""A page that is new here needs a test, or its name in one of these."""


def test_each_page_with_commands_is_read_by_a_test() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    with_commands = {
        str(page.relative_to(ROOT)) for page in pages if typed(page.read_text("utf-8"))
    }
    assert with_commands == set(TYPED_BY)
    for page, modules in TYPED_BY.items():
        name = page.rpartition("/")[2]
        for module in modules:
            text = (ROOT / "tests" / module).read_text("utf-8")
            assert name in text or re.search(r"f\"\{tool\}\.md\"", text), f"{module}: {page}"


def test_the_readme_tells_to_type_what_the_pages_tell() -> None:
    pages = [
        each.replace(" --wait", "")  # of helm: the page goes on only once the operator is ready
        for name in ("install", "first-rollout")
        for each in typed((ROOT / "docs" / f"{name}.md").read_text("utf-8"))
    ]
    readme = typed((ROOT / "README.md").read_text("utf-8"))
    assert [each for each in readme if each not in pages] == ["make demo", "make test"]
