"""The page in a real browser, over the real API server."""

import asyncio
import copy
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web

from serinus.cluster import Cluster
from serinus.page.known import KnownObjects
from serinus.page.rendering import RowFilter, rows
from serinus.page.server import Page
from serinus.page.snapshot import EVERY
from serinus.page.viewers import Everyone
from tests.integration.conftest import ROOT
from tests.integration.pages import Served, below, listening, person, put, served
from tests.integration.proxy import Proxy, Request, refused
from tests.support.browser import Tab, browser
from tests.support.exhaustive import short
from tests.support.replayed import replayed

STATES: Final = list(replayed())
MANY: Final = 500
PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    async with browser() as found:
        await found.look(*DESK)
        yield found
        assert found.complaints == []


@pytest.fixture
async def page(kubeconfig: Path) -> AsyncIterator[Served]:
    async with served(kubeconfig) as found:
        yield found


async def logged_in(tab: Tab, url: str, token: str) -> None:
    """As a person does it."""
    await tab.open(url)  # answers 401, which the browser logs
    await tab.run(f"document.querySelector('#token').value = {token!r}")
    await tab.run("document.querySelector('.login').requestSubmit()")
    await tab.until("Boolean(document.querySelector('#rows'))")
    tab.complaints.clear()


async def test_a_person_logs_in_filters_opens_a_rollout_and_sees_it_change(
    tab: Tab, page: Served, cluster: Cluster, namespace: str
) -> None:
    await put(cluster, STATES[0], namespace, "loan")
    await put(cluster, STATES[0], namespace, "other")
    await page.until("/", "other", token := person(namespace, sees=namespace))
    await logged_in(tab, page.url, token)
    names = "[...document.querySelectorAll('tbody a')].map((each) => each.innerText).join(' ')"
    # the document is still being read when the first row is there
    await tab.until(names, lambda found: found == f"{namespace}/loan {namespace}/other")
    await tab.run("document.querySelector('#q').focus()")
    await tab.send("Input.insertText", text="LOAN")
    await tab.until(names, lambda found: found == f"{namespace}/loan")
    assert "q=LOAN" in await tab.run("location.search")

    # by the keyboard alone: the phase, and the first name
    for _ in range(2):
        await tab.press("Tab", 9)
    assert await tab.run("document.activeElement.innerText") == f"{namespace}/loan"
    await tab.press("Enter", 13)
    await tab.until("Boolean(document.querySelector('#rollout'))")
    for state in STATES[1:-1]:
        await put(cluster, state, namespace, "loan")
        await asyncio.sleep(0)
    await tab.until(_TEXT, lambda found: "Check" in found and "candidate" in found)
    await tab.until("document.querySelectorAll('.plot canvas').length", lambda n: n >= 3)
    table = "document.getElementById('evidence/errors').open"
    await tab.run(f"{table} = true")
    assert "candidate" in await tab.run("document.querySelector('#say').innerText")
    await put(cluster, STATES[-1], namespace, "loan")
    await tab.until(_TEXT, lambda found: "CheckFailed" in found and "RolledBack" in found)
    assert await tab.run(table), "the table that was opened is closed"
    assert all(url.startswith(page.url) for url in tab.requested), tab.requested

    # and the browser is told when the viewer may not see it any more
    page.known.remove({"metadata": {"namespace": namespace, "name": "loan"}})
    await tab.until(_TEXT, lambda found: "nothing that you may see" in found)
    tab.complaints.clear()  # it logs the 404


