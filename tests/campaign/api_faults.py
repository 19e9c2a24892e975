"""Faults between the operator and a real API server: every one ends as the undisturbed run does.

`python -m tests.campaign.api_faults` tells a story (a model is promoted, a bad one is rolled back,
a measured one is replaced) once undisturbed, and then again with the operator killed before and
after each of its writes, and with everything that a network and an API server do to a client. The
operator is the real one in moved time; a proxy knows the runs by their namespaces. All invariants
are checked in each of them too.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest
from aiohttp import web

from serinus.cluster import Cluster, connect
from serinus.controller import informer as informing
from serinus.controller.app import App
from tests.campaign.control import Control
from tests.campaign.invariants import violations
from tests.campaign.observer import Observer
from tests.campaign.real import RealApi
from tests.integration.proxy import Proxy, Request, refused
from tests.support.inprocess import Manifest, Operator

BESIDE = 6
"""Runs beside each other: most of their time is waiting."""
RESYNC = 3.0
"""Seconds between two lists of everything, here; sixty in production, which would take an hour."""
WITHIN = 150.0
"""Seconds that a story may take."""

ROLLOUT = {
    "steps": [{"setWeight": 20}, {"setWeight": 50}],
    "analysis": {"interval": "1s", "checks": [{"name": "errors", "errorRate": {}}]},
    "scaleDownDelay": "1s",
    "progressDeadline": "5h",
}


def spec(version: str) -> Manifest:
    """Of a ModelDeployment."""
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
    return {
        "model": {"version": version},
        "replicas": 2,
        "template": {"spec": {"containers": [container]}},
        "traffic": {"gateway": {"parentRefs": [{"name": "public"}]}},
        "rollout": ROLLOUT,
    }


# what a run comes to


@dataclass(frozen=True)
class End:
    """All that two runs of one story must have in common."""

    phase: str
    stable: str
    rejected: str | None
    decisions: tuple[str, ...]
    """Reason and version, oldest first."""
    weights: tuple[tuple[str, int], ...]
    """Of the route, by version."""
    workloads: tuple[tuple[str, int], ...]
    """Deployments by version, with their replicas."""
    services: int
    revisions: int
    restarts: int
    """Pods of v1 that the story replaced without a reason."""


async def end_of(operator: Operator, first_pods: set[str]) -> End:
    """How it ended; `first_pods` are those that v1 had when it was Healthy."""
    cluster, namespace = operator.cluster, operator.namespace
    status = (await operator.get("fraud"))["status"]
    versions = {
        each["metadata"]["labels"]["serinus.dev/revision"]: each["data"]["model"]["version"]
        for each in await cluster.list("ControllerRevision", namespace)
    }
    deployments = await cluster.list("Deployment", namespace)
    label = "serinus.dev/revision"
    pods = await cluster.list("Pod", namespace)
    now = {p["metadata"]["uid"] for p in pods if versions[p["metadata"]["labels"][label]] == "v1"}
    weights = await operator.split("fraud")
    return End(
        phase=status["phase"],
        stable=status["stable"]["version"],
        rejected=versions.get(status.get("rejected", {}).get("revision", "")),
        decisions=tuple(
            f"{each['reason']} {versions.get(each['revision'], '')}"
            for each in reversed(status["decisions"])
        ),
        weights=tuple(sorted((versions[k.partition("-")[2]], v) for k, v in weights.items())),
        workloads=tuple(
            sorted(
                (versions[each["metadata"]["labels"][label]], each["spec"]["replicas"])
                for each in deployments
            )
        ),
        services=len(await cluster.list("Service", namespace)),
        revisions=len(versions),
        restarts=len(first_pods - now) if now else 0,
    )


# stories


Summary = Callable[["Run"], Any]


async def promoted(run: "Run") -> None:
    """v2 is as good as v1."""
    await run.operator.apply("fraud", **spec("v2"))
    await run.at_rest("v2")


async def rolled_back(run: "Run") -> None:
    """v2 fails."""
    await run.operator.apply("fraud", **spec("v2"))
    await run.until(lambda s: s["candidate"]["version"] == "v2")
    revision = (await run.operator.get("fraud"))["status"]["candidate"]["revision"]
    run.operator.observer.bad[revision] = "errors"
    run.operator.traffic.errors = {f"fraud-{revision}": 0.3}
    await run.until(lambda s: s["rejected"] and not s.get("retiring"))


async def replaced(run: "Run") -> None:
    """v3 replaces a v2 that was measured."""
    live = spec("v2")
    pause: Manifest = {"steps": [{"setWeight": 20}, {"pause": {}}]}
    live["rollout"] = {**ROLLOUT, **pause}
    await run.operator.apply("fraud", **live)
    await run.until(lambda s: s["candidate"]["counted"])
    await run.operator.apply("fraud", **spec("v3"))
    await run.at_rest("v3")


STORIES: dict[str, Summary] = {
    "promoted": promoted,
    "rolled back": rolled_back,
    "replaced": replaced,
}


class Through(Operator):
    """The operator, whose own requests pass the proxy; the tester's do not."""

    def __init__(self, real: RealApi, through: Cluster, namespace: str) -> None:
        super().__init__(real.cluster, namespace)
        self._through = through
        self.observer = Observer(real, namespace, "fraud", lambda: self.now)
        self._replica: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.app = App(
            self._through, self.traffic, namespaces=(self.namespace,), clock=lambda: self.now
        )
        self._replica = asyncio.create_task(self.app.run())
        self._tasks.append(self._replica)

    async def _accept(self, route: Manifest) -> None:
        self.observer.serve(route)
        await super()._accept(route)

    async def crash(self) -> None:
        """End it where it is; the proxy lets none of its requests pass meanwhile."""
        assert self._replica
        self._replica.cancel()
        await asyncio.wait([self._replica])
        self._tasks.remove(self._replica)


