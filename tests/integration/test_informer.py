"""The store stays right whatever becomes of the watches that feed it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from serinus.cluster import Cluster, Store, client, connect
from serinus.controller import informer as informing
from serinus.controller.informer import Informer
from serinus.controller.queue import Key
from serinus.manifests.kinds import KINDS, WATCHED
from tests.integration.conftest import kubectl
from tests.integration.proxy import Proxy, Request, refused
from tests.support.exhaustive import short


class Mirror:
    """A store that an informer feeds, and the keys that it handed over."""

    def __init__(self, cluster: Cluster, *namespaces: str) -> None:
        self.store = Store()
        self.keys: list[Key] = []
        self.informer = Informer(
            cluster, self.store, lambda key, _: self.keys.append(key), namespaces
        )

    @property
    def names(self) -> set[str]:
        """Services in the store."""
        return {name for _, name in self.store.names("Service")}

    async def until(self, holds: Callable[[], bool], within: float) -> float:
        """Wait for the condition; the answer is the number of seconds that took."""
        started = time.monotonic()
        while not holds():
            waited = time.monotonic() - started
            assert waited < within, f"not within {within:g} s; Services: {self.names}"
            await asyncio.sleep(0.02)
        return time.monotonic() - started


@contextlib.asynccontextmanager
async def mirror(
    kubeconfig: Path, namespace: str | None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mirror]:
    with monkeypatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubeconfig))
        async with connect() as cluster:
            found = Mirror(cluster, *filter(None, [namespace]))
            running = asyncio.create_task(found.informer.run())
            try:
                await asyncio.wait_for(found.informer.synced.wait(), 20)
                yield found
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running


def service(namespace: str, name: str, **labels: str) -> dict[str, Any]:
    marks = {"app.kubernetes.io/managed-by": "serinus", "serinus.dev/name": "fraud"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {**marks, **labels}},
        "spec": {"ports": [{"port": 80}]},
    }


def in_stream(status: int, reason: str) -> web.Response:
    error = (
        f'{{"type": "ERROR", "object": {{"kind": "Status", "apiVersion": "v1", '
        f'"status": "Failure", "code": {status}, "reason": "{reason}"}}}}\n'
    )
    return web.Response(text=error, content_type="application/json")


FAULTS: dict[str, tuple[int, Callable[[], web.Response]]] = {
    # how often each watch meets the fault
    "connections reset": (0, lambda: refused(500)),
    "history compacted": (1, lambda: in_stream(410, "Expired")),
    "an error in the stream": (1, lambda: in_stream(500, "InternalError")),
    "a line that ends in its middle": (1, lambda: web.Response(text='{"type":"MODIFIED","obj')),
    "410 instead of a stream": (1, lambda: refused(410, "Expired")),
    "503 for a while": (3, lambda: refused(503, "ServiceUnavailable")),
    "401 although the login is right": (1, lambda: refused(401, "Unauthorized")),
    "404 although the kind is served": (1, lambda: refused(404, "NotFound")),
    "429 for a while": (3, lambda: refused(429, "TooManyRequests")),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_change_is_seen_although_the_watch_breaks(
    fault: str,
    cluster: Cluster,
    namespace: str,
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times, answer = FAULTS[fault]
    left = times * len(WATCHED)
    async with Proxy(kubeconfig) as proxy, mirror(proxy.kubeconfig, namespace, monkeypatch) as seen:
        await cluster.create(service(namespace, "before"))
        await seen.until(lambda: seen.names == {"before"}, within=10)

        async def broken(request: Request) -> web.Response | None:
            nonlocal left
            if not request.watches or left == 0:
                return None
            left -= 1
            return answer()

        await seen.until(lambda: proxy.watching == len(WATCHED), within=10)
        proxy.before = broken
        proxy.cut()
        await cluster.create(service(namespace, "meanwhile"))
        await seen.until(lambda: seen.names == {"before", "meanwhile"}, within=20)
        await seen.until(lambda: left == 0, within=20)
        await cluster.create(service(namespace, "after"))
        await seen.until(lambda: "after" in seen.names, within=20)
        await cluster.create(service(namespace, "once-more"))
        await seen.until(lambda: "once-more" in seen.names, within=4)  # the watch is back


async def test_a_deletion_that_no_watch_tells_of_is_noticed_by_the_next_list(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(informing, "RESYNC", 3.0)
    async with Proxy(kubeconfig) as proxy, mirror(proxy.kubeconfig, namespace, monkeypatch) as seen:
        live = await cluster.create(service(namespace, "lost"))
        await seen.until(lambda: seen.names == {"lost"}, within=10)

        async def compacted(request: Request) -> web.Response | None:
            return in_stream(410, "Expired") if request.watches else None

        proxy.before = compacted
        proxy.cut()
        await cluster.delete(live)
        await seen.until(lambda: not seen.names, within=10)


KINDS_LISTED, REFUSED = ("modeldeployments", "deployments", "gateways"), (403, 410, 500)
FEW = list(zip(KINDS_LISTED, REFUSED, strict=True))


@pytest.mark.parametrize(("kind", "status"), short(product(KINDS_LISTED, REFUSED), FEW))
async def test_a_list_that_fails_hides_nothing_of_other_kinds(
    kind: str,
    status: int,
    cluster: Cluster,
    namespace: str,
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(informing, "RESYNC", 1.0)
    monkeypatch.setattr(informing, "LOOK_FOR_MISSING", 1.0)
    async with Proxy(kubeconfig) as proxy, mirror(proxy.kubeconfig, namespace, monkeypatch) as seen:
        live = await cluster.create(service(namespace, "before"))
        await seen.until(lambda: seen.names == {"before"}, within=10)

        async def failing(request: Request) -> web.Response | None:
            if request.watches:
                return in_stream(410, "Expired")
            return refused(status) if f"/{kind}?" in request.path else None

        proxy.before = failing
        proxy.cut()
        await cluster.delete(live)
        await cluster.create(service(namespace, "after"))
        await seen.until(lambda: seen.names == {"after"}, within=10)


async def test_a_kind_that_may_not_be_listed_any_more_ends_no_watch_of_another(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(informing, "LOOK_FOR_MISSING", 1.0)
    async with Proxy(kubeconfig) as proxy, mirror(proxy.kubeconfig, namespace, monkeypatch) as seen:
        await seen.until(lambda: proxy.watching == len(WATCHED), within=10)

        async def forbidden(request: Request) -> web.Response | None:
            return refused(403, "Forbidden") if "/deployments?" in request.path else None

        proxy.before = forbidden
        proxy.cut()
        told = "cannot list objects: 403"
        await seen.until(lambda: told in (seen.informer.not_ready_reason or ""), within=20)
        await seen.until(lambda: proxy.watching == len(WATCHED) - 1, within=20)
        await asyncio.sleep(3)
        listed = [each for each in proxy.requests if "/services?" in each.path]
        for name in ("a", "b", "c"):
            await cluster.create(service(namespace, name))
            await seen.until(lambda name=name: name in seen.names, within=4)  # type: ignore[misc]
        assert listed == [each for each in proxy.requests if "/services?" in each.path]
        proxy.before = None
        await seen.until(lambda: proxy.watching == len(WATCHED), within=20)
        assert seen.informer.not_ready_reason is None


@pytest.mark.parametrize(("kind", "says"), [("services", True), ("gateways", False)])
async def test_a_kind_that_may_be_listed_and_not_watched_is_told(
    kind: str,
    says: bool,
    cluster: Cluster,
    namespace: str,
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(informing, "RESYNC", 1.0)

    async def forbidden(request: Request) -> web.Response | None:
        mine = request.watches and f"/{kind}?" in request.path
        return refused(403, "Forbidden") if mine else None

    async with Proxy(kubeconfig) as proxy, mirror(proxy.kubeconfig, namespace, monkeypatch) as seen:
        await seen.until(lambda: proxy.watching == len(WATCHED), within=10)
        proxy.before = forbidden
        proxy.cut()
        told = "may be listed, but not watched"
        if says:
            await seen.until(lambda: told in (seen.informer.not_ready_reason or ""), within=20)
        await seen.until(lambda: told in caplog.text, within=20)
        assert (told in (seen.informer.not_ready_reason or "")) is says
        await cluster.create(service(namespace, "late"))
        await seen.until(lambda: "late" in seen.names, within=5)
        assert caplog.text.count(told) == 1
        proxy.before = None
        await seen.until(lambda: proxy.watching == len(WATCHED), within=20)
        await seen.until(lambda: seen.informer.not_ready_reason is None, within=5)


async def test_a_list_whose_moment_is_forgotten_between_two_pages_begins_anew(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    names = {f"service-{number}" for number in range(5)}
    for name in names:
        await cluster.create(service(namespace, name))
    refusals = 0

    async def forgotten(request: Request) -> web.Response | None:
        nonlocal refusals
        continues = "/services?" in request.path and "continue=" in request.path
        if not continues or refusals or "limit=2" not in request.path:
            return None
        refusals += 1
        return refused(410, "Expired")

    async with (
        Proxy(kubeconfig, before=forgotten) as proxy,
        mirror(proxy.kubeconfig, namespace, monkeypatch) as seen,
    ):
        assert seen.names == names
        assert refusals == 1
        assert seen.informer.not_ready_reason is None


async def test_a_server_that_ends_each_watch_at_once_is_not_flooded(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Proxy(kubeconfig) as proxy, mirror(proxy.kubeconfig, namespace, monkeypatch) as seen:
        await seen.until(lambda: proxy.watching == len(WATCHED), within=10)

        async def ending(request: Request) -> web.Response | None:
            return web.Response(text="") if request.watches else None

        proxy.before = ending
        proxy.cut()
        before = len(proxy.requests)
        await asyncio.sleep(10)
        assert len(proxy.requests) - before < 280, "200 at once, and then five a second"
        proxy.before = None
        await cluster.create(service(namespace, "after"))
        await seen.until(lambda: "after" in seen.names, within=10)


async def test_an_object_that_loses_its_label_goes_and_comes_back_with_it(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mirror(kubeconfig, namespace, monkeypatch) as seen:
        await cluster.create(service(namespace, "a"))
        await seen.until(lambda: seen.names == {"a"}, within=10)
        kubectl("label", "service", "a", "app.kubernetes.io/managed-by-", "-n", namespace)
        await seen.until(lambda: not seen.names, within=10)
        kubectl("label", "service", "a", "app.kubernetes.io/managed-by=serinus", "-n", namespace)
        await seen.until(lambda: seen.names == {"a"}, within=10)


async def test_events_of_children_name_their_owner(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mirror(kubeconfig, namespace, monkeypatch) as seen:
        await cluster.create(service(namespace, "a"))
        await seen.until(lambda: Key(namespace, "fraud") in seen.keys, within=10)


async def test_it_needs_no_right_but_to_list_and_watch_what_it_is_about(
    cluster: Cluster,
    namespace: str,
    kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = (KINDS[name] for name in WATCHED)
    resources = ",".join(f"{kind.plural}.{kind.group}".rstrip(".") for kind in kinds)
    kubectl("create", "serviceaccount", "mirror", "-n", namespace)
    kubectl("create", "clusterrole", namespace, "--verb=list,watch", f"--resource={resources}")
    subject = f"--serviceaccount={namespace}:mirror"
    kubectl("create", "clusterrolebinding", namespace, f"--clusterrole={namespace}", subject)
    token = kubectl("create", "token", "mirror", "-n", namespace).stdout
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    try:
        async with mirror(tmp_path / "kubeconfig", None, monkeypatch) as seen:
            assert seen.informer.not_ready_reason is None
            await asyncio.sleep(5)  # whatever the lists tell, they have told
            live = await cluster.create(service(namespace, "a"))
            await seen.until(lambda: (namespace, "a") in seen.store.names("Service"), within=5)
            await cluster.delete(live)
            await seen.until(lambda: (namespace, "a") not in seen.store.names("Service"), within=5)
    finally:
        kubectl("delete", "clusterrole,clusterrolebinding", namespace)


async def test_a_gateway_api_that_is_installed_later_is_noticed(
    cluster: Cluster, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_installed(request: Request) -> web.Response | None:
        return refused(404, "NotFound") if "gateway.networking.k8s.io" in request.path else None

    route = {**service(namespace, "a"), "spec": {"parentRefs": [{"name": "public"}]}}
    route |= {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
    async with (
        Proxy(kubeconfig, before=not_installed) as proxy,
        mirror(proxy.kubeconfig, namespace, monkeypatch) as seen,
    ):
        assert seen.informer.not_ready_reason is None
        await cluster.create(service(namespace, "a"))
        await seen.until(lambda: seen.names == {"a"}, within=10)
        proxy.before = None
        live = await cluster.create(route)
        await seen.until(lambda: bool(seen.store.names("HTTPRoute")), within=20)
        await seen.until(lambda: proxy.watching == len(WATCHED), within=10)
        await cluster.delete(live)
        await seen.until(lambda: not seen.store.names("HTTPRoute"), within=10)