async def test_below_another_path_of_a_proxy_everything_works(
    tab: Tab, page: Served, cluster: Cluster, namespace: str
) -> None:
    await put(cluster, STATES[1], namespace, "loan")
    await page.until("/", "loan", token := person(namespace, sees=namespace))
    async with below("/tools/serinus", page.url) as url:
        await logged_in(tab, url, token)
        await tab.run("document.querySelector('#q').focus()")
        await tab.send("Input.insertText", text="nothing")
        await tab.until(_TEXT, lambda found: "No rollout matches" in found)
        assert await tab.run("location.pathname") == "/tools/serinus/"
        await tab.run("document.querySelector('#rows a').click()")
        await tab.until("Boolean(document.querySelector('tbody a'))")
        await tab.run("document.querySelector('tbody a').click()")
        await tab.until("document.querySelectorAll('.plot canvas').length", lambda n: n >= 1)
        assert await tab.run("location.pathname") == f"/tools/serinus/rollouts/{namespace}/loan"
        await put(cluster, STATES[-1], namespace, "loan")
        await tab.until(_TEXT, lambda found: "CheckFailed" in found)
        await tab.run("document.querySelector('.brand').click()")
        await tab.until("Boolean(document.querySelector('#rows'))")
        assert all(each.startswith(url) for each in tab.requested), tab.requested
        [cookie] = (await tab.send("Network.getCookies"))["cookies"]
        assert cookie["path"] == "/tools/serinus", "other pages of the host must not get it"
        await tab.run("document.querySelector('header form').requestSubmit()")
        await tab.until("Boolean(document.querySelector('#token'))")
        await tab.open("about:blank")
    tab.complaints.clear()  # it logs the 401


LOOKS = list(product([DESK, PHONE], [False, True]))


@pytest.mark.parametrize(
    ("size", "dark"),
    short(LOOKS, [LOOKS[0], LOOKS[-1]]),
    ids=["desk-light", "desk-dark", "phone-light", "phone-dark"],
)
async def test_nothing_keeps_people_from_reading_it(
    tab: Tab, size: tuple[int, int], dark: bool
) -> None:
    async with shown_in(tab, known_of(STATES)) as url:
        await tab.look(*size, dark=dark)
        for path in ("/", "/rollouts/demo/loan", "/nowhere"):
            await tab.open(url + path)
            await tab.run("document.querySelectorAll('details').forEach((one) => one.open = true)")
            assert await tab.violations() == []
            assert await tab.run("document.documentElement.scrollWidth") <= size[0]
        tab.complaints.clear()  # it logs the 404
        await tab.open(url)
        before = await tab.run("getComputedStyle(document.body).backgroundColor")
        await tab.run("document.querySelector('#theme').click()")
        assert await tab.run("getComputedStyle(document.body).backgroundColor") != before


async def test_what_a_model_or_a_user_wrote_is_text(tab: Tab) -> None:
    evil = "<img src=x onerror=alert(1)><script>document.title='taken'</script>"
    state = copy.deepcopy(STATES[-2])
    state["status"]["message"] = evil
    for decision in state["status"]["decisions"]:
        decision["message"] = evil
    for check in state["status"]["candidate"]["checks"]:
        check["message"] = evil
    state["spec"]["model"] = {"version": "v1\"'><b id=taken>"}
    async with shown_in(tab, known_of([state])) as url:
        for path in ("/", "/rollouts/demo/loan", "/?q=%22%3E%3Cb%20id=taken%3E"):
            await tab.open(url + path)
            assert await tab.run("document.title.includes('Serinus')")
            assert await tab.run("document.querySelectorAll('#taken, img[src=x]').length") == 0
        await tab.open(f"{url}/rollouts/demo/loan")
        assert evil in await tab.run("document.querySelector('main')?.innerText ?? ''")