class Fault:
    """What happens to the requests of a run."""

    name: str
    hinders = frozenset({"API server", "watch"})
    """What it keeps from happening."""

    async def before(self, run: "Run", request: Request) -> web.Response | None:
        """An answer instead of the API server's."""
        return None

    async def after(self, run: "Run", request: Request) -> web.Response | None:
        """An answer instead of what the API server said."""
        return None

    async def chunk(self, data: bytes) -> bytes:
        """What of a watch's stream gets through; raises ConnectionError to cut it."""
        return data

    @property
    def met(self) -> bool:
        """Whether anything was disturbed at all."""
        return True

    def beyond(self, run: "Run") -> bool:
        """Whether it was for a write that this run had no need of."""
        return False


@dataclass
class Run:
    """A story told under a fault."""

    operator: Through
    fault: Fault
    begun: bool = False
    """v1 is Healthy: from now on faults befall it."""
    writes: list[str] = field(default_factory=list)
    """Of the operator since then, in words."""
    down: bool = False
    """The replica is dead."""

    async def until(self, holds: Callable[[Manifest], Any]) -> Manifest:
        """Wait for a status, moving time a little."""
        return await self.operator.until("fraud", holds, moving=0.5, within=WITHIN)

    async def at_rest(self, version: str) -> None:
        """Wait until this version serves alone."""

        def holds(status: Manifest) -> bool:
            serves = status["phase"] == "Healthy" and status["stable"]["version"] == version
            return bool(serves and not status.get("retiring"))

        await self.until(holds)

    async def restart(self) -> None:
        """A dead replica is followed by a new one, which knows nothing."""
        await self.operator.crash()
        self.down = False
        await self.operator.start()


class Undisturbed(Fault):
    """Nothing happens."""

    name = "undisturbed"
    hinders = frozenset()


def _mutates(request: Request) -> bool:
    return request.method != "GET" and "/events" not in request.path


