"""A bank: sends its customers' applications to the model, tells it what the bank decided, and keeps
the latest of both for whoever trains the next model.

    python bank.py --url http://10.96.0.20 --host loan.example.com --rate 60 --duration 3600

Sends as loadgen.py does, with feedback within a second, and answers on port 8081:

GET /applications.csv?since=UNIX   the applications since then, as loans.py writes them
PUT /situation/NAME                from now on applications come from there (regions.SITUATIONS)
PUT /records/NAME                  from now on decisions are recorded so: `complete`, or `pending`,
                                   where a slip records large loans, which take longer to decide, as
                                   denied. What the model is told is always the decision itself
"""

import asyncio
import io
import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from aiohttp import web

from loadgen import Options, applications_forever, generate, options
from loans import Application, read, write_csv
from regions import applications_in

PORT = 8081
KEPT = 20_000
"""Applications; the oldest are forgotten."""
LARGE = 170
"""Thousand dollars."""
RECORDS = ("complete", "pending")


class Bank:
    """An iterator of applications, which remembers them."""

    def __init__(self, chosen: Options) -> None:
        self._options = replace(chosen, feedback=True, feedback_within=1)
        self._at_home = read(chosen.rows)
        self._next = iter(self._at_home)
        self.move("boston")
        self.records = "complete"
        self._kept: deque[tuple[float, Application]] = deque(maxlen=KEPT)

    def move(self, situation: str) -> None:
        """Take applications from there; KeyError if it is unknown."""
        rows = applications_in(situation, self._at_home)
        self._next = applications_forever(rows, self._options.seed)

    def __iter__(self) -> Iterator[Application]:
        return self

    def __next__(self) -> Application:
        application = next(self._next)
        recorded = self.records == "complete" or application.values[0] <= LARGE
        self._kept.append(
            (time.time(), application if recorded else replace(application, approved=False))
        )
        return application

    def since(self, moment: float) -> list[Application]:
        """The applications from then on, as they are recorded."""
        return [application for at, application in self._kept if at >= moment]

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/applications.csv", self._applications),
                web.put("/situation/{name}", self._move),
                web.put("/records/{name}", self._record),
            ]
        )
        return app

    async def run(self) -> None:
        """Send until the duration is over, or SIGTERM; print reports as loadgen.py does."""
        runner = web.AppRunner(self.app())
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", PORT).start()
        try:
            total = await generate(self._options, self)
        finally:
            await runner.cleanup()
        print(json.dumps({"summary": total.report()}), flush=True)

    async def _applications(self, request: web.Request) -> web.Response:
        try:
            since = float(request.query.get("since", "0"))
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"since: {error}") from error
        text = io.StringIO(newline="")
        write_csv(text, self.since(since))
        return web.Response(text=text.getvalue(), content_type="text/csv")

    async def _move(self, request: web.Request) -> web.Response:
        try:
            self.move(request.match_info["name"])
        except KeyError as error:
            raise web.HTTPNotFound(text=f"no situation {error}") from error
        return web.json_response({"time": time.time()})

    async def _record(self, request: web.Request) -> web.Response:
        if (name := request.match_info["name"]) not in RECORDS:
            raise web.HTTPNotFound(text=f"records are {' or '.join(RECORDS)}")
        self.records = name
        return web.json_response({"time": time.time()})


if __name__ == "__main__":
    asyncio.run(Bank(options()).run())
