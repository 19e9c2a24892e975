"""Weights, from when on they are in effect, and which rule is before which."""

import time
from collections.abc import Iterator
from math import sqrt
from statistics import median
from typing import Final

from tests.gateways.client import Stream, ask, by_status, failed, share
from tests.gateways.scene import EMPTY, MISSING, SETTLED, Cell, Scene, milliseconds
from tests.stage.api import Manifest

_REQUESTS: Final = 20_000
_FEW: Final = 2_000
_CHANGES: Final = 8
_CHANCE: Final = 3.3
"""Standard deviations: one in a thousand fair splits is further off."""


def weights(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """The share that each weight gets."""
    for weight in (1, 5, 50):
        scene.settle(scene.route(weight))
        answers = ask(scene.target(), _REQUESTS)
        got, chance = _percent(share(answers, "candidate")), _bound(weight, len(answers))
        right = not failed(answers) and abs(got - weight) <= chance
        yield (
            f"weight {weight}",
            Cell(f"{got - weight:+.2f} points (chance: ±{chance:.2f})", right),
        )
    answers = ask(scene.target(), _FEW, connections=1)
    got, chance = _percent(share(answers, "candidate")), _bound(50, len(answers))
    yield "one connection", Cell(f"{got:.1f}% of {_FEW} requests", abs(got - 50) <= chance)


def moments(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """From when on a change is in effect, after Accepted."""
    scene.settle(scene.route(0))
    with Stream(scene.target()) as stream:
        time.sleep(2)
        began = time.time()
        alone = [_late(scene, stream, weight, 0) for weight in _alternating()]
        soon = [_late(scene, stream, weight, 0.5) for weight in _alternating()]
        answers = stream.since(began)
    for name, late in (("moment", alone), ("moment after another", soon)):
        text = f"{milliseconds(median(late))}, at most {milliseconds(max(late))}"
        yield name, Cell(text, max(late) < SETTLED)
    lost = failed(answers)
    told = f"{len(lost)} of {len(answers)}" + (f" ({dict(by_status(lost))})" if lost else "")
    yield "failed in changes", Cell(told, not lost)


def rules(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """A rule with a header is before the rule for all, in the same route and in another."""
    header = {"name": "x-tester", "value": "yes"}
    match = [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [header]}]
    refs = [{**scene.backend("candidate"), "weight": 1}]
    rule = {"matches": match, "backendRefs": refs}
    scene.settle(scene.route(5, before=[rule]))
    yield "header", _header(scene)
    other = _named(scene.route(5), "tester")
    other["spec"]["rules"] = [rule]
    scene.settle(scene.route(5))
    scene.apply_other(other)
    yield "header in another route", _header(scene)
    scene.delete_other("tester")
    yield "older route", _older(scene)


def missing(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """Backends of weight 0, without pods, and without a Service."""
    zero = scene.route(5)
    refs = zero["spec"]["rules"][0]["backendRefs"]
    refs[1]["weight"] = 0
    scene.settle(zero)
    answers = ask(scene.target(), _FEW)
    got = sum(answer.version == "candidate" for answer in answers)
    yield "weight 0", Cell(f"{got} of {len(answers)} requests", got == 0 and not failed(answers))
    refs[0]["weight"] = 0
    scene.settle(zero)
    told = f"{_statuses(scene)}; {scene.conditions()}"
    yield "all weights 0", Cell(told)
    for revision in (EMPTY, MISSING):
        scene.settle(scene.route(20, candidate=revision))
        yield revision, Cell(f"{_statuses(scene)}; {scene.conditions()}")


def features(scene: Scene) -> Iterator[tuple[str, Cell]]:
    """What the GatewayClass says of the features that routes of the operator use."""
    live = scene.product.api.get("GatewayClass", "", scene.implementation.klass)
    listed = (live.get("status") or {}).get("supportedFeatures")
    names = {each if isinstance(each, str) else each["name"] for each in listed or []}
    for feature in (
        "HTTPRouteRequestMirror",
        "HTTPRouteRequestPercentageMirror",
        "HTTPRouteBackendProtocolH2C",
    ):
        said = "yes" if feature in names else "no"
        yield feature, Cell(said if listed else "no list")


def _late(scene: Scene, stream: Stream, weight: int, after: float) -> float:
    """Seconds from Accepted to the last request that was split as before; below 0 if that was
    first. `after` so many seconds after another change, if any."""
    if after:
        scene.apply(scene.route(100 - weight))
        time.sleep(after)
        scene.apply(scene.route(50))
        time.sleep(after)
    began = time.time()
    accepted = scene.apply(scene.route(weight))
    time.sleep(SETTLED + 1)
    wanted = "candidate" if weight == 100 else "stable"
    split_before = stream.since(began - 1)
    return max(each.sent for each in split_before if each.version not in (wanted, None)) - accepted


def _alternating() -> list[int]:
    return [100 * (number % 2) for number in range(1, _CHANGES + 1)]


def _header(scene: Scene) -> Cell:
    with_it = ask(scene.target(**{"x-tester": "yes"}), _FEW)
    without = _percent(share(ask(scene.target(), _FEW), "candidate"))
    got = _percent(share(with_it, "candidate"))
    right = got == 100 and abs(without - 5) <= _bound(5, _FEW)
    return Cell(f"{got:g}% with it, {without:.1f}% of the others", right)


def _older(scene: Scene) -> Cell:
    """Two routes for the same host: the younger one is asked about, by its name the first and the
    last of both."""
    told = []
    scene.delete_other("loan")
    for older in ("a-older", "z-older"):
        route = _named(scene.route(0), older)
        scene.apply_other(route)
        time.sleep(1.5)  # the API server tells time in seconds
        scene.settle(scene.route(100))
        got = _percent(share(ask(scene.target(), _FEW), "stable"))
        told.append(got)
        reported = "RouteRulesOverlap" in scene.conditions()
        scene.delete_other(older)
        scene.delete_other("loan")
    text = f"{told[0]:g}% to the older one; {'reported' if reported else 'not reported'}"
    if told[0] != told[1]:
        text = f"{told[0]:g}% or {told[1]:g}% to the older one, by name; not reported"
    return Cell(text, told == [100, 100])


def _named(route: Manifest, name: str) -> Manifest:
    return {**route, "metadata": {**route["metadata"], "name": name}}


def _statuses(scene: Scene) -> str:
    answers = ask(scene.target(), _FEW)
    return ", ".join(
        f"{count / len(answers):.1%} {status}" for status, count in by_status(answers).most_common()
    )


def _percent(value: float) -> float:
    return 100 * value


def _bound(weight: float, requests: int) -> float:
    return _CHANCE * sqrt(weight * (100 - weight) / requests)
