"""What a status holds for endpoints, from the pass that adds it to the one that removes it."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from serinus.api.isolation import Fault
from serinus.api.notifications import Endpoint
from serinus.api.status import Decision, Notice, Status
from serinus.notifications import Notifier
from serinus.notifications.outbox import MOST_NOTICES
from tests.support.receiver import Receiver

DECIDED = Decision(at=5.0, reason="RolloutStarted", revision="b", message="Began.")
NONE = Status()


def endpoint(name: str, folder: Path, **more: object) -> Endpoint:
    given = {"name": name, "form": "CloudEvents", "folder": str(folder), "allowHttp": True, **more}
    return Endpoint.model_validate(given)


def raised(fault: Fault) -> None:
    raise fault.error


def live(status: Status) -> dict[str, Any]:
    metadata = {"uid": "uid", "namespace": "shop", "name": "fraud"}
    return {"metadata": metadata, "status": status.to_json()}


def notifier(*endpoints: Endpoint) -> Notifier:
    return Notifier(endpoints, "https://serinus.example.com/", lambda *_: None, raised)


def test_without_endpoints_a_status_is_as_it_was(tmp_path: Path) -> None:
    noted, dropped = notifier().noted(live(NONE), NONE, NONE, [DECIDED], {}, 5.0)
    assert noted is NONE and not dropped


def test_what_is_for_an_endpoint_that_is_no_longer_configured_goes(tmp_path: Path) -> None:
    both = notifier(endpoint("a", tmp_path), endpoint("b", tmp_path))
    noted, _ = both.noted(live(NONE), NONE, NONE, [DECIDED], {}, 5.0)
    assert [each.to for each in noted.notices] == [["a", "b"]]
    left = notifier(endpoint("b", tmp_path)).settled("uid", noted).notices
    assert [each.to for each in left] == [["b"]]
    assert notifier().settled("uid", noted).notices == []


def test_of_too_many_the_oldest_is_dropped_and_counted_once_it_is_written(tmp_path: Path) -> None:
    one = notifier(endpoint("a", tmp_path))
    waiting = [
        Notice(id=f"{n}", kind="Started", at=1.0, reason="RolloutStarted", to=["a"])
        for n in range(MOST_NOTICES)
    ]
    before = NONE.replace(notices=waiting)
    noted, dropped = one.noted(live(before), before, before, [DECIDED], {}, 5.0)
    assert len(noted.notices) == MOST_NOTICES and noted.notices[0].id == "1"
    assert one.outcomes()["a", "dropped"] == 0, "the write may fail"
    one.committed(live(noted), dropped)
    assert one.outcomes()["a", "dropped"] == 1


def test_every_outcome_is_counted_from_zero(tmp_path: Path) -> None:
    outcomes = notifier(endpoint("a", tmp_path)).outcomes()
    assert set(outcomes) == {
        ("a", outcome) for outcome in ("delivered", "retried", "refused", "expired", "dropped")
    }
    assert set(outcomes.values()) == {0}


def test_what_a_newer_version_wrote_is_no_error(tmp_path: Path) -> None:
    written = {"metadata": live(NONE)["metadata"], "status": {"notices": [{"kind": "New"}, 7]}}
    notifier(endpoint("a", tmp_path)).committed(written, Counter())


async def test_an_endpoint_is_told_what_is_written_with_a_link(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "a", "a")
    one = notifier(endpoint("a", receiver.folder))
    noted, dropped = one.noted(live(NONE), NONE, NONE, [DECIDED], {}, 5.0)
    running = asyncio.create_task(one.run())
    async with receiver:
        one.committed(live(noted), dropped)
        await receiver.until(lambda r: bool(r.taken))
        while one.settled("uid", noted).notices:
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])
    [attempt] = receiver.taken
    data = attempt.event["data"]
    assert data["url"] == "https://serinus.example.com/rollouts/shop/fraud"
    assert (data["message"], attempt.event["id"]) == ("Began.", noted.notices[0].id)
