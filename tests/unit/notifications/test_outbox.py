"""What waits in the status."""

from serinus.api.notifications import Endpoint
from serinus.api.status import Notice, Status
from serinus.notifications.outbox import MOST_NOTICES, addressed, bounded, without


def notice(number: int, *to: str) -> Notice:
    identifier = f"{number:032}"
    return Notice(id=identifier, kind="Started", at=1.0, reason="RolloutStarted", to=list(to))


def endpoint(name: str, **more: object) -> Endpoint:
    given = {"name": name, "form": "Slack", "folder": f"/etc/{name}", **more}
    return Endpoint.model_validate(given)


def test_a_notice_goes_to_the_endpoints_that_want_its_kind_and_namespace() -> None:
    endpoints = [
        endpoint("all"),
        endpoint("ends", events=["Promoted", "RolledBack"]),
        endpoint("shop", namespaces=["shop", "bank"]),
        endpoint("other", namespaces=["bank"]),
    ]
    [found] = addressed([notice(1)], endpoints, "shop")
    assert found.to == ["all", "shop"]
    assert addressed([notice(1)], endpoints[1:2], "shop") == [], "what nobody wants is not stored"


def test_a_step_is_told_only_where_it_is_asked_for() -> None:
    step = notice(1).replace(kind="StepPassed")
    asked = endpoint("steps", events=["StepPassed"])
    [found] = addressed([step], [endpoint("usual"), asked], "shop")
    assert found.to == ["steps"]


def test_a_notice_stays_until_the_last_endpoint_is_told() -> None:
    waiting = [notice(1, "a", "b"), notice(2, "a")]
    left = without(waiting, {(notice(1).id, "a")})
    assert [each.to for each in left] == [["b"], ["a"]]
    assert without(waiting, {(each.id, name) for each in waiting for name in ("a", "b")}) == []


def test_of_too_many_the_oldest_are_dropped_and_counted_by_endpoint() -> None:
    waiting = [notice(n, "a", *(["b"] if n == 0 else [])) for n in range(MOST_NOTICES + 2)]
    kept, dropped = bounded(waiting)
    assert kept == waiting[2:]
    assert dropped == {"a": 2, "b": 1}
    assert bounded(waiting[:MOST_NOTICES]) == (waiting[:MOST_NOTICES], {})


def test_a_status_takes_the_largest_outbox() -> None:
    full = notice(1, *(f"{n:040}" for n in range(16))).replace(message="x" * 1024)
    status = Status(notices=[full.replace(id=f"{n:032}") for n in range(MOST_NOTICES)])
    assert Status.model_validate(status.to_json()) == status
