"""docs/gateways.md is what was measured, with the versions that the cluster has."""

import re

from tests.gateways.implementations import ALL
from tests.gateways.page import KNOWN, PAGE, TABLES


def test_the_page_has_a_row_for_all_that_is_measured_at_the_versions_of_the_cluster() -> None:
    text = PAGE.read_text("utf-8")
    titles = " | ".join(f"{each.title} {each.version}" for each in ALL.values())
    assert text.count(f"| {titles} |") == len(TABLES), "run `make test-gateways`"
    assert "not measured" not in text
    for rows in TABLES.values():
        for title in rows.values():
            assert re.search(rf"^\| {re.escape(title)} \|", text, re.MULTILINE), title


def test_what_is_known_is_a_row_of_a_gateway() -> None:
    rows = {row for table in TABLES.values() for row in table}
    assert set(KNOWN) <= set(ALL)
    assert all(known <= rows for known in KNOWN.values())
