"""What the page knows follows its watch, and forgets what is gone."""

import copy
import math
from typing import Any

import pytest

from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.page import known as module
from serinus.page.known import KnownObjects
from serinus.page.rendering import RowFilter, rows
from serinus.views.looks import LookView, look_view
from serinus.views.reading import read
from serinus.views.urgency import Urgency
from tests.support.replayed import replayed

STATES = list(replayed())


def state(number: int, name: str = "loan", **timeline: Any) -> dict[str, Any]:
    found = copy.deepcopy(STATES[number])
    found["metadata"] |= {"name": name, "resourceVersion": f"{number}{timeline}"}
    found["status"]["timeline"] |= timeline
    return found


def times(known: KnownObjects, of: dict[str, Any]) -> list[float]:
    return known.history(read(of)).times


def test_the_curves_of_a_real_rollout_end_where_its_decision_was_made() -> None:
    known = KnownObjects()
    for each in STATES:
        known.put(each)
    seen = known.seen("demo", "loan")
    assert seen
    live = seen.live()
    assert live.status.rejected
    history = known.history(live)
    assert len(history.times) >= 2
    against = history.curves[next(c for c in history.curves if c.of == "against")]
    assert all(value is not None and 0 <= value < 1 for value in against)


def test_the_next_rollout_has_its_own_curves() -> None:
    known = KnownObjects()
    for number in range(len(STATES)):
        known.put(state(number))
    assert times(known, state(-1))
    later = state(-2, since="2027-01-01T00:00:00Z")
    known.put(later)
    assert len(times(known, later)) == 1
    assert times(known, state(-1)) == []


def test_what_is_listed_replaces_what_was_known() -> None:
    known = KnownObjects()
    assert not known.synced
    known.replace([state(-2), state(-2, "other")])
    assert known.synced
    assert [row.name for row in known.rows()] == ["loan", "other"]
    before = known.revision
    known.replace([state(-2)])
    assert [row.name for row in known.rows()] == ["loan"]
    assert known.seen("demo", "other") is None
    assert known.revision == before + 1


def test_an_event_that_says_nothing_new_changes_nothing() -> None:
    known = KnownObjects()
    known.put(state(1))
    before = known.revision
    known.put(state(1))
    assert known.revision == before
    known.remove(state(1))
    known.remove(state(1))
    assert known.revision == before + 1


def test_the_number_of_rollouts_with_curves_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_HISTORIES", 2)
    known = KnownObjects()
    for name in ("a", "b", "c"):
        known.put(state(-2, name))
    assert [bool(times(known, state(-2, name))) for name in ("a", "b", "c")] == [False, True, True]


def test_a_status_that_nobody_can_read_is_listed_all_the_same() -> None:
    known = KnownObjects()
    known.put({"metadata": {"namespace": "demo", "name": "odd"}, "spec": 3, "status": {"phase": 7}})
    assert [row.name for row in known.rows()] == ["odd"]


def test_it_says_since_when_it_may_be_out_of_date_until_all_is_listed_again() -> None:
    known = KnownObjects()
    known.replace([state(1)])
    assert known.warning == ""
    for at in (1_795_757_085.0, 1_795_757_185.0):
        known.lose(at)
        assert "since 2026-11-27 05:24:45 UTC" in known.warning
    known.put(state(2))
    assert known.warning, "what was missed before is not known yet"
    known.replace([state(2)])
    assert known.warning == ""


def test_it_says_what_the_api_server_refuses_while_it_does() -> None:
    known = KnownObjects()
    known.lose(1_795_757_085.0)
    known.lose(1_795_757_185.0, "The API server refuses it. Allow it.")
    assert known.warning == (
        "The API server refuses it. Allow it. What is shown may have changed since "
        "2026-11-27 05:24:45 UTC."
    )
    known.lose(1_795_757_285.0)
    assert known.warning.startswith("No connection to the API server since 2026-11-27 05:24:45")


def test_a_number_that_cannot_be_drawn_is_a_gap() -> None:
    looks = state(-2)
    requests = looks["status"]["candidate"]["checks"][0]["state"]["comparisons"][0]
    requests["candidate"] = 1e300
    known = KnownObjects()
    known.put(looks)
    drawn = [v for curve in known.history(read(looks)).curves.values() for v in curve]
    assert all(value is None or math.isfinite(value) for value in drawn)


def test_a_fault_in_the_view_of_one_object_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def raising(spec: Spec | None, status: Status) -> LookView | None:
        if status.message == "odd":
            raise ZeroDivisionError
        return look_view(spec, status)

    monkeypatch.setattr(module, "look_view", raising)
    known = KnownObjects()
    odd = state(-2, "a")
    for version in ("1", "2"):
        odd["metadata"]["resourceVersion"] = version
        odd["status"] |= {"message": "odd", "phase": "Healthy"}
        known.put(odd)
    known.put(state(-2, "b"))
    assert caplog.text.count("the view of demo/a cannot be made") == 1, "once, with the traceback"
    first, second = known.rows()
    assert (first.name, first.view.phase, first.view.urgency) == ("a", "Healthy", Urgency.PERSON)
    assert first.view.problem == module.INTERNAL and not second.view.problem
    html = "".join(rows(known.rows(), RowFilter(), 0.0, "./"))
    assert module.INTERNAL in html
    odd["metadata"]["resourceVersion"], odd["status"]["message"] = "3", "even"
    known.put(odd)
    assert not any(row.view.problem for row in known.rows())
