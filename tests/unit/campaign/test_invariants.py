"""Each invariant sees what it is there for, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from tests.campaign.history import Act, History, Snapshot, Told, Write
from tests.campaign.invariants import violations
from tests.campaign.report import page

START = 1_790_000_000.0


def stood(seconds: float = 120.0, **more: Any) -> History:
    """A world that stood so for so long."""
    return History(snapshots=[Snapshot(at=START, **more)], end=START + seconds)


def lost(**more: Any) -> History:
    """A world whose candidate lost its pods halfway, and all else stood."""
    history = stood(**more)
    before = history.snapshots[0]
    left = {"old": before.pods["old"]}
    history.snapshots.append(replace(before, at=START + 60, ready=left, pods=left))
    return history


def live(**status: Any) -> dict[str, Any]:
    spec = {"replicas": 4, "traffic": {"gateway": {"parentRefs": []}}, "template": {}}
    return {
        "metadata": {"name": "fraud", "generation": 1},
        "spec": spec,
        "status": {"selector": "serinus.dev/name=fraud", **status},
    }


STABLE = {"revision": "old"}
CANDIDATE = {"revision": "new", "stage": "Stepping", "weight": {"wanted": 20, "actual": 20}}
ROLLING = live(stable=STABLE, candidate=CANDIDATE)
SERVING = live(stable=STABLE, message="Revision old serves with 4 of 4 pods.")
ALL = {"old": 4, "new": 1}

WRONG = {
    "traffic needs pods": stood(
        live=ROLLING, ready={"old": 4}, pods=ALL, split={"old": 80, "new": 20}
    ),
    "removed pods have no traffic": lost(
        live=ROLLING, ready=ALL, pods=ALL, split={"old": 80, "new": 20}
    ),
    "rejected revisions lose traffic": stood(
        live=live(stable=STABLE, rejected={"revision": "new"}),
        ready=ALL,
        pods=ALL,
        split={"old": 80, "new": 20},
    ),
    "the weight is the step's weight": stood(
        live=ROLLING, ready=ALL, pods=ALL, asked={"old": 50, "new": 50}, split={"old": 100}
    ),
    "ready pods can serve the weight": stood(
        live=live(stable=STABLE, candidate={**CANDIDATE, "weight": {"wanted": 75}}),
        ready=ALL,
        pods=ALL,
        asked={"old": 25, "new": 75},
    ),
    "nothing is left after deletion": stood(live=None, children=frozenset({("Service", "fraud")})),
    "the status message is correct": stood(live=SERVING, ready={"old": 3}, pods={"old": 4}),
    "an autoscaler can select the pods": stood(live=live(stable=STABLE, selector="")),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_an_invariant_forbids_is_found(name: str) -> None:
    assert name in {each.name for each in violations(WRONG[name])}


def test_a_world_at_rest_violates_nothing() -> None:
    assert not violations(
        stood(live=SERVING, ready={"old": 4}, pods={"old": 4}, split={"old": 100})
    )


def test_a_write_at_rest_is_found() -> None:
    history = stood(600.0, live=SERVING, ready={"old": 4}, pods={"old": 4})
    history.writes.append(Write(START + 300, "PATCH", "Service", "fraud", "", 200))
    assert [each.name for each in violations(history)] == ["no writes at rest"]


def written(**a_minute: int) -> History:
    """Routes that were written so often within a minute, evenly."""
    history = stood(live=ROLLING)
    history.writes += [
        Write(START + n * 59 / times, "PATCH", "HTTPRoute", name, "", 403)
        for name, times in a_minute.items()
        for n in range(times)
    ]
    history.writes.sort(key=lambda each: each.at)
    return history


def test_two_routes_that_are_refused_are_no_loop_and_either_of_them_may_be_one() -> None:
    def loops(history: History) -> bool:
        return "no loop" in {each.name for each in violations(history)}

    assert not loops(written(fraud=40, preview=40))
    assert loops(written(fraud=62))
    assert loops(written(fraud=20, preview=62))


def test_a_refused_status_of_which_an_event_tells_is_told() -> None:
    refusing = frozenset({"status"})
    history = stood(live=SERVING, ready={"old": 4}, pods={"old": 4}, hindered=refusing)
    history.acts.append(Act(START, "status writes are refused begins"))
    history.writes.append(Write(START, "PUT", "ModelDeployment", "fraud", "status", 422))
    silent = [each.name for each in violations(history)]
    history.told.append(Told(START + 5, "StatusRefused", "Warning", "its status is refused"))
    assert silent == ["an unwritable status is reported elsewhere"]
    assert not violations(history)


@pytest.mark.parametrize(("retried", "wrong"), [(30, False), (50, True)])
def test_after_a_refusal_the_message_is_as_old_as_the_retry(retried: float, wrong: bool) -> None:
    stale = live(stable=STABLE, message="Revision old serves with 3 of 4 pods.")
    history = stood(600.0, live=stale, ready={"old": 4}, pods={"old": 4}, hindered={"status"})
    mended = replace(history.snapshots[0], at=START + 1, hindered=frozenset())
    fresh = replace(mended, at=START + retried, live=SERVING)
    history.snapshots += [mended, fresh]
    history.writes += [
        Write(START, "PUT", "ModelDeployment", "fraud", "status", 422),
        Write(START + retried, "PUT", "ModelDeployment", "fraud", "status", 200),
    ]
    history.acts.append(Act(START + retried, "status writes are refused ends"))
    found = {each.name for each in violations(history)}
    assert found == ({"the status message is correct"} if wrong else set())


def test_the_page_has_a_cell_for_each_event_in_each_state() -> None:
    text = page({"table": [], "mutation": []})
    assert "| operator killed |" in text
    assert "(not run)" in text


def test_where_no_pods_could_be_made_none_were_taken_away() -> None:
    first = live(
        candidate={**CANDIDATE, "stage": "FirstDeployment"}, message="0 of 4 pods are ready."
    )
    found = violations(stood(live=first, split={"new": 100}))
    assert "removed pods have no traffic" not in {each.name for each in found}
