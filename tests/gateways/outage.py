"""A gateway's controller that is down, and what is known of that."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.gateways.client import Stream, ask, by_status, failed
from tests.gateways.scene import SETTLED, Cell, Scene
from tests.stage.deadline import until

_DOWN: Final = 15.0


def controller_down(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """Requests go on by the last route, and the route's conditions are of its last generation."""
    scene.settle(scene.route(0))
    with Stream(scene.target(), rate=200) as stream:
        began = time.time()
        _scale(scene, 0)
        until("the controller is gone", lambda: _pods(scene) == 0, 120)
        scene.change(scene.route(100))
        changed = time.time()
        time.sleep(_DOWN)
        told = scene.conditions()
        down = stream.since(changed)
        old = sum(each.version == "stable" for each in down) / len(down)
        back = time.time()
        _scale(scene, 1)
        accepted = scene.until_accepted(60)
        time.sleep(2 * SETTLED)
        lost = failed(stream.since(began))
        everything = stream.since(began)
        last = max((each.sent for each in everything if each.version == "stable"), default=accepted)
    for_all = "earlier generation" in told
    yield "controller down: requests", Cell(f"{old:.0%} served, by the route before")
    yield "controller down: conditions", Cell(told, for_all)
    late = last - accepted
    then = "no request by the route before since then"
    if late > 0:
        then = f"the last request by the route before {late:.1f} s later"
    text = f"accepted after {accepted - back:.1f} s; {then}"
    yield "controller back", Cell(text, late < SETTLED)
    text = f"{len(lost)} of {len(everything)}" + (f" ({dict(by_status(lost))})" if lost else "")
    yield "controller down: failed", Cell(text, scene.implementation.one_process or not lost)


def _scale(scene: Scene, replicas: int) -> None:
    namespace, name = scene.implementation.controller
    scale = {"spec": {"replicas": replicas}}
    scene.product.api.merge("Deployment", namespace, name, scale, sub="/scale")


def _pods(scene: Scene) -> int:
    namespace, name = scene.implementation.controller
    found = scene.product.api.list("Pod", namespace)
    return sum(pod["metadata"]["name"].rsplit("-", 2)[0] == name for pod in found)


def gateway_deleted(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """What the route says of a Gateway that is gone, and what clients get."""
    api, namespace = scene.product.api, scene.implementation.namespace
    live = api.get("Gateway", namespace, "public")
    scene.settle(scene.route(0))
    api.delete("Gateway", namespace, "public")
    time.sleep(2 * SETTLED)
    with Stream(scene.target(), rate=20) as stream:
        began = time.time()
        time.sleep(SETTLED)
    answers = stream.since(began)
    told = f"requests: {_told(by_status(answers))}; route: {scene.conditions()}"
    metadata = {"name": "public", "namespace": namespace}
    api.apply(
        {
            "apiVersion": live["apiVersion"],
            "kind": "Gateway",
            "metadata": metadata,
            "spec": live["spec"],
        }
    )
    until("requests are answered again", lambda: not failed(ask(scene.target(), 16)), 120)
    yield "gateway deleted", Cell(told)


def _told(statuses: Counter[str]) -> str:
    return ", ".join(f"{status} {count}" for status, count in statuses.most_common()) or "none"
