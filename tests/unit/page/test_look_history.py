"""Curves keep the whole rollout, in bounded memory."""

import math

import pytest

from serinus.page.drawing import begins_late, evidence_chart, rate_chart
from serinus.page.look_history import MOST_CURVES, MOST_LOOKS, Curve, LookHistory
from serinus.views.looks import CheckLook, LookView, Rates
from serinus.views.roles import IN_A_ROLLOUT


def look(at: float, *checks: CheckLook) -> LookView:
    return LookView(at, checks)


def errors(candidate: float, against: float | None = 0.1) -> CheckLook:
    rates = (Rates("errors", candidate, 0.01), Rates("limit", 0.5, 0.5))
    return CheckLook("errors", "Enforce", against, 0.5, rates)


def test_a_look_that_was_seen_before_is_kept_once() -> None:
    history = LookHistory()
    for at in (10.0, 10.0, 5.0, 20.0):
        history.add(look(at, errors(0.02)))
    assert history.times == [10.0, 20.0]
    assert history.curves[Curve("errors", "errors", "candidate")] == pytest.approx([0.02, 0.02])


def test_a_check_that_comes_later_or_goes_has_gaps_there() -> None:
    history = LookHistory()
    history.add(look(1.0))
    history.add(look(2.0, errors(0.02)))
    history.add(look(3.0))
    assert history.curves[Curve("errors", "", "against")] == [None, pytest.approx(0.1), None]


def test_a_long_rollout_is_thinned_and_not_cut_off() -> None:
    history = LookHistory()
    for at in range(10 * MOST_LOOKS):
        history.add(look(float(at), errors(at / 10_000)))
    assert len(history.times) <= MOST_LOOKS
    assert (history.times[0], history.times[-1]) == (0.0, 10.0 * MOST_LOOKS - 1)
    column = history.curves[Curve("errors", "errors", "candidate")]
    assert column == pytest.approx([at / 10_000 for at in history.times])
    gaps = [late - early for early, late in zip(history.times, history.times[1:], strict=False)]
    assert len(gaps) > MOST_LOOKS / 2 - 2 and max(gaps) == gaps[0] == 16


def test_the_number_of_curves_is_bounded() -> None:
    history = LookHistory()
    for at in range(200):
        many = tuple(Rates(f"class {(n + at) % 200}", 0.5, 0.5) for n in range(200))
        history.add(look(float(at), CheckLook("drift", "Enforce", 0.1, 0.1, many)))
        if at == 3:
            assert rate_chart(history, "drift", IN_A_ROLLOUT).title == "Class 3"  # type: ignore[union-attr]
    assert len(history.curves) == MOST_CURVES


def test_a_chart_is_told_in_words() -> None:
    history = LookHistory()
    history.add(look(1.0, errors(0.02)))
    chart = rate_chart(history, "errors", IN_A_ROLLOUT)
    assert chart and chart.title == "Errors"
    assert chart.summary == "Errors: candidate 2%, stable 1%"
    evidence = evidence_chart(history, "errors")
    assert evidence
    assert evidence.summary == "Evidence: for a rollback 10%, for a pass 50%"
    assert rate_chart(history, "threshold", IN_A_ROLLOUT) is None
    assert evidence_chart(history, "threshold") is None


def test_the_table_beside_a_chart_has_its_newest_value_and_few_others() -> None:
    history = LookHistory()
    for at in range(100):
        history.add(look(float(at), errors(0.02, None if at % 2 else 0.1)))
    chart = evidence_chart(history, "errors")
    assert chart
    assert chart.rows[0] == (99.0, ["-", "50%"])
    assert 6 <= len(chart.rows) <= 12
    assert not any(math.isnan(v) for line in chart.lines for v in line.values if v is not None)


def test_it_is_told_if_the_curves_begin_later_than_the_traffic() -> None:
    history = LookHistory()
    assert begins_late(history, 0.0) is None
    history.add(look(100.0, errors(0.02)))
    assert begins_late(history, 0.0) == 100.0
    assert begins_late(history, 90.0) is None
