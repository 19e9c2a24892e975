"""The same courses on a real API server, with its real controllers, fake pods, and moved time.

Many run beside each other, each in a namespace of its own. Time moves only while nothing is under
way, so that a second of the cluster's never looks like a minute of the operator's. Pods ask for a
node that no cluster has: nobody but this module, in the kubelet's place, says how they are.
"""

import asyncio
import contextlib
import heapq
import itertools
import json
import logging
import os
import random
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Final, Self
from unittest.mock import patch

import aiohttp
from kubernetes import aio

from serinus.api.base import rfc3339
from serinus.cluster import ApiError, Cluster, connect
from serinus.controller.app import App
from serinus.controller.pace import Pace
from serinus.manifests.kinds import KINDS, WATCHED
from serinus.manifests.task import JOB_NAME_LABEL, TASK_LABEL
from tests.campaign.control import Control
from tests.campaign.crashes import WHOSE
from tests.campaign.history import Snapshot
from tests.campaign.memory.api import selected
from tests.campaign.memory.jobs import CODES, JOB_TAKES, UNPULLED
from tests.campaign.memory.pods import Pod
from tests.campaign.memory.world import World
from tests.campaign.wire import Reply, Request, Wire
from tests.stage.gateways import ACCEPTED, NAME, public

Manifest = dict[str, Any]

CLUSTER: Final = "serinus-campaign"
NODE: Final = "fake-0"
STEP: Final = 15.0
"""Seconds of the operator's by which time moves at once, at most."""
CLUSTER_TIME: Final = 0.01
"""Seconds of the operator's that a second of the cluster's takes: a busy machine is no slow one."""
STUCK: Final = 20.0
"""Seconds for which something may be under way; then time moves all the same."""
MOST_STUCK: Final = 6
"""How often that may happen in one course."""
QUIET: Final = 0.08
"""Seconds in which nothing must have happened before time moves."""
COLLECTED: Final = 120.0
"""Seconds of the cluster's in which children are collected; the collector looks for new kinds
every half minute, and ours may be that new."""
_MIRRORED: Final = (
    *("ModelDeployment", "Deployment", "Service", "HTTPRoute", "Gateway"),
    *("ControllerRevision", "Job", "Pod", "EndpointSlice"),
)

Hear = Callable[[str, Manifest], None]


