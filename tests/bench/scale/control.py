"""The control plane that is measured on: a cluster of the bench's own, whose nodes are fake."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serinus.cluster import Cluster, connect
from serinus.manifests.kinds import KINDS
from tests.cluster import description
from tests.cluster.box import Box
from tests.cluster.kubectl import Kubectl

ROOT: Final = Path(__file__).parents[3]
NAME: Final = "serinus-scale"
NODES: Final = 40
"""With room for two pods of each revision of 2,000 rollouts, and for what is being replaced."""

Manifest = dict[str, Any]
Requests = Counter[tuple[str, str]]
"""Requests by (verb, kind)."""

_ALL_THAT_IS_THERE: Final = (
    "watch=true&allowWatchBookmarks=true"
    "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion="
)
_THAT_WAS_ALL: Final = "k8s.io/initial-events-end"
_LONGEST_EVENT: Final = 1 << 22
_WATCH_AGAIN: Final = 0.2
_VERBS: Final = {
    "GET": "get",
    "LIST": "list",
    "POST": "create",
    "PUT": "update",
    "APPLY": "apply",
    "PATCH": "apply",  # as an apply is counted whose content type names its charset
    "DELETE": "delete",
}
_SERVED: Final = re.compile(
    r'^apiserver_request_total\{.*resource="(\w+)".*subresource="(\w*)",verb="(\w+)".*\} (\S+)$',
    re.MULTILINE,
)


@dataclass(frozen=True)
class Seen:
    """An event of a watch; what was there before comes first, as ADDED."""

    type: str
    object: Manifest


@dataclass(frozen=True)
class Control:
    """The API server, for all that is not the operator."""

    kubectl: Kubectl
    client: Cluster
    process: int | None
    """Below which all of the control plane runs; None where that is not known."""

    @asynccontextmanager
    async def following(self, path: str, take: Callable[[Seen], None]) -> AsyncIterator[None]:
        """Hand over each event of a collection, by its path in the API."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._follow(path, take))
            yield
            task.cancel()

    async def _follow(self, path: str, take: Callable[[Seen], None]) -> None:
        """A watch that the API server ends begins anew, with all that is there; what is not there
        any more was deleted meanwhile."""
        path += ("&" if "?" in path else "?") + _ALL_THAT_IS_THERE
        there: dict[str, Manifest] = {}
        while True:
            unseen = dict(there)
            async for event in self._watch(path):
                metadata = event.object["metadata"]
                if event.type == "BOOKMARK":
                    if _THAT_WAS_ALL in metadata.get("annotations", {}):
                        for uid in unseen:
                            take(Seen("DELETED", there.pop(uid)))
                    continue
                unseen.pop(metadata["uid"], None)
                there[metadata["uid"]] = event.object
                if event.type == "DELETED":
                    del there[metadata["uid"]]
                take(event)
            await asyncio.sleep(_WATCH_AGAIN)

    async def _watch(self, path: str) -> AsyncIterator[Seen]:
        process = await asyncio.create_subprocess_exec(
            *(str(self.kubectl.program), f"--kubeconfig={self.kubectl.kubeconfig}"),
            *("get", f"--raw={path}"),
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_EVENT,
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                event = json.loads(line)
                if event["type"] == "ERROR":  # too old, for one
                    break
                yield Seen(event["type"], event["object"])
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def served(self) -> Requests:
        """What the API server has answered so far, to anybody, of the kinds that Serinus uses.

        Writes of a status are counted only where the operator writes it.
        """
        text = await asyncio.to_thread(self.kubectl.call, "get", "--raw=/metrics")
        kinds = {kind.plural: kind.name for kind in KINDS.values()}
        found: Requests = Counter()
        for plural, sub, verb, count in _SERVED.findall(text):
            ours = sub == ("status" if plural == "modeldeployments" and verb == "PUT" else "")
            if ours and plural in kinds and verb in _VERBS:
                found[_VERBS[verb], kinds[plural]] += int(float(count))
        return found


@contextmanager
def _cluster() -> Iterator[Kubectl]:
    command = [sys.executable, "-m", "tests.cluster"]
    up = ["up", "--profile=control", f"--name={NAME}", f"--fake-nodes={NODES}"]
    down = ["down", f"--name={NAME}"]
    # what an earlier run that was killed has left behind would be measured too
    for words in (down, up):
        subprocess.run([*command, *words], cwd=ROOT, check=True)
    try:
        found = description.read(description.folder_of(NAME))
        assert found is not None
        yield Kubectl(Path(found["tools"]["kubectl"]), Path(found["kubeconfig"]))
    finally:
        subprocess.run([*command, *down], cwd=ROOT, check=True)


@asynccontextmanager
async def control_plane() -> AsyncIterator[Control]:
    """Started, with our CRD; ended, with all that is in it."""
    with _cluster() as kubectl:
        crds = f"--filename={ROOT / 'crds'}"
        kubectl.call("apply", "--server-side", crds)
        kubectl.wait_for_crd("modeldeployments.serinus.dev")
        os.environ["KUBECONFIG"] = str(kubectl.kubeconfig)
        async with connect(timeout=60) as client:
            yield Control(kubectl, client, _process())


def _process() -> int | None:
    found = Box(description.folder_of(NAME)).processes()
    return next((pid for pid, is_first in found.items() if is_first), None)
