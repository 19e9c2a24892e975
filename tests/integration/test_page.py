"""Who sees what on the page, with real tokens and the API server's own rules."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web

from serinus.cluster import Cluster
from serinus.page import api_server
from serinus.page.streams import MOST_OF_A_VIEWER
from tests.integration.conftest import kubectl
from tests.integration.pages import Served, person, put, served
from tests.integration.proxy import Fault, Proxy, Request, refused
from tests.support.replayed import replayed

STATES = list(replayed())


@pytest.fixture
async def page(kubeconfig: Path) -> AsyncIterator[Served]:
    async with served(kubeconfig) as found:
        yield found


@pytest.fixture
async def other(kubeconfig: Path) -> AsyncIterator[str]:
    """Another namespace, which most people may not see."""
    name = f"t-{secrets.token_hex(4)}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
async def both(cluster: Cluster, namespace: str, other: str) -> tuple[str, str]:
    """Two namespaces with an object each."""
    await put(cluster, STATES[-1], namespace, "loan")
    await put(cluster, STATES[1], other, "secret-model")
    return namespace, other


async def test_a_viewer_sees_the_namespaces_that_the_viewers_token_may_list(
    page: Served, both: tuple[str, str]
) -> None:
    here, there = both
    of_all, of_here = person(here, sees=""), person(here, sees=here)
    await page.until("/", f"{there}/</span>secret-model", of_all)
    status, text, _ = await page.get("/", of_all)
    assert status == 200 and f"{here}/</span>loan" in text
    assert (await page.get(f"/rollouts/{there}/secret-model", of_all))[0] == 200

    status, text, _ = await page.get("/", of_here)
    assert (status, text.count("/</span>"), f"{here}/</span>loan" in text) == (200, 1, True)
    assert there not in text and "secret-model" not in text
    status, text, _ = await page.get(f"/rollouts/{here}/loan", of_here)
    assert status == 200 and "Check drift" in text
    hidden = await page.get(f"/rollouts/{there}/secret-model", of_here)
    absent = await page.get(f"/rollouts/{there}/nothing", of_here)
    assert hidden[0] == absent[0] == 404 and hidden[1] == absent[1]
    for path in ("events", "anything"):
        assert (await page.get(f"/rollouts/{there}/secret-model/{path}", of_here))[0] == 404


async def test_a_viewer_without_rights_sees_no_name_and_no_number(
    page: Served, both: tuple[str, str]
) -> None:
    here, there = both
    await page.until("/", "secret-model", person(here, sees=""))
    nobody = person(here)
    status, text, _ = await page.get("/", nobody)
    assert (status, "There are no ModelDeployments that you may see." in text) == (200, True)
    assert here not in text and there not in text and "loan" not in text
    assert (await page.get("/?q=loan&phase=Degraded", nobody))[1].count("rollout") < 6
    assert (await page.get(f"/rollouts/{here}/loan", nobody))[0] == 404


@pytest.mark.parametrize("token", ["", "of.nobody", "a b", "x" * 9000, "\u00e9"])
async def test_without_a_token_of_the_cluster_the_page_asks_for_one(
    page: Served, both: tuple[str, str], token: str
) -> None:
    if len(token) == 9000:  # more than a header may have
        assert (await page.get("/", token))[0] in (400, 401)
        return
    for path in ("/", "/events", f"/rollouts/{both[0]}/loan", f"/rollouts/{both[0]}/loan/events"):
        status, text, _ = await page.get(path, token)
        assert (status, "Bearer token" in text) == (401, True)
        assert both[0] not in text and "loan" not in text


async def test_who_may_get_one_object_by_name_sees_that_one(
    page: Served, both: tuple[str, str]
) -> None:
    here, there = both
    token = person(here, sees=here)
    name = kubectl("get", "serviceaccount", f"-n={here}", "-o=name").stdout.split("/")[-1].strip()
    role = ("--verb=get", "--resource=modeldeployments.serinus.dev", "--resource-name=secret-model")
    kubectl("create", "role", "one", *role, f"--namespace={there}")
    account = f"--serviceaccount={here}:{name}"
    kubectl("create", "rolebinding", "one", "--role=one", account, f"--namespace={there}")
    await page.until(f"/rollouts/{there}/secret-model", "Progressing", token)
    assert "secret-model" not in (await page.get("/", token))[1]


@asynccontextmanager
async def stream(page: Served, path: str, token: str) -> AsyncIterator[aiohttp.StreamReader]:
    """An open stream of events."""
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=60)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(page.url + path, headers=headers) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        yield answer.content


async def next_of(lines: aiohttp.StreamReader) -> str:
    """`changed`, `alive` or, at the end of the stream, empty."""
    while line := (await lines.readline()).decode():
        if line.startswith("event: changed"):
            return "changed"
        if line.startswith(": "):
            return "alive"
    return ""


async def warning_of(lines: aiohttp.StreamReader) -> str:
    """The next warning; empty if it says that there is nothing to be warned of."""
    while await lines.readline() != b"event: warning\n":
        assert not lines.at_eof()
    return (await lines.readline()).decode().removeprefix("data:").strip()


async def test_without_the_api_server_the_page_says_since_when_and_then_catches_up(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    down = False

    async def fault(request: Request) -> web.Response | None:
        return refused(503) if down else None

    async with through(kubeconfig, fault) as (proxy, page):
        await put(cluster, STATES[1], namespace, "loan")
        await page.until(path := f"/rollouts/{namespace}/loan", "Progressing", "anybody")
        assert 'role="status" hidden></p>' in (await page.get("/", "anybody"))[1]
        async with stream(page, f"{path}/events", "anybody") as lines:
            assert await warning_of(lines) == ""
            down, before = True, time.time()
            proxy.cut()
            said = await warning_of(lines)
            assert said.startswith("No connection to the API server since ")
            since = datetime.fromisoformat(f"{said.split(' since ')[1][:19]}+00:00").timestamp()
            assert since <= time.time() and since >= before - 60
            page.ahead += 60  # the answers about rights are older than those that count otherwise
            for each in ("/", path):
                status, text, _ = await page.get(each, "anybody")
                assert (status, f'role="status">{said}</p>' in text) == (200, True)
            status, text, _ = await page.get(path, "a.stranger")
            assert (status, "it is not known what you may see" in text, said in text) == (
                *(503, True, True),
            )
            assert "Progressing" not in text
            await put(cluster, STATES[-1], namespace, "loan")
            down = False
            while (told := await next_of(lines)) == "alive":
                pass
            assert told == "changed"
            assert await warning_of(lines) == ""
        page.ahead += 60
        text = (await page.get(path, "anybody"))[1]
        assert "RolledBack" in text and "No connection" not in text


async def test_which_right_the_page_itself_lacks_is_said_with_the_remedy(
    kubeconfig: Path, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "_WATCH_FOR", 1)
    token = person(namespace, sees=namespace)
    await put(cluster, STATES[1], namespace, "loan")
    async with served(kubeconfig) as page:
        await page.until(path := f"/rollouts/{namespace}/loan", "Progressing", token)
        kubectl("delete", "clusterrolebinding", page.account)
        await page.until("/", "cannot list resource &#34;modeldeployments&#34;", token)
        text = await page.until(path, "Allow its service account to get, list and watch", token)
        assert "Progressing" in text and "No connection" not in text
        granted = (f"--clusterrole={page.account}", f"--serviceaccount=default:{page.account}")
        kubectl("create", "clusterrolebinding", page.account, *granted)
        await page.until("/", 'role="status" hidden></p>', token)


async def test_a_watch_goes_on_where_it_ended_and_lists_again_only_if_that_is_too_old(
    kubeconfig: Path, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "_WATCH_FOR", 1)
    monkeypatch.setattr(api_server, "_PAUSE", 0.05)
    expired = False

    async def fault(request: Request) -> web.Response | None:
        nonlocal expired
        if not expired or not request.watches:
            return None
        expired = False
        return web.Response(text='{"type": "ERROR", "object": {"kind": "Status", "code": 410}}\n')

    async with through(kubeconfig, fault) as (proxy, page):

        def asked(watches: bool) -> int:
            mine = (r for r in proxy.requests if r.method == "GET" and "limit=" not in r.path)
            lists = [r for r in proxy.requests if r.method == "GET" and "limit=" in r.path]
            return sum(r.watches for r in mine) if watches else len(lists)

        async with asyncio.timeout(60):
            while asked(watches=True) < 3:
                await asyncio.sleep(0.05)
            await put(cluster, STATES[1], namespace, "loan")
            while not page.known.seen(namespace, "loan"):
                await asyncio.sleep(0.05)
            assert asked(watches=False) == 1
            expired = True
            while asked(watches=False) < 2:
                await asyncio.sleep(0.05)
    assert page.known.warning == "", "it was connected all the time"


@asynccontextmanager
async def through(kubeconfig: Path, fault: Fault) -> AsyncIterator[tuple[Proxy, Served]]:
    """A page that reaches the API server through a proxy, which makes everybody an
    administrator."""
    async with Proxy(kubeconfig, before=fault) as proxy:
        server = yaml.safe_load(proxy.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        async with served(kubeconfig, server=server) as page:
            yield proxy, page


async def test_a_stream_tells_of_what_the_viewer_sees_and_of_nothing_else(
    page: Served, cluster: Cluster, both: tuple[str, str]
) -> None:
    here, there = both
    token = person(here, sees=here)
    await page.until("/", "secret-model", person(here, sees=""))
    async with (
        stream(page, "/events", token) as all_,
        stream(page, f"/rollouts/{here}/loan/events", token) as one,
    ):
        assert await next_of(all_) == await next_of(one) == "alive"
        revision = page.known.revision
        await put(cluster, STATES[2], there, "secret-model")
        while page.known.revision == revision:
            await asyncio.sleep(0.05)
        # alive is said only where nothing was to be told
        assert await next_of(all_) == await next_of(all_) == "alive"
        await put(cluster, STATES[-2], here, "loan")
        for lines in (all_, one):
            while (told := await next_of(lines)) == "alive":
                pass
            assert told == "changed"


async def test_a_list_of_before_a_restart_is_told_to_be_out_of_date(
    kubeconfig: Path, both: tuple[str, str]
) -> None:
    """Something may have changed meanwhile, and each process counts changes from its beginning."""
    here, _ = both
    token, shown = person(here, sees=here), ""
    async with served(kubeconfig) as before:
        text = await before.until("/", f"{here}/</span>loan", token)
        shown = re.findall(r'data-events="\./events\?shown=(\w+)"', text)[0]
    async with served(kubeconfig) as after:
        await after.until("/", f"{here}/</span>loan", token)
        async with stream(after, f"/events?shown={shown}", token) as lines:
            assert await next_of(lines) == "changed"


async def test_a_viewer_who_opens_streams_without_end_takes_none_of_anybody_else(
    page: Served, both: tuple[str, str]
) -> None:
    here, _ = both
    greedy, other = person(here, sees=here), person(here, sees=here)
    await page.until("/", f"{here}/</span>loan", greedy)
    async with AsyncExitStack() as held:
        for _ in range(MOST_OF_A_VIEWER):
            await held.enter_async_context(stream(page, "/events", greedy))
        assert (await page.get("/events", greedy))[0] == 503
        async with stream(page, "/events", other) as lines:
            assert await next_of(lines) == "alive"


async def test_a_stream_ends_when_the_viewer_loses_the_right_or_the_object_is_deleted(
    page: Served, cluster: Cluster, both: tuple[str, str]
) -> None:
    here, there = both
    token, of_all = person(here, sees=here), person(here, sees="")
    await page.until(f"/rollouts/{there}/secret-model", "Progressing", of_all)
    async with (
        stream(page, f"/rollouts/{here}/loan/events", token) as lines,
        stream(page, f"/rollouts/{there}/secret-model/events", of_all) as deleted,
    ):
        kubectl("delete", "rolebinding", "--all", f"--namespace={here}")
        page.ahead += 60
        while (told := await next_of(lines)) == "alive":
            page.ahead += 60  # the API server takes a moment to forget the binding
        assert told == "changed" and await next_of(lines) == ""
        assert (await page.get(f"/rollouts/{here}/loan", token))[0] == 404
        await cluster.delete(await cluster.get("ModelDeployment", there, "secret-model"))
        while (told := await next_of(deleted)) == "alive":
            pass
        assert told == "changed" and await next_of(deleted) == ""


async def test_a_viewer_logs_in_by_a_form_of_the_page_itself(
    page: Served, both: tuple[str, str]
) -> None:
    token = person(both[0], sees=both[0])
    ours = {"Origin": page.url}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:

        async def post(path: str, given: str = "", **headers: str) -> aiohttp.ClientResponse:
            form = {"token": given}
            return await http.post(
                page.url + path, data=form, headers=headers, allow_redirects=False
            )

        assert (await post("/login", token)).status == 403
        for stranger in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await post("/login", token, **stranger)).status == 403
        assert (await post("/login", "of.nobody", **ours)).status == 401
        answer = await post("/login", token, **ours)
        assert (answer.status, answer.headers["Location"]) == (303, "./")
        cookie = answer.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
        assert "Path" not in cookie, "a browser takes the path of the form"
        assert "Secure" not in cookie and "Max-Age" not in cookie
        await page.until("/", "loan", token)
        assert "loan" in await (await http.get(page.url)).text()
        assert (await post("/logout", **ours)).status == 303
        assert (await http.get(page.url)).status == 401
        proxied = await post("/login", token, **ours, **{"X-Forwarded-Proto": "https"})
        assert "Secure" in proxied.headers["Set-Cookie"].split("; ")


async def test_nothing_can_be_changed_and_every_answer_has_the_headers(
    page: Served, both: tuple[str, str]
) -> None:
    token = person(both[0], sees="")
    object_ = f"/rollouts/{both[0]}/loan"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for path in ("/", object_, f"{object_}/events", "/events", "/healthz"):
                assert (await http.request(method, page.url + path)).status == 405
        for path in ("/", object_, "/nowhere", "/login", "/healthz", "/readyz", "/events?x=1"):
            async with http.get(page.url + path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy and "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-store"
                assert "Python" not in answer.headers["Server"]
