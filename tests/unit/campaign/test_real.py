"""The campaign on a real API server asks that server, and nothing in memory."""

import json

import pytest

from serinus.cluster import ApiError
from tests.campaign.real import RealStage
from tests.campaign.wire import Reply, Request


class Server:
    """Refuses everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def send(self, request: Request) -> Reply:
        self.asked.append((request.method, request.path.rpartition("/")[2]))
        return Reply(404, json.dumps({"reason": "NotFound", "message": "not found"}).encode())


async def test_people_and_the_operator_meet_the_real_server() -> None:
    server = Server()
    stage = RealStage(server, "c-1")  # type: ignore[arg-type]
    for each in (stage.apply({"model": {"version": "v1"}}), stage.command("abort"), stage.delete()):
        with pytest.raises(ApiError, match="not found"):
            await each
    stage.launch()
    assert stage.app is not None
    assert await stage.app._cluster.find("Service", "c-1", "fraud") is None
    stage.end()
    assert server.asked == [
        ("PATCH", "fraud"),
        ("GET", "fraud"),
        ("GET", "fraud"),
        ("GET", "fraud"),
    ]