class RealApi:
    """One connection to an API server, and one watch of each kind for all who listen."""

    def __init__(self, api: aio.client.ApiClient, cluster: Cluster) -> None:
        self._api = api
        self.cluster = cluster
        self._hearing: dict[str, Hear] = {}
        self._known: dict[str, dict[tuple[str, str], Manifest]] = {}
        """By kind, what was told last, by namespace and name."""

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls) -> AsyncIterator[Self]:
        """By KUBECONFIG, as the operator itself; every kind was listed."""
        # what waits for the API server waits in the time that is moved
        patches = (
            patch.object(Pace.__init__, "__defaults__", (_moved,)),
            patch("serinus.controller.unwritten.time", SimpleNamespace(monotonic=_moved)),
            patch("serinus.controller.reconcile.time", SimpleNamespace(monotonic=_moved)),
        )
        async with connect(timeout=60.0) as cluster:
            found = cls(cluster._api, cluster)
            begun = {kind: asyncio.Event() for kind in _MIRRORED}
            tasks = [asyncio.create_task(found._watch(kind, begun[kind])) for kind in _MIRRORED]
            try:
                for each in begun.values():
                    await each.wait()
                with contextlib.ExitStack() as stack:
                    for clock in patches:
                        stack.enter_context(clock)
                    yield found
            finally:
                for task in tasks:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task

    def hear(self, namespace: str, hear: Hear | None) -> None:
        """Tell of what is in a namespace, and from now on of what happens there; None ends it."""
        if hear is None:
            self._hearing.pop(namespace, None)
            return
        self._hearing[namespace] = hear
        for known in self._known.values():
            for (where, _), live in known.items():
                if where == namespace:
                    hear("MODIFIED", live)

    async def send(self, request: Request) -> Reply:
        """Send it as it is."""
        text = isinstance(request.raw, str | bytes) or "yaml" in request.content_type
        found = await self._api.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query.items()),
            body=json.dumps(request.body) if text else request.body,
            auth_settings=["BearerToken"],
            header_params={"Accept": "application/json", "Content-Type": request.content_type},
        )
        answer = await self._api.call_api(*found, _request_timeout=60.0)
        return Reply(answer.status, await answer.read(), dict(answer.headers), answer.reason or "")

    @contextlib.asynccontextmanager
    async def namespace(self) -> AsyncIterator[str]:
        """A new one, deleted afterwards without waiting for it."""
        name = f"c-{secrets.token_hex(4)}"
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        path = "/api/v1/namespaces"
        await self.send(Request("POST", path, {}, "application/json", manifest))
        gateways = KINDS["Gateway"].path(name)
        made = await self.send(Request("POST", gateways, {}, "application/json", public(name)))
        accepted = {**json.loads(made.body), "status": ACCEPTED}
        path_of_status = f"{gateways}/{NAME}/status"
        await self.send(Request("PUT", path_of_status, {}, "application/json", accepted))
        try:
            yield name
        finally:
            await self.send(Request("DELETE", f"{path}/{name}", {}, "application/json", None))

    async def _watch(self, kind: str, begun: asyncio.Event) -> None:
        while True:
            try:
                pages = [page async for page in self.cluster.pages(kind)]
                listed = [live for found, _ in pages for live in found]
                version = pages[-1][1]
                self._catch_up(kind, listed)
                begun.set()
                await self._follow(kind, version)
            except (ApiError, aiohttp.ClientError, OSError, ValueError):
                await asyncio.sleep(0.5)

    def _catch_up(self, kind: str, listed: Iterable[Manifest]) -> None:
        """Tell of what happened while there was no watch."""
        before, now = self._known.get(kind, {}), {_place(live): live for live in listed}
        for place, live in list(before.items()):
            if place not in now:
                self._tell(kind, "DELETED", live)
        for place, live in now.items():
            known = before.get(place)
            if known is None or _version(known) != _version(live):
                self._tell(kind, "MODIFIED", live)

    async def _follow(self, kind: str, version: int) -> None:
        query = [("watch", "1"), ("resourceVersion", str(version)), ("timeoutSeconds", "3600")]
        request = await self._api.param_serialize(
            "GET",
            KINDS[kind].path(),
            query_params=query,
            auth_settings=["BearerToken"],
            header_params={"Accept": "application/json"},
        )
        answer = await self._api.call_api(*request, _request_timeout=3700.0)
        head = {"apiVersion": KINDS[kind].api_version, "kind": kind}
        rest = b""
        async for chunk in answer.response.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in filter(None, lines):
                event = json.loads(line)
                if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                    return
                self._tell(kind, event["type"], {**event["object"], **head})

    def _tell(self, kind: str, event: str, live: Manifest) -> None:
        known = self._known.setdefault(kind, {})
        if event == "DELETED":
            known.pop(_place(live), None)
        else:
            known[_place(live)] = live
        hear = self._hearing.get(live["metadata"]["namespace"])
        if hear is not None:
            hear(event, live)


def _place(live: Manifest) -> tuple[str, str]:
    return live["metadata"]["namespace"], live["metadata"]["name"]


def _version(live: Manifest) -> str:
    return str(live["metadata"]["resourceVersion"])


_STAGE: ContextVar["RealStage"] = ContextVar("stage")
"""On which the code that asks runs."""


def _moved() -> float:
    """The monotonic clock, with the time that was let pass."""
    stage = _STAGE.get(None)
    return time.monotonic() + (stage.ahead if stage is not None else 0.0)


