"""The demo's picture shows all that was told."""

import re
from html import unescape

from tests.demo.picture import WIDTH, drawn

LONG = "  Progressing v2 ░░░░████ 20% v3 step 2 " + "errors:Inconclusive " * 5 + "| clients: v2"


def test_a_line_that_is_longer_than_the_terminal_goes_on_below() -> None:
    picture = drawn("A rollback", ["$ make demo", "", LONG])
    shown = [unescape(each) for each in re.findall(r"<text[^>]*>([^<]*)</text>", picture)]
    assert shown[:2] == ["$ make demo", ""]
    assert " ".join(shown[2:]).split() == LONG.split()
    assert len(shown) == 4 and all(len(each) <= WIDTH for each in shown)
    assert shown[3].startswith("      ") and "Progressing" not in shown[3]
