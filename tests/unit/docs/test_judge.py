"""docs/judge-tables.md is what the benchmark writes, and docs/judge.md quotes it."""

import re
from typing import Final

from tests.bench.judge import report
from tests.support.documents import ROOT

PAGE: Final = (ROOT / "docs" / "judge.md").read_text("utf-8")
TABLES: Final = (ROOT / "docs" / "judge-tables.md").read_text("utf-8")
SECTIONS: Final = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TABLES, re.DOTALL | re.M))
EQUAL: Final = "as good as stable, errors "


def rows(text: str) -> list[list[str]]:
    """The cells of the lines of its tables, without intervals."""
    lines = re.findall(r"^\| ?(.*?) ?\|$", text, re.MULTILINE)
    return [[cell.partition(" (")[0] for cell in line.split(" | ")] for line in lines]


def column(table: list[list[str]], head: str) -> dict[str, str]:
    """By the first cell of each row."""
    index = table[0].index(head)
    return {row[0]: row[index] for row in table[2:]}


def tables(text: str) -> list[list[list[str]]]:
    return [found for each in re.split(r"\n\n+", text) if len(found := rows(each)) > 2]


def of_defaults(head: str) -> str:
    """What the tables have for a rollout without settings: requests until Fail."""
    all_ = tables(SECTIONS["Bad candidates: requests until detection"])
    return column(next(each for each in all_ if head in each[0]), head)["Serinus, defaults"]


def test_the_page_is_the_text_of_the_benchmark_with_its_tables() -> None:
    text, *rest = re.split(r"\{(\w+)\}", report.TEXT.read_text("utf-8"))
    names, texts = rest[::2], rest[1::2]
    assert sorted(names) == sorted(report.tables())
    pattern = re.escape(text) + "".join(
        rf"((?:\|.*\|\n?)+)(?<!\n){re.escape(each)}" for each in texts
    )
    assert re.fullmatch(pattern, TABLES)


def test_the_other_rules_have_the_figures_of_the_tables() -> None:
    section = PAGE.partition("## Compared with other rules")[2].partition("\n## ")[0]
    (ours,) = tables(section)
    *worlds, effect = ours[0][1:]
    good = tables(SECTIONS["Good candidates: false rollbacks"])[0]
    bad = tables(SECTIONS["Bad candidates: requests until detection"])[0]
    for world in worlds:
        assert column(ours, world) == column(good, world)
    wanted = column(bad, effect)
    assert column(ours, effect) == {rule: wanted[rule] for rule in column(ours, effect)}


def test_the_requests_of_a_verdict_are_those_of_the_tables() -> None:
    section = PAGE.partition("## How many requests")[2].partition("\n## ")[0]
    (ours,) = tables(section)
    margins = rows(SECTIONS["Cost of a margin"])
    passing = {row[0]: row[2] for row in margins if row[1] == "1.5 times + 0.5%"}
    for candidate, verdict, requests in ours[2:]:
        if verdict == "Pass":
            assert requests == passing[candidate.removeprefix(EQUAL)]
        else:
            head = re.sub(r"^(errors|latency|predictions,) ", "", candidate)
            assert requests == of_defaults(head), candidate


def test_the_share_that_is_promoted_is_that_of_the_table() -> None:
    (table,) = tables(SECTIONS["Bad candidates: promoted"])
    share = column(table, "0.5% -> 1%")["Serinus, defaults"]
    assert f"from 0.5% to 1%, {share} are" in PAGE