class RealStage(World):
    """A namespace of a real API server, and the operator that serves it alone."""

    def __init__(self, real: RealApi, namespace: str) -> None:
        self._real = real
        self._began = time.time()
        self.ahead = 0.0
        """Seconds that were let pass."""
        self._busy = 0.0
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._bound: set[str] = set()
        self._written: dict[tuple[str, str], int] = {}
        """The newest version of what was written here, by kind and name."""
        self._heard_of: dict[tuple[str, str], int] = {}
        """The newest version that a watch told of, that of its end included."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turns: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        """By kind and name: two writes of one status must not overtake each other."""
        self._stuck = 0
        super().__init__(namespace=namespace)
        self.api.watchers = [self.gateway.seen, self._seen]
        self.gateway.write_status = self._write_route_status
        self.pods.later = self._at
        self.pods.tell_of = self.tell_of

    async def __aenter__(self) -> Self:
        logging.getLogger("serinus").addHandler(self._crashes)
        self._real.hear(self.namespace, self._heard)
        self._record()
        self.launch()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.history.end = self.now
        self._real.hear(self.namespace, None)
        self.end()
        for task in [*self._leaving, *self._tasks]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        logging.getLogger("serinus").removeHandler(self._crashes)

    @property
    def now(self) -> float:
        """Unix seconds by the operator's clock."""
        return self._began + (time.time() - self._began) * CLUSTER_TIME + self.ahead

    def launch(self) -> None:
        """A replica of the operator for this namespace, with the real watches."""
        self._wire = Wire(self._send, self._note)
        self._wire.faults = self.faults
        cluster = Cluster(self._wire, 60.0)  # type: ignore[arg-type]
        self.app = App(
            cluster,
            self.prometheus,
            namespaces=(self.namespace,),
            registries=self.registry,
            clock=lambda: self.now,
        )
        _STAGE.set(self)
        WHOSE.set(self.history)
        self._running = asyncio.create_task(self.app.run())
        self.hindered.discard("operator")
        self._changed()

    # moved time

    async def wait(self, seconds: float) -> None:
        """Let time go by."""
        end = self.now + seconds
        while self.now < end:
            await self._move(end - self.now)
        self._record()

    async def until(self, holds: Callable[[Snapshot], bool], within: float = 600.0) -> Snapshot:
        """How things stand once the condition holds."""
        deadline = self.now + within
        while True:
            await asyncio.sleep(0)
            last = self.history.snapshots[-1]
            if not self._recording and holds(last):
                return last
            if self.now >= deadline:
                told = last.status.get("message", "no status")
                raise AssertionError(f"not within {within:g} s; it says: {told}")
            await self._move(deadline - self.now, holds)

    async def _move(self, seconds: float, holds: Callable[[Snapshot], bool] | None = None) -> None:
        """Wait until nothing is under way, then let time pass until something is due."""
        self._check_the_operator()
        started = time.monotonic()
        while time.monotonic() - started < STUCK:
            if holds is not None and holds(self.history.snapshots[-1]):
                return
            if (
                time.monotonic() - self._busy > QUIET
                and self._watches_are_done()
                and not self.gateway.waiting
                and not self._recording
                and self._controllers_are_done()
                and self._the_operator_is_done()
            ):
                break
            await asyncio.sleep(0.02)
        else:
            self._stuck += 1
            assert self._stuck <= MOST_STUCK, f"something was under way for {STUCK:g} s each time"
        self._skip(max(0.0, min(seconds, STEP, self._next_due() - self.now)))
        while self._timers and self._timers[0][0] <= self.now:
            heapq.heappop(self._timers)[2]()
            self._busy = time.monotonic()
        self.look_at_the_operator()
        if self.app is not None:
            self.app.queue.wake.set()
            self.app.sampler.wake.set()
        await asyncio.sleep(0.02)

    def _next_due(self) -> float:
        """When time alone makes something happen."""
        due = [moment for moment, *_ in self._timers[:1]]
        if self.app is not None and self._running is not None:
            queue, waited = self.app.queue, asyncio.get_running_loop().time()
            due += [moment for moment, _ in queue._heap[:1]]
            due += [self.now + each.timer.when() - waited for each in queue._retries.values()]
            due += self.app.sampler.due()
        return min(due, default=float("inf"))

    def _skip(self, seconds: float) -> None:
        """Let time pass, for what failed and waits to be tried again too."""
        self.ahead += seconds
        if self.app is None or self._running is None:
            return
        queue, now = self.app.queue, asyncio.get_running_loop().time()
        for key, each in list(queue._retries.items()):
            each.timer.cancel()
            left = max(0.0, each.timer.when() - now - seconds)
            queue._schedule(key, left, each.earliest - seconds)

    def _controllers_are_done(self) -> bool:
        """Whether Deployments and endpoints tell of the pods as they are, and each Job that has not
        ended has one."""
        if self._jobs_without_a_pod():
            return False
        for live in self.api.all("Deployment", self.namespace):
            status, metadata = live.get("status") or {}, live["metadata"]
            mine = [p for p in self.pods.pods.values() if p.deployment == metadata["name"]]
            if status.get("observedGeneration") != metadata["generation"]:
                return False
            if len(mine) != live["spec"]["replicas"]:
                return False
            if status.get("readyReplicas", 0) != sum(pod.ready for pod in mine):
                return False
        told = {
            address
            for each in self.api.all("EndpointSlice", self.namespace)
            for endpoint in each.get("endpoints") or []
            if endpoint["conditions"].get("ready")
            for address in endpoint["addresses"]
        }
        behind = {
            pod.address
            for service in self.api.all("Service", self.namespace)
            for pod in self.pods.behind(service)
        }
        return told == behind

    def _jobs_without_a_pod(self) -> bool:
        """Whether the controller of Jobs is to make one, which it does some seconds after it has
        lost the one before."""
        pods = (each["metadata"] for each in self.api.all("Pod", self.namespace))
        stay = (each["labels"] for each in pods if "deletionTimestamp" not in each)
        have_one = {labels.get(JOB_NAME_LABEL) for labels in stay}
        return any(
            live["metadata"]["name"] not in have_one
            for live in self.api.all("Job", self.namespace)
            if not (live.get("status") or {}).get("conditions")
            and "deletionTimestamp" not in live["metadata"]
        )

    def _watches_are_done(self) -> bool:
        """Whether ours have told of everything that was written."""
        return all(
            self._heard_of.get(place, 0) >= version for place, version in self._written.items()
        )

    def _the_operator_is_done(self) -> bool:
        """Whether its watches have told it of what ours have told us, and it has acted on it."""
        if self.app is None or self._running is None:
            return True
        if not self.app._leading or self.app.queue.depth or self.app.queue._active:
            return False
        return all(
            (seen := self.app.store.get(kind, self.namespace, live["metadata"]["name"])) is not None
            and int(_version(seen)) >= int(_version(live))
            for kind, selector in WATCHED.items()
            for live in self.api.all(kind, self.namespace)
            if selected(live, selector)
        )

    def _at(self, delay: float, call: Callable[[], object]) -> None:
        heapq.heappush(self._timers, (self.now + delay, next(self._order), call))

    async def delete(self) -> None:
        """Delete it; the garbage collector takes its time, which is not the operator's."""
        await super().delete()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COLLECTED):
                while self.history.snapshots[-1].children:
                    await asyncio.sleep(0.1)

    # the real API server

    async def _send(self, request: Request) -> Reply:
        self._busy = time.monotonic()
        body = request.body
        if self.api.admit and isinstance(body, dict) and "kind" in body:
            for webhook in self.api.admit:
                webhook(body)
        try:
            answer = await self._real.send(request)
        finally:
            self._busy = time.monotonic()
        kind = request.place[0]
        if request.method in ("POST", "PUT", "PATCH") and kind in _MIRRORED and answer.status < 300:
            metadata = json.loads(answer.body)["metadata"]
            if metadata:
                self._written[kind, metadata["name"]] = int(metadata["resourceVersion"])
        return answer

    def _heard(self, event: str, live: Manifest) -> None:
        self._busy = time.monotonic()
        self.api.mirror(event, live)
        self._heard_of[live["kind"], live["metadata"]["name"]] = int(_version(live))
        if live["kind"] == "Pod":
            self._pod(event, live)
        if live["kind"] == "HTTPRoute":
            self.gateway.seen(event, live)
        self._seen(event, live)

    def _do(self, course: Any) -> None:
        async def quietly() -> None:
            with contextlib.suppress(ApiError):
                await course

        task = asyncio.create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write_route_status(self, route: Manifest, status: Manifest) -> None:
        self._do(self._patch_status("HTTPRoute", route["metadata"]["name"], status))

    async def _patch_status(self, kind: str, name: str, status: Manifest) -> None:
        path = KINDS[kind].path(self.namespace, name, "/status")
        content = "application/merge-patch+json"
        async with self._turns[kind, name]:
            await self._send(Request("PATCH", path, {}, content, {"status": status}))

    # in the kubelet's place

    def _pod(self, event: str, live: Manifest) -> None:
        name = live["metadata"]["name"]
        if TASK_LABEL in live["metadata"]["labels"]:
            if event == "ADDED":
                self._at(JOB_TAKES, lambda: self._end_of_a_job(live))
        elif event == "DELETED" or live["metadata"].get("deletionTimestamp"):
            pod = self.pods.pods.pop(name, None)
            if pod is not None:
                pod.settle(self.now)
                pod.ready, pod.running, pod.life = False, False, pod.life + 1
                self.pods.gone.append(pod)
        elif name not in self.pods.pods:
            self.pods.begin(_pod(live, self.now))

    def _end_of_a_job(self, live: Manifest) -> None:
        if self.jobs.how == UNPULLED:
            self._at(JOB_TAKES, lambda: self._end_of_a_job(live))
            return
        # one that never ends is given up by the operator: a Job's own deadline is not in moved time
        code = CODES.get(self.jobs.how)
        ended = {"exitCode": code, "finishedAt": rfc3339(time.time())}
        state = {"running": {}} if code is None else {"terminated": ended}
        container = live["spec"]["containers"][0]
        told = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": state,
        }
        phase = "Running" if code is None else "Failed" if code else "Succeeded"
        status = {"phase": phase, "containerStatuses": [told]}
        self._do(self._patch_status("Pod", live["metadata"]["name"], status))

    async def lose_nodes_of_jobs(self) -> None:
        """Their pods are evicted, which marks them as disrupted from outside."""
        self.act("the pods of Jobs are lost")
        for live in await self.user.list("Pod", self.namespace, TASK_LABEL):
            await self.user.evict(self.namespace, live["metadata"]["name"])

    def tell_of(self, pod: Pod) -> None:
        """Write what the kubelet would."""
        live = self.api.find("Pod", self.namespace, pod.name)
        if live is not None:
            self._do(self._write_pod(pod, live))

    async def _write_pod(self, pod: Pod, live: Manifest) -> None:
        await self._patch_status("Pod", pod.name, _status(pod, live))
        if live["spec"].get("nodeName") or pod.name in self._bound:
            return
        # one that has an address already is left alone by what plays kubelet on that node
        self._bound.add(pod.name)
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": self.namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }
        path = KINDS["Pod"].path(self.namespace, pod.name, "/binding")
        await self._send(Request("POST", path, {}, "application/json", binding))

    async def lose_pods(self, revision: str) -> None:
        """All pods of a revision are gone with their nodes."""
        self.act(f"the pods of {revision} are lost")
        for pod in self.pods.of(revision):
            path = KINDS["Pod"].path(self.namespace, pod.name)
            options = {"gracePeriodSeconds": 0}
            await self._send(Request("DELETE", path, {}, "application/json", options))