class Crash(Fault):
    """SIGKILL before or after the n-th write."""

    def __init__(self, number: int, when: str, what: str = "") -> None:
        self.name = f"killed {when} write {number + 1}" + (f" ({what})" if what else "")
        self._number, self._when = number, when
        self._seen = 0
        self._done = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def met(self) -> bool:
        return self._done

    def beyond(self, run: Run) -> bool:
        return not self._done and self._seen <= self._number

    async def before(self, run: Run, request: Request) -> web.Response | None:
        if run.down:
            return refused(503)
        if _mutates(request) and not self._done:
            self._seen += 1
            if self._when == "before" and self._seen == self._number + 1:
                return self._kill(run)
        return None

    async def after(self, run: Run, request: Request) -> web.Response | None:
        due = self._when == "after" and self._seen == self._number + 1
        return self._kill(run) if due and _mutates(request) and not self._done else None

    def _kill(self, run: Run) -> web.Response:
        self._done, run.down = True, True
        task = asyncio.create_task(run.restart())
        self._tasks.add(task)
        return refused(503)


class Answers(Fault):
    """The first `times` requests that match get this answer."""

    def __init__(
        self,
        name: str,
        answer: Callable[[], web.Response],
        *,
        times: float,
        matches: Callable[[Request], bool] = _mutates,
        seconds: float = float("inf"),
    ) -> None:
        self.name = name
        self._answer, self._matches = answer, matches
        self._left, self._seconds = times, seconds
        self._since: float | None = None

    @property
    def met(self) -> bool:
        return self._since is not None

    async def before(self, run: Run, request: Request) -> web.Response | None:
        if not self._matches(request) or self._left <= 0:
            return None
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since > self._seconds:
            return None
        self._left -= 1
        return self._answer()


class LostAnswers(Fault):
    """Writes succeed, and the connection ends before the operator learns of it."""

    name = "the answer to every third write is lost"

    def __init__(self) -> None:
        self._writes = 0

    @property
    def met(self) -> bool:
        return self._writes > 2

    async def after(self, run: Run, request: Request) -> web.Response | None:
        if not _mutates(request):
            return None
        self._writes += 1
        return refused(504, "Timeout") if self._writes % 3 == 0 else None


class Watches(Fault):
    """Something is the matter with the stream of events."""

    def __init__(self, name: str, times: float, act: Callable[[bytes], Any]) -> None:
        self.name, self._left, self._act = name, times, act
        self._met = False

    @property
    def met(self) -> bool:
        return self._met

    async def chunk(self, data: bytes) -> bytes:
        if self._left <= 0:
            return data
        self._left -= 1
        self._met = True
        changed: bytes = await self._act(data)
        return changed


async def _late(data: bytes) -> bytes:
    await asyncio.sleep(2)
    return data


async def _never(data: bytes) -> bytes:
    return b""


async def _half_open(data: bytes) -> bytes:
    await asyncio.sleep(20)
    return data


async def _cut(data: bytes) -> bytes:
    raise ConnectionResetError