async def test_five_hundred_rollouts_are_listed_at_once(tab: Tab) -> None:
    """The time of the processor is bounded, which a busy machine does not change; what the browser
    took is printed."""
    known = known_of(STATES)
    for number in range(MANY - 1):
        state = copy.deepcopy(STATES[number % len(STATES)])
        state["metadata"] = {"namespace": f"team-{number % 20}", "name": f"model-{number}"}
        known.put(state)
    started = time.process_time()
    html = "".join(rows(known.rows(), RowFilter(), 0.0, "./"))
    took = 1000 * (time.process_time() - started)
    assert html.count("<tr role") == MANY + 1
    assert took < 300
    async with shown_in(tab, known) as url:
        painted = []
        for path in ("/", "/", "/rollouts/demo/loan"):
            await tab.open(url + path)
            painted.append(await tab.until(_PAINT))
            count = await tab.run("document.querySelectorAll('.rollouts tbody tr').length")
            assert count == (MANY if path == "/" else 0)
    print(f"{MANY} rollouts: {took:.0f} ms; painted (twice, then one rollout): {painted} ms")


_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def known_of(states: list[dict[str, Any]]) -> KnownObjects:
    """After these states of one object."""
    known = KnownObjects()
    for state in states:
        known.put(state)
    return known


@asynccontextmanager
async def shown_in(tab: Tab, known: KnownObjects) -> AsyncIterator[str]:
    """Serve the page as on a user's machine, for as long as the tab needs it; its address."""
    page = Page(known, Everyone(), login=False)
    async with listening(page.application()) as url:
        yield url
        await tab.open("about:blank")


