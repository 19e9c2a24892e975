"""Copies of requests: how many, what becomes of their answers, and whom a bad target hurts."""

import time
from collections.abc import Iterator
from math import sqrt
from typing import Final

from tests.gateways.client import Answer, Stream, ask, by_status, failed, share
from tests.gateways.scene import EMPTY, MISSING, SERVED, Cell, Scene, milliseconds, quantile
from tests.stage.api import Manifest

_REQUESTS: Final = 5_000
_SECONDS: Final = 8.0


def copies(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """How many are copied, and whether an answer of a copy reaches a client."""
    for percent in (10, 100):
        scene.settle(scene.route(0, filters=[_mirror(scene, "quick", percent)]))
        before = scene.asked("quick")
        answers = ask(scene.target(), _REQUESTS)
        time.sleep(1)
        got = 100 * (scene.asked("quick") - before) / len(answers)
        bound = 3.3 * sqrt(percent * (100 - percent) / len(answers))
        told = f"{got:.1f}%"
        if failed(answers):
            told += f"; clients: {dict(by_status(answers))}; {scene.conditions()}"
        yield f"mirror {percent}", Cell(told, abs(got - percent) <= bound and not failed(answers))
    right = share(answers, "stable")
    yield "answers of copies", Cell(f"{right:.0%} of answers are stable's", right == 1)


def bad_targets(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """What clients see while all requests are copied to something that does not work."""
    scene.settle(scene.route(0))
    plain = _watched(scene)
    yield "no mirror", _seen(plain)
    for revision in ("quick", *(name for name in SERVED if name not in _GOOD), EMPTY, MISSING):
        scene.settle(scene.route(0, filters=[_mirror(scene, revision, 100)]))
        seen = _watched(scene)
        cell = _seen(seen)
        if revision == MISSING:
            cell = Cell(f"{cell.text}; {scene.conditions()}", cell.holds)
        yield f"mirror to {revision}", cell
    scene.settle(scene.route(0))


_GOOD: Final = ("stable", "candidate", "quick")


def _mirror(scene: Scene, revision: str, percent: int) -> Manifest:
    mirror = {"backendRef": scene.backend(revision), "percent": percent}
    return {"type": "RequestMirror", "requestMirror": mirror}


def _watched(scene: Scene) -> list[Answer]:
    with Stream(scene.target()) as stream:
        time.sleep(1)
        began = time.time()
        time.sleep(_SECONDS)
    return list(stream.since(began))


def _seen(answers: list[Answer]) -> Cell:
    lost = failed(answers)
    half, most = (milliseconds(quantile(answers, q)) for q in (0.5, 0.99))
    text = f"{half}, {most}"
    if lost:
        text += f"; {len(lost) / len(answers):.1%} failed ({dict(by_status(lost))})"
    return Cell(text, not lost)