async def _half(data: bytes) -> bytes:
    return data[: len(data) // 2] + b"\n"


def _error(code: int, reason: str) -> Callable[[bytes], Any]:
    told = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    line = json.dumps({"type": "ERROR", "object": {**told, "reason": reason}}) + "\n"

    async def act(_: bytes) -> bytes:
        return line.encode()

    return act


class Stale(Fault):
    """For twenty seconds lists and single objects are as they were, and no events come."""

    name = "a stale view for 20 s"

    def __init__(self) -> None:
        self._until: float | None = None
        self._kept: dict[str, web.Response] = {}

    @property
    def met(self) -> bool:
        return bool(self._kept)

    async def before(self, run: Run, request: Request) -> web.Response | None:
        self._until = self._until or time.monotonic() + 20
        if request.method != "GET" or request.watches or time.monotonic() > self._until:
            return None
        kept = self._kept.get(request.path)
        if kept is None:
            return None
        return web.Response(status=kept.status, body=kept.body, content_type="application/json")

    def keep(self, request: Request, answer: web.Response) -> None:
        """The first answer to each read is what the operator sees for a while."""
        if request.method == "GET" and not request.watches:
            self._kept.setdefault(request.path, answer)

    async def chunk(self, data: bytes) -> bytes:
        wait = (self._until or 0.0) - time.monotonic()
        await asyncio.sleep(max(0.0, wait))
        return data


def _throttled() -> web.Response:
    answer = refused(429, "TooManyRequests")
    answer.headers["Retry-After"] = "2"
    return answer


def faults() -> list[Fault]:
    """Everything but the crashes, anew for each story."""
    return [
        Stale(),
        LostAnswers(),
        Watches("events withheld", float("inf"), _never),
        Watches("events two seconds late", float("inf"), _late),
        Watches("watches half open for 20 s", 6, _half_open),
        Watches("watches reset", 6, _cut),
        Watches("watches that go on in mid-JSON", 6, _half),
        Watches("410 in the stream", 6, _error(410, "Expired")),
        Watches("500 in the stream", 6, _error(500, "InternalError")),
        Answers("409 for the first ten writes", lambda: refused(409, "Conflict"), times=10),
        Answers("422 for the first five writes", lambda: refused(422, "Invalid"), times=5),
        Answers("403 for the first eight writes", lambda: refused(403, "Forbidden"), times=8),
        Answers("429 with Retry-After for the first six writes", _throttled, times=6),
        Answers(
            "429 with Retry-After for the first ten requests",
            _throttled,
            times=10,
            matches=lambda request: True,
        ),
        Answers(
            "503 to everything for a minute",
            lambda: refused(503, "ServiceUnavailable"),
            times=float("inf"),
            seconds=60,
            matches=lambda request: True,
        ),
        Answers(
            "500 for a minute to the Deployments",
            lambda: refused(500, "InternalError"),
            times=float("inf"),
            seconds=60,
            matches=lambda request: _mutates(request) and "/deployments" in request.path,
        ),
    ]


class Faults:
    """Stands at the proxy, and knows a run by its namespace."""

    def __init__(self, proxy: Proxy) -> None:
        self.runs: dict[str, Run] = {}
        proxy.before, proxy.after = self._before, self._after
        proxy.seen, proxy.stream = self._seen, self._stream

    def _run(self, request: Request) -> Run | None:
        """Whose request it is; None where no fault is to befall it yet."""
        _, _, rest = request.path.partition("/namespaces/")
        run = self.runs.get(rest.partition("/")[0])
        return run if run is not None and run.begun else None

    async def _before(self, request: Request) -> web.Response | None:
        run = self._run(request)
        if run is None:
            return None
        if _mutates(request):
            run.writes.append(_in_words(request))
        own = await run.fault.before(run, request)
        if own is not None:
            run.operator.observer.sent(request.method, request.path, request.body, own.status)
        return own

    async def _after(self, request: Request) -> web.Response | None:
        run = self._run(request)
        return await run.fault.after(run, request) if run else None

    def _seen(self, request: Request, answer: web.Response) -> None:
        _, _, rest = request.path.partition("/namespaces/")
        run = self.runs.get(rest.partition("/")[0])
        if run is None:
            return
        run.operator.observer.sent(request.method, request.path, request.body, answer.status)
        if run.begun and isinstance(run.fault, Stale):
            run.fault.keep(request, answer)

    async def _stream(self, request: Request, data: bytes) -> bytes:
        run = self._run(request)
        return await run.fault.chunk(data) if run else data


def _in_words(request: Request) -> str:
    path = request.path.partition("?")[0]
    return f"{request.method} {path.partition('/namespaces/')[2].partition('/')[2]}"


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    story: str
    fault: str
    ok: bool
    seconds: float
    wrong: str = ""


@contextlib.asynccontextmanager
async def campaign(control: Control) -> AsyncIterator[tuple[Faults, RealApi, Cluster]]:
    """The proxy, the API server behind it, and a client that passes the proxy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(informing, "RESYNC", RESYNC)
        async with contextlib.AsyncExitStack() as stack:
            patch.setenv("KUBECONFIG", str(control.kubeconfig))
            real = await stack.enter_async_context(RealApi.connected())
            proxy = await stack.enter_async_context(Proxy(control.kubeconfig))
            patch.setenv("KUBECONFIG", str(proxy.kubeconfig))
            through = await stack.enter_async_context(connect())
            yield Faults(proxy), real, through


async def told(
    faults: Faults, real: RealApi, through: Cluster, namespace: str, story: str, fault: Fault
) -> tuple[End, Run]:
    """Tell a story under a fault, and say how it ended. Raises AssertionError if an invariant
    did not hold meanwhile."""
    operator = Through(real, through, namespace)
    run = faults.runs[namespace] = Run(operator, fault)
    with operator.observer:
        async with operator:
            await operator.apply("fraud", **spec("v1"))
            await run.at_rest("v1")
            pods = {p["metadata"]["uid"] for p in await real.cluster.list("Pod", namespace)}
            run.begun = True
            operator.observer.hinder(fault.hinders)
            await STORIES[story](run)
            # the status is written first, and its children follow
            end = await _at_last(operator, pods)
            run.begun = False
    assert not (found := violations(operator.observer.history)), "; ".join(map(str, found))
    return end, run


async def _at_last(operator: Operator, pods: set[str]) -> End:
    """What does not change any more for a while."""
    deadline = time.monotonic() + 60
    end, since = await end_of(operator, pods), time.monotonic()
    while time.monotonic() < since + 4:
        await asyncio.sleep(0.5)
        found = await end_of(operator, pods)
        if found != end:
            assert time.monotonic() < deadline, f"no rest: {end}, then {found}"
            end, since = found, time.monotonic()
    return end


async def examine(
    control: Control, stories: Sequence[str], chosen: Callable[[Fault], bool], every: int = 1
) -> list[Result]:
    """All stories under all faults; of the crashes each `every`-th."""
    results: list[Result] = []
    async with campaign(control) as (at_proxy, real, through):
        turns = asyncio.Semaphore(BESIDE)

        async def one(story: str, fault: Fault, namespace: str, wanted: End) -> None:
            async with turns:
                started = time.monotonic()
                problem = ""
                try:
                    end, run = await told(at_proxy, real, through, namespace, story, fault)
                    if end != wanted:
                        problem = _difference(wanted, end)
                    elif fault.beyond(run):
                        return
                    elif not fault.met:
                        problem = "the fault never befell anything"
                except Exception as error:
                    problem = f"{type(error).__name__}: {error}"[:2000]
                took = time.monotonic() - started
                result = Result(story, fault.name, not problem, round(took, 1), problem)
                results.append(result)
                print(json.dumps(asdict(result)), flush=True)

        for story in stories:
            (first,) = control.namespaces(1)
            wanted, run = await told(at_proxy, real, through, first, story, Undisturbed())
            crashes: list[Fault] = [
                Crash(number, when, what)
                for number, what in list(enumerate(run.writes))[::every]
                for when in ("before", "after")
            ]
            due = [fault for fault in (*faults(), *crashes) if chosen(fault)]
            names = control.namespaces(len(due))
            await asyncio.gather(
                *(one(story, f, n, wanted) for f, n in zip(due, names, strict=True))
            )
            control.forget([first, *names])
    return results


def _difference(wanted: End, found: End) -> str:
    pairs = zip(asdict(wanted).items(), asdict(found).values(), strict=True)
    return "; ".join(f"{name}: {b!r} instead of {a!r}" for (name, a), b in pairs if a != b)


def main(arguments: Sequence[str]) -> int:
    """Run all, or what is chosen; a line of JSON for each run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaign.api_faults", description=__doc__
    )
    parser.add_argument("--story", choices=STORIES, action="append", help="all if left out")
    parser.add_argument("--fault", default="", help="only faults whose name has this in it")
    parser.add_argument("--every", type=int, default=1, help="of the kills, only each so many-th")
    parser.add_argument("--cluster", default="serinus-campaign", help="name of the control cluster")
    options = parser.parse_args(arguments)
    control = Control.up(options.cluster)
    results = asyncio.run(
        examine(
            control,
            options.story or list(STORIES),
            lambda fault: options.fault in fault.name,
            options.every,
        )
    )
    return 0 if results and all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