async def test_what_changes_before_the_stream_begins_is_shown(tab: Tab) -> None:
    known, streams = known_of(STATES[:2]), asyncio.Event()

    @web.middleware
    async def late(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.endswith("/events"):
            await streams.wait()
        return await handler(request)

    app = Page(known, Everyone(), login=False).application()
    app.middlewares.append(late)
    async with listening(app) as url:
        await tab.open(f"{url}/rollouts/demo/loan")
        assert "CheckFailed" not in await tab.run(_TEXT)
        known.put(STATES[-1])
        streams.set()
        await tab.until(_TEXT, lambda found: "CheckFailed" in found)
        await tab.open("about:blank")


@asynccontextmanager
async def command(environment: dict[str, str], namespace: str) -> AsyncIterator[str]:
    """`serinus dashboard`; its address."""
    command = (sys.executable, "-m", "serinus.cli", "dashboard", "--port=0", "--no-browser")
    process = await asyncio.create_subprocess_exec(
        *(*command, "-n", namespace),
        env={**environment, "PYTHONPATH": str(ROOT / "operator")},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        yield re.findall(r"http://\S+", line)[0]
    finally:
        process.terminate()
        await process.wait()


async def test_the_command_serves_what_kubectl_reads(
    tab: Tab, cluster: Cluster, namespace: str, environment: dict[str, str]
) -> None:
    await put(cluster, STATES[1], namespace, "loan")
    async with command(environment, namespace) as url:
        await tab.open(url)
        await tab.until(_TEXT, lambda found: f"{namespace}/loan" in found)
        await put(cluster, STATES[-1], namespace, "loan")
        await tab.until(_TEXT, lambda found: "CheckFailed" in found)
        await cluster.delete(await cluster.get("ModelDeployment", namespace, "loan"))
        there = (
            f"There are no ModelDeployments in namespace {namespace}. serinus dashboard -A shows"
        )
        await tab.until(_TEXT, lambda found: there in found)
        async with aiohttp.ClientSession() as http:
            for host in ("evil.example", "["):
                assert (await http.get(url, headers={"Host": host})).status == 403
            assert (await http.post(f"{url}login")).status == 404
        await tab.open("about:blank")


async def test_the_command_says_since_when_the_api_server_does_not_answer(
    tab: Tab, cluster: Cluster, namespace: str, environment: dict[str, str], kubeconfig: Path
) -> None:
    down = False

    async def fault(request: Request) -> web.Response | None:
        return refused(503) if down else None

    await put(cluster, STATES[1], namespace, "loan")
    async with Proxy(kubeconfig, before=fault) as proxy:
        there = {**environment, "KUBECONFIG": str(proxy.kubeconfig)}
        async with command(there, namespace) as url:
            await tab.open(f"{url}rollouts/{namespace}/loan")
            warning = "document.querySelector('#warning').innerText"
            assert await tab.run(warning) == ""
            down = True
            proxy.cut()
            await tab.until(warning, lambda said: said.startswith("No connection to the API"))
            assert await tab.violations() == []
            await put(cluster, STATES[-1], namespace, "loan")
            down = False
            await tab.until(warning, lambda said: said == "")
            await tab.until(_TEXT, lambda found: "CheckFailed" in found)
            await tab.open("about:blank")


async def test_without_the_page_itself_the_browser_says_since_when(tab: Tab) -> None:
    known = known_of(STATES)
    async with shown_in(tab, known) as url:
        await tab.open(url)
        warning = "document.querySelector('#warning').innerText"
        assert await tab.run(warning) == ""
        await tab.run(f"body.dataset.events = '{url}/nowhere'; listen()")
        await tab.until(warning, lambda said: said.startswith("No connection since "))
        await tab.run(f"body.dataset.events = '{url}/events'; listen()")
        await tab.until(warning, lambda said: said == "")
    tab.complaints.clear()  # it logs the 404


async def test_a_tab_that_nobody_looks_at_keeps_no_connection_and_catches_up(tab: Tab) -> None:
    known = known_of(STATES[:1])
    async with shown_in(tab, known) as url:
        await tab.open(url)

        async def hide(hidden: bool) -> None:
            is_hidden = f"{{value: {str(hidden).lower()}, configurable: true}}"
            await tab.run(f"Object.defineProperty(document, 'hidden', {is_hidden})")
            await tab.run("document.dispatchEvent(new Event('visibilitychange'))")

        await tab.until("source.readyState", lambda state: state == 1)
        await hide(True)
        assert await tab.run("source.readyState") == 2
        known.put(STATES[-1])
        await hide(False)
        await tab.until("source.readyState", lambda state: state == 1)
        await tab.until(_TEXT, lambda found: "CheckFailed" in found)


@pytest.mark.parametrize("path", ["/", "/rollouts/demo/loan"])
async def test_what_is_shown_already_stays_if_it_is_asked_for_again(tab: Tab, path: str) -> None:
    answers: list[int] = []
    async with noting(known_of(STATES), answers) as url:
        await tab.open(f"{url}{path}")
        for _ in range(3):
            answers.clear()
            await tab.run("htmx.trigger(live, 'refresh')")
            await tab.until(_SETTLED, lambda settled: settled and bool(answers))
            assert "loan" in await tab.run("live.innerText")
        assert answers == [304]
        await tab.open("about:blank")


async def test_what_changes_while_the_list_is_on_its_way_is_shown_after_it(tab: Tab) -> None:
    known, answers, slow = known_of(STATES[:1]), list[int](), asyncio.Event()
    async with noting(known, answers, slow) as url:
        slow.set()
        await tab.open(url)
        await tab.until("source.readyState", lambda state: state == 1)
        slow.clear()
        await tab.run("htmx.trigger(live, 'refresh')")
        await asyncio.sleep(EVERY)
        known.put(STATES[-1])
        await asyncio.sleep(EVERY)  # the browser is told, and cannot ask yet
        slow.set()
        await tab.until(_TEXT, lambda found: "CheckFailed" in found)
        await tab.open("about:blank")


@asynccontextmanager
async def noting(
    known: KnownObjects, answers: list[int], slow: asyncio.Event | None = None
) -> AsyncIterator[str]:
    """Serve the page, and note how the script's requests are answered. `slow`: not before it is
    set, though they are made at once."""

    @web.middleware
    async def note(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        answer = await handler(request)
        if "HX-Request" in request.headers:
            if slow:
                await slow.wait()
            answers.append(answer.status)
        return answer

    app = Page(known, Everyone(), login=False).application()
    app.middlewares.append(note)
    async with listening(app) as url:
        yield url


_SETTLED: Final = "!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"
_TEXT: Final = "document.querySelector('main')?.innerText ?? ''"
