"""Headless Chromium, driven by its own protocol."""

import asyncio
import base64
import contextlib
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp

from tests.cluster import cache

AXE_CORE: Final = "4.14.1"
_PATIENCE: Final = 60.0
_START_WITHIN: Final = 180.0
"""Seconds for a browser that is read from a disk, on a machine where pods start."""
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",  # it runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


def chromium() -> str:
    """The browser's program; installed where the machine has none, as Debian's package."""
    if not shutil.which("chromium"):
        with cache.locked("chromium"):
            if not shutil.which("chromium"):
                for words in (["update"], ["install", "--yes", "chromium"]):
                    subprocess.run(["apt-get", "-qq", *words], check=True, stdout=sys.stderr)
    found = shutil.which("chromium")
    assert found, "install Chromium: apt-get install chromium"
    return found


def axe() -> str:
    """The source of axe-core, from its npm package."""

    def build(folder: Path) -> None:
        pack = ["npm", "pack", f"axe-core@{AXE_CORE}", f"--pack-destination={folder}", "--silent"]
        subprocess.run(pack, check=True, stdout=subprocess.DEVNULL)
        (archive,) = folder.glob("*.tgz")
        unpacking = ["tar", "--extract", f"--file={archive}", f"--directory={folder}"]
        subprocess.run(unpacking, check=True)
        archive.unlink()

    folder = cache.part("axe-core", AXE_CORE, build)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


class NavigatedError(Exception):
    """The tab went elsewhere meanwhile."""


class Tab:
    """A page in the browser, and all that it has asked the network for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket, self._session = socket, session
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.requested: list[str] = []
        """URLs."""
        self.complaints: list[str] = []
        """What the browser logged as errors, such as a breach of the page's own policy."""

    async def listen(self) -> None:
        """Take in what the browser says, until cancelled."""
        async for message in self._socket:
            told = json.loads(message.data)
            if waiting := self._answers.pop(told.get("id", 0), None):
                waiting.set_result(told)
            elif told.get("sessionId") == self._session:
                self._hear(told["method"], told["params"])

    def _hear(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requested.append(told["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"])[:500])

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, and its result."""
        number = next(self._numbers)
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(
            {"id": number, "sessionId": self._session, "method": method, "params": params}
        )
        told = await asyncio.wait_for(waiting, _PATIENCE)
        if "navigated" in str(told.get("error")):
            raise NavigatedError
        assert "error" not in told, f"{method}: {told['error']}"
        result: dict[str, Any] = told["result"]
        return result

    async def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        self._loaded.clear()
        await self.send("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), _PATIENCE)

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; of what it promises, if it promises."""
        told = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(
        self, script: str, holds: Callable[[Any], bool] = bool, within: float = _PATIENCE
    ) -> Any:
        """The value of an expression once it holds."""
        async with asyncio.timeout(within):
            while True:
                with contextlib.suppress(NavigatedError):
                    if holds(found := await self.run(script)):
                        return found
                await asyncio.sleep(0.05)

    async def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the window, and the theme that its user prefers."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def press(self, key: str, code: int) -> None:
        """A key of the keyboard."""
        typed = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        if key == "Enter":
            typed["text"] = "\r"
        await self.send("Input.dispatchKeyEvent", type="keyDown", **typed)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **typed)

    async def picture(self, path: Path) -> None:
        """What is in the window, as PNG."""
        told = await self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))

    async def violations(self) -> list[str]:
        """What axe-core finds to be serious or critical."""
        await self.run(axe() + "; true")
        found = await self.run("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


@asynccontextmanager
async def browser() -> AsyncIterator[Tab]:
    """A tab of a browser of its own."""
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(chromium(), *_FLAGS, f"--user-data-dir={profile}", "about:blank"),
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with aiohttp.ClientSession() as http:
                socket = await http.ws_connect(await _address(process), max_msg_size=0)
                async with _tab(socket) as tab:
                    yield tab
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr
    async with asyncio.timeout(_START_WITHIN):
        async for line in process.stderr:
            if found := re.search(r"listening on (ws://\S+)", line.decode()):
                return found[1]
    raise AssertionError("Chromium did not start")


@asynccontextmanager
async def _tab(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Tab]:
    async def ask(number: int, method: str, **params: Any) -> dict[str, Any]:
        await socket.send_json({"id": number, "method": method, "params": params})
        while True:
            told = await socket.receive_json(timeout=_PATIENCE)
            if told.get("id") == number:
                result: dict[str, Any] = told["result"]
                return result

    made = await ask(1, "Target.createTarget", url="about:blank")
    attached = await ask(2, "Target.attachToTarget", targetId=made["targetId"], flatten=True)
    tab = Tab(socket, attached["sessionId"])
    listening = asyncio.create_task(tab.listen())
    try:
        for domain in ("Page", "Network", "Log", "Runtime"):
            await tab.send(f"{domain}.enable")
        yield tab
    finally:
        listening.cancel()
        await asyncio.wait([listening])
