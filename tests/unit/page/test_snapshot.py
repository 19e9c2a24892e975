"""Lists of all viewers are of the same moment, and many changes cost as much as one."""

import copy
from typing import Any

from serinus.page.known import KnownObjects
from serinus.page.snapshot import EVERY, Snapshots
from tests.support.replayed import replayed

STATES = list(replayed())


def state(number: int, namespace: str = "demo", name: str = "loan", **status: Any) -> Any:
    found = copy.deepcopy(STATES[number])
    version = f"{number}{status}"
    found["metadata"] = {"namespace": namespace, "name": name, "resourceVersion": version}
    found["status"] |= status
    return found


def test_a_list_stays_for_some_seconds_and_then_has_all_changes_at_once() -> None:
    known, now = KnownObjects(), 100.0
    snapshots = Snapshots(known, lambda: now)
    known.put(state(0))
    first = snapshots.newest
    assert [row.name for row in first.rows(frozenset({"demo"}))] == ["loan"]
    for name in ("a", "b"):
        known.put(state(0, name=name))
        now += EVERY / 3
        assert snapshots.newest is first
    now += EVERY / 3
    second = snapshots.newest
    assert len(second.rows(second.namespaces)) == 3
    now += 10 * EVERY
    assert snapshots.newest is second, "nothing has changed"
    known.remove(state(0))
    assert len(snapshots.newest.rows(second.namespaces)) == 2, "after a pause at once"


def test_a_look_that_changes_nothing_that_a_list_shows_changes_no_list() -> None:
    known = KnownObjects()
    known.put(state(-2))
    before = known.changes.copy()
    known.put(state(-2, message="Something else, which lists do not show."))
    assert known.changes == before
    known.put(state(-2, phase="Degraded"))
    assert known.changes != before


def test_a_fingerprint_is_that_of_what_the_viewer_may_see() -> None:
    known, now = KnownObjects(), 100.0
    snapshots = Snapshots(known, lambda: now)
    known.replace([state(0, "shop"), state(0, "bank")])
    first, now = snapshots.newest, now + EVERY
    known.put(state(1, "bank"))
    second = snapshots.newest
    for namespaces, same in (({"shop"}, True), ({"bank"}, False), ({"shop", "bank"}, False)):
        seen = frozenset(namespaces)
        assert (first.state(seen) == second.state(seen)) == same
    states = {second.state(frozenset(each)) for each in ({"shop"}, {"bank"}, {"shop", "bank"}, "")}
    assert len(states) == 4
    assert {row.namespace for row in second.rows(frozenset({"shop"}))} == {"shop"}


def test_the_fingerprints_of_two_processes_differ() -> None:
    known = KnownObjects()
    known.put(state(0))
    one, other = Snapshots(known).newest, Snapshots(known).newest
    assert one.state(one.namespaces) != other.state(one.namespaces)