def _pod(live: Manifest, now: float) -> Pod:
    metadata = live["metadata"]
    env = live["spec"]["containers"][0].get("env") or []
    number = random.randrange(60_000)
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        address=f"10.{number // 250}.{number % 250}.{random.randrange(1, 250)}",
        deployment=metadata["name"].rsplit("-", 2)[0],
        namespace=metadata["namespace"],
        labels=metadata["labels"],
        version=next((e.get("value", "") for e in env if e["name"] == "MODEL_VERSION"), ""),
        born=now,
    )


def _status(pod: Pod, live: Manifest) -> Manifest:
    ready = "True" if pod.ready else "False"
    container = live["spec"]["containers"][0]
    state: Manifest = {"running": {"startedAt": None}} if pod.running else {}
    if pod.waits:
        state = {"waiting": {"reason": "CrashLoopBackOff"}}
    elif not pod.running:
        state = {"terminated": pod.ended}
    kinds = ("Ready", "ContainersReady", "Initialized", "PodScheduled")
    return {
        "phase": "Running",
        "podIP": pod.address,
        "podIPs": [{"ip": pod.address}],
        "conditions": [
            {
                "type": kind,
                "status": ready if "Ready" in kind else "True",
                "lastTransitionTime": rfc3339(pod.turned if "Ready" in kind else pod.born),
            }
            for kind in kinds
        ],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": pod.ready,
                "started": pod.running,
                "restartCount": pod.restarts,
                "state": state,
                "lastState": {"terminated": pod.ended} if pod.ended else {},
            }
        ],
    }


@contextlib.asynccontextmanager
async def namespaces(count: int) -> AsyncIterator[tuple[RealApi, list[str]]]:
    """So many on the campaign's own cluster."""
    control = await asyncio.to_thread(Control.up, CLUSTER)
    names = await asyncio.to_thread(control.namespaces, count)
    os.environ["KUBECONFIG"] = str(control.kubeconfig)
    try:
        async with RealApi.connected() as real:
            yield real, names
    finally:
        await asyncio.to_thread(control.forget, names)
