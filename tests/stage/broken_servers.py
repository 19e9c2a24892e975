"""The example model's server, broken on purpose in ways that no version of the model is."""

from collections.abc import Mapping
from typing import Any, Final

from tests.stage.manifests import SERVING

_LEAKS: Final = """
import server

answer, kept = server.ModelServer.infer, []

async def infer(self, request):
    kept.append(b"x" * (LEAK << 20))
    return await answer(self, request)

server.ModelServer.infer = infer
server.main()
"""
_HANGS: Final = """
import asyncio, signal, server

answer, hangs = server.ModelServer.infer, [True]
signal.signal(signal.SIGUSR1, lambda *_: hangs.clear())

async def infer(self, request):
    while hangs:
        await asyncio.sleep(0.1)
    return await answer(self, request)

server.ModelServer.infer = infer
server.main()
"""
_DEPENDS: Final = """
import server, urllib.request
from starlette.concurrency import run_in_threadpool

answer = server.ModelServer.infer

def features():
    urllib.request.urlopen("URL/v2/health/ready", timeout=2).close()

async def infer(self, request):
    try:
        await run_in_threadpool(features)
    except OSError:
        with self.metrics.request() as counted:
            counted.code = 503
            return server._error(503, "the features cannot be read")
    return await answer(self, request)

server.ModelServer.infer = infer
server.main()
"""
_FAILS: Final = """
import os, random, signal, scorecard, server

scores, share = scorecard.Scorecard.scores, [SHARE]
signal.signal(signal.SIGUSR1, lambda *_: share.insert(0, 0.9))

def failing(self, rows):
    if random.random() < share[0]:
        raise RuntimeError("broken on purpose")
    return scores(self, rows)

scorecard.Scorecard.scores = failing
server.main()
"""
_OVERLOADED: Final = """
import asyncio, signal, server
from starlette.responses import JSONResponse

answer, ready = server.ModelServer.infer, server.ModelServer.ready
slow, under_way = [], []
signal.signal(signal.SIGUSR1, lambda *_: slow.append(True))

async def infer(self, request):
    if slow:
        under_way.append(request)
        await asyncio.sleep(SECONDS)
        under_way.remove(request)
    return await answer(self, request)

async def ready_if_idle(self, request):
    return JSONResponse({}, 503) if under_way else await ready(self, request)

server.ModelServer.infer, server.ModelServer.ready = infer, ready_if_idle
server.main()
"""

_TAKES: Final = """
import scorecard, server, time

scores = scorecard.Scorecard.scores

def later(self, rows):
    time.sleep(SECONDS)
    return scores(self, rows)

scorecard.Scorecard.scores = later
server.main()
"""

_COLD: Final = """
import scorecard, server, time

scores, first = scorecard.Scorecard.scores, []

def later(self, rows):
    first.append(time.monotonic())
    if time.monotonic() < first[0] + SECONDS:
        time.sleep(EACH)
    return scores(self, rows)

scorecard.Scorecard.scores = later
server.main()
"""

_CUTS: Final = """
import random, server

served = server.ModelServer.app

def app(self):
    answers = served(self)

    async def cutting(scope, receive, send):
        async def cut(message):
            starts = message["type"] == "http.response.start"
            if starts and scope["path"].endswith("/infer") and random.random() < SHARE:
                send.__self__.transport.abort()
            await send(message)

        await answers(scope, receive, cut)

    return cutting

server.ModelServer.app = app
server.main()
"""


def cutting(share: float) -> Mapping[str, Any]:
    """A container that counts each request as answered, and cuts the connections of this share of
    them before the answer."""
    return {**SERVING, "command": ["python", "-c", _CUTS.replace("SHARE", str(share))]}


def cold(seconds: float, each: float) -> Mapping[str, Any]:
    """A container that takes so much longer for each request, in the first seconds after its first
    one."""
    script = _COLD.replace("SECONDS", str(seconds)).replace("EACH", str(each))
    return {**SERVING, "command": ["python", "-c", script]}


def taking(seconds: float) -> Mapping[str, Any]:
    """A container that takes so much longer for each request."""
    return {**SERVING, "command": ["python", "-c", _TAKES.replace("SECONDS", str(seconds))]}


def overloaded(seconds: float) -> Mapping[str, Any]:
    """A container that, once it gets SIGUSR1, takes so long for each request, and is not ready
    while one is under way."""
    return {**SERVING, "command": ["python", "-c", _OVERLOADED.replace("SECONDS", str(seconds))]}


def failing(share: float | str) -> Mapping[str, Any]:
    """A container whose model fails for this share of requests, and for nine tenths of them once
    it gets SIGUSR1."""
    return {**SERVING, "command": ["python", "-c", _FAILS.replace("SHARE", str(share))]}


def failing_on(node: str) -> Mapping[str, Any]:
    """A container whose model fails for every request on this node, and for none elsewhere."""
    here = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    return {**failing(f'float(os.environ["NODE"] == "{node}")'), "env": [here]}


def leaking(limit: str, mebibytes: int) -> Mapping[str, Any]:
    """A container that keeps so much memory of each request, until the kernel kills it."""
    resources = {"requests": {"cpu": "25m", "memory": "64Mi"}, "limits": {"memory": limit}}
    command = ["python", "-c", _LEAKS.replace("LEAK", str(mebibytes))]
    return {**SERVING, "resources": resources, "command": command}


def hanging() -> Mapping[str, Any]:
    """A container that is ready, and answers no request until it gets SIGUSR1."""
    return {**SERVING, "command": ["python", "-c", _HANGS]}


def depending(url: str) -> Mapping[str, Any]:
    """A container that answers 503 while another server, at this URL, does not answer it."""
    return {**SERVING, "command": ["python", "-c", _DEPENDS.replace("URL", url)]}
