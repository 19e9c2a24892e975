"""The page as the chart installs it, before a real canary and a real rollback, in a real browser.

Its pictures are in build/page; docs/page.md shows them.
"""

import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

import pytest

from tests.stage.deadline import until
from tests.stage.deployed import Deployed
from tests.stage.images import ROOT
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.operator import Operator
from tests.stage.stage import Stage
from tests.support.browser import Tab, browser

pytestmark = pytest.mark.quiet

PICTURES: Final = ROOT / "build" / "page"
STEPS: Final = ({"setWeight": 20}, {"pause": {"duration": "60s"}}, {"setWeight": 50})
CHECKS: Final = (
    {"name": "errors", "errorRate": {}},
    {"name": "drift", "predictionDrift": {}},
    {"name": "latency", "latency": {"tolerance": 3, "margin": 6}},
)
RATE: Final = 60.0
LOOKS: Final = 4
"""Evidence is written every half a minute, and a curve needs some."""
_TEXT: Final = "document.querySelector('main')?.innerText ?? ''"


@pytest.fixture(scope="module")
def page(product: Stage, operator: Operator) -> Iterator[str]:
    """The address of the page of the module's own release."""
    operator.install(product.operator_image, {"dashboard.enabled": "true"})
    name = f"{operator.release}-page"

    def ready() -> bool:
        live = product.api.get("Deployment", operator.namespace, name)
        return bool(live["status"].get("readyReplicas"))

    until("the page is ready", ready, 180)
    with forwarded(product, operator.namespace, f"service/{name}") as url:
        yield url


@contextmanager
def forwarded(product: Stage, namespace: str, target: str) -> Iterator[str]:
    """A Service's port on this machine. kubectl ends once any connection through it is reset, as a
    browser's may be that leaves a page, and is started again then."""
    there = [f"--kubeconfig={product.api.kubeconfig}", f"--namespace={namespace}"]
    command = [str(product.api.kubectl), "port-forward", *there, target]

    def started(port: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*command, f"{port}:80"], stdout=subprocess.PIPE, text=True)

    def kept() -> None:
        while not over.is_set():
            processes[-1].wait()
            if not over.wait(0.2):
                processes.append(started(port))

    over, processes = Event(), [started("")]
    assert processes[0].stdout
    (port,) = re.findall(r"127\.0\.0\.1:(\d+)", processes[0].stdout.readline())
    keeper = Thread(target=kept)
    keeper.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        over.set()
        processes[-1].terminate()
        keeper.join()
        for each in processes:
            each.terminate()
            each.wait()


@pytest.fixture(scope="module")
def loan(product: Stage, operator: Operator, namespace: str) -> Iterator[Deployed]:
    """A real model that serves, with clients."""
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=2,
        gateway=product.gateway,
        steps=STEPS,
        analysis={"interval": "5s", "checks": CHECKS},
        spec={"class": operator.klass},
    )
    product.api.apply(model.manifest())
    deployed = Deployed(product.api, namespace, "loan")
    deployed.until_healthy("v1")
    target = Target(product.gateway_url, model.host, RATE)
    with Load(product.api, product.model_image, namespace, target):
        yield deployed


@asynccontextmanager
async def viewer(product: Stage, page: str, namespace: str, role: str = "") -> AsyncIterator[Tab]:
    """A person with the chart's role for people in a namespace, or with none, who has logged in."""
    there, name = f"--namespace={namespace}", f"person-{secrets.token_hex(4)}"
    product.api.run("create", "serviceaccount", name, there)
    if role:
        account = f"--serviceaccount={namespace}:{name}"
        product.api.run("create", "rolebinding", name, f"--clusterrole={role}", account, there)
    token = product.api.run("create", "token", name, there).strip()
    async with browser() as tab:
        await tab.look(1280, 800)
        await tab.open(page)
        await tab.run(f"document.querySelector('#token').value = {token!r}")
        await tab.run("document.querySelector('.login').requestSubmit()")
        await tab.until("Boolean(document.querySelector('#rows'))")
        yield tab


async def pictures(tab: Tab, name: str, desk: int, phone: int = 0) -> None:
    """Of what is in the tab, in both themes, and as on a phone."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for shape, width, height, dark in (
        ("", 1100, desk, False),
        ("-dark", 1100, desk, True),
        ("-phone", 390, phone or desk, False),
    ):
        await tab.look(width, height, dark=dark)
        await tab.run("new Promise((done) => setTimeout(done, 300))")
        await tab.picture(Path(PICTURES, f"{name}{shape}.png"))
    await tab.look(1280, 800)


@pytest.mark.live
async def test_a_canary_is_seen_as_it_happens(product: Stage, page: str, loan: Deployed) -> None:
    there = loan.namespace
    async with viewer(product, page, there, role="view") as tab:
        await tab.open(f"{page}/rollouts/{there}/loan")
        loan.patch(model={"version": "v2"})
        await tab.until(_TEXT, lambda text: "20%" in text and "Waiting" in text, 300)
        looks = "Math.max(0, ...[...document.querySelectorAll('.check [data-chart]')]"
        looks += ".map((each) => JSON.parse(each.dataset.chart).times.length))"
        await tab.until(looks, lambda count: count >= LOOKS, 600)
        assert await tab.violations() == []
        await pictures(tab, "canary", 1000, 1200)
        await tab.until(_TEXT, lambda text: "Healthy" in text, 900)


async def test_a_rollback_is_seen_as_it_happens(product: Stage, page: str, loan: Deployed) -> None:
    there = loan.namespace
    async with viewer(product, page, there, role="view") as tab:
        await tab.until(_TEXT, lambda text: f"{there}/loan" in text)
        await tab.open(f"{page}/rollouts/{there}/loan")
        loan.patch(model={"version": "v3"})
        await tab.until(_TEXT, lambda text: "20%" in text, 300)
        rejected = loan.until_rejected(900)["rejected"]
        await tab.until(_TEXT, lambda text: rejected["message"] in text)
        assert await tab.violations() == []
        await pictures(tab, "rolled-back", 1000)
        assert all(url.startswith(page) for url in tab.requested)
        await tab.open(page)
        await pictures(tab, "list", 420)

    async with viewer(product, page, there) as tab:
        assert "There are no ModelDeployments that you may see." in await tab.run(_TEXT)
        assert there not in await tab.run(_TEXT)
