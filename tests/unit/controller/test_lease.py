"""The election's figures, and the note that gives their reasons."""

from pathlib import Path

from serinus.controller.lease import DURATION, RENEW_WITHIN, RETRY

NOTE = Path(__file__).parents[3] / "docs/design/0005-kopf-watches-our-own-code-lists.md"


def test_the_design_note_gives_the_figures_that_the_election_has() -> None:
    note = " ".join(NOTE.read_text().split())
    assert f"**Why {DURATION:g}, {RENEW_WITHIN:g} and {RETRY:g} seconds.**" in note
    assert f"at most {RETRY:g} s late and then waits for {DURATION:g} s" in note
    assert f"A leader gives up after {RENEW_WITHIN:g} s, three attempts" in note
    assert f"which leaves {('no', 'one', 'two', 'three')[round(DURATION - RENEW_WITHIN)]} " in note
    assert DURATION + RETRY < 10
