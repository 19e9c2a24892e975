"""Every public function of the rooms that judge and decide made to raise, one at a time.

A candidate fails 30% of its requests, and the function raises from then on, or from before the
rollout. The candidate must lose its traffic as soon as the table allows, by another check or by
withdrawal, somebody must be told, and nothing may loop.

`python -m tests.campaign.raising [--every N] [NAME ...]` prints a JSON line for each function that
is called meanwhile.
"""

import argparse
import asyncio
import importlib
import inspect
import json
import pkgutil
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final
from unittest.mock import patch

from serinus.api.notifications import Endpoint
from serinus.notifications.sender import Sender
from tests.campaign.history import History
from tests.campaign.invariants import BAD_WITHIN, violations
from tests.campaign.memory.world import World, run
from tests.campaign.stage import Manifest, spec

ROOMS: Final = ("judge", "metrics", "plan", "manifests", "views", "notifications")
MOMENTS: Final = ("before the rollout", "in a step")
FAILING: Final = 0.3
"""Share of the candidate's requests that fail."""
LASTS: Final = 480.0
"""Seconds for which a run is watched."""
_FEATURES: Final = (("amount", "10"), ("amount", "+Inf"), ("age", "40"), ("age", "+Inf"))
EXPORTS: Final[Mapping[str, Sequence[tuple[float, Mapping[str, str]]]]] = {
    "model_request_duration_seconds_bucket": [
        (share, {"le": le}) for share, le in ((0.5, "0.01"), (0.9, "0.1"), (1.0, "+Inf"))
    ],
    "model_predictions_total": [
        (0.4, {"class": "no", "group": "a"}),
        (0.3, {"class": "yes", "group": "a"}),
        (0.2, {"class": "no", "group": "b"}),
        (0.1, {"class": "yes", "group": "b"}),
    ],
    "model_prediction_score_bucket": [
        (share, {"le": le}) for share, le in ((0.3, "0.2"), (0.8, "0.5"), (1.0, "+Inf"))
    ],
    "model_feature_value_bucket": [
        (1.0 if le == "+Inf" else 0.6, {"feature": name, "le": le}) for name, le in _FEATURES
    ],
    "model_feature_category_total": [
        (0.7, {"feature": "region", "category": "north"}),
        (0.3, {"feature": "region", "category": "south"}),
    ],
    "model_feedback_total": [
        (0.05, {"outcome": "positive", "group": "a"}),
        (0.02, {"outcome": "negative", "group": "a"}),
        (0.03, {"outcome": "positive", "group": "b"}),
        (0.01, {"outcome": "negative", "group": "b"}),
    ],
}


def watched(version: str) -> Manifest:
    """A ModelDeployment with every kind of check, and everything monitored."""
    found = spec(version)
    found["rollout"]["analysis"] |= {
        "checks": [
            {"name": "errors", "errorRate": {}},
            {"name": "slow", "latency": {}},
            {"name": "drift", "predictionDrift": {}},
            {"name": "liked", "feedback": {}},
            {
                "name": "fair",
                "fairness": {"favourable": [{"label": "class", "value": "yes"}]},
                "mode": "Audit",
            },
        ],
    }
    found["monitoring"] = {
        "featureDrift": {},
        "predictionDrift": {},
        "errorRate": {"limit": "50%"},
        "feedback": {"limit": "90%"},
    }
    return found


# --- what is made to raise


class PlantedError(Exception):
    """Raised by the function under test."""


@dataclass(frozen=True, slots=True)
class Target:
    """A public function or method."""

    name: str
    """Of its module below the package, and its own."""
    functions: tuple[FunctionType, ...] = field(compare=False)


def targets() -> list[Target]:
    """Of all rooms, by name."""
    found: dict[str, Target] = {}
    for room in ROOMS:
        package = importlib.import_module(f"serinus.{room}")
        names = [
            each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        ]
        for name in [package.__name__, *names]:
            for target in _in_module(importlib.import_module(name)):
                found.setdefault(target.name, target)
    return [found[name] for name in sorted(found)]


def _in_module(module: ModuleType) -> Iterator[Target]:
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
            continue
        where = f"{module.__name__.removeprefix('serinus.')}.{name}"
        if inspect.isclass(value):
            for member, what in vars(value).items():
                if not member.startswith("_") and (functions := _functions(what, module)):
                    yield Target(f"{where}.{member}", functions)
        elif functions := _functions(value, module):
            yield Target(where, functions)


def _functions(value: Any, module: ModuleType) -> tuple[FunctionType, ...]:
    if isinstance(value, property):
        value = value.fget
    value = (
        inspect.unwrap(getattr(value, "__func__", value))
        if callable(value) or isinstance(value, classmethod | staticmethod)
        else value
    )
    ours = isinstance(value, FunctionType) and value.__code__.co_filename == module.__file__
    return (value,) if ours else ()


@contextmanager
def planted(target: Target, calls: list[str], *, raises: bool = True) -> Iterator[None]:
    """Within it the function raises, wherever it is called from; calls are noted."""
    before = [(each, each.__code__) for each in target.functions]
    caches = [each for each in _caches() if each.__wrapped__ in target.functions]
    for function, code in before:
        function.__code__ = _raising(function, code, target.name, calls)
    for each in caches:
        each.cache_clear()
    try:
        yield
    finally:
        for function, code in before:
            function.__code__ = code
        for each in caches:
            each.cache_clear()


def _raising(function: FunctionType, code: CodeType, name: str, calls: list[str]) -> CodeType:
    """Code that raises, with as many free variables as the function has."""
    key = f"planted {name}"
    function.__globals__[key] = lambda: _raise(name, calls)
    cells = ", ".join(code.co_freevars)
    inner = f"def raising(*_, **__):\n  ({cells}{',' if cells else ''})\n  globals()[{key!r}]()\n"
    if cells:
        names = "".join(f"  {each} = None\n" for each in code.co_freevars)
        body = inner.replace("\n", "\n  ").rstrip()
        source = f"def outer():\n{names}  {body}\n  return raising\n"
        outer = next(
            each for each in compile(source, key, "exec").co_consts if isinstance(each, CodeType)
        )
        return next(each for each in outer.co_consts if isinstance(each, CodeType))
    return next(
        each for each in compile(inner, key, "exec").co_consts if isinstance(each, CodeType)
    )


def _raise(name: str, calls: list[str]) -> None:
    calls.append(name)
    raise PlantedError(name)


@lru_cache(maxsize=1)
def _caches() -> list[Any]:
    return [
        value
        for name, module in sys.modules.items()
        if name.startswith("serinus.")
        for value in vars(module).values()
        if hasattr(value, "cache_clear") and hasattr(value, "__wrapped__")
    ]


# --- a run


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    function: str
    moment: str
    called: bool
    wrong: list[str]
    failing: float | None
    """Seconds for which the candidate had traffic and failed its clients."""
    told: str
    part: str = "raising"

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not self.wrong


def tried(target: Target | None, moment: str) -> Result:
    """A rollout in which a function raises."""
    calls: list[str] = []
    exposed: list[str] = []

    async def course(world: World) -> History:
        world.end()
        world.endpoints = [Endpoint.model_validate(_ENDPOINT)]
        world.prometheus.exports = EXPORTS
        await world.start()
        await world.apply(watched("v1"))
        await world.until(lambda s: s.status.get("phase") == "Healthy" and bool(s.split))
        await world.wait(600.0)
        if moment == MOMENTS[1]:
            await world.apply(watched("v2"))
            await world.until(lambda s: bool(s.role("candidate").get("counted")))
        world.model("v2", errors=FAILING)
        world.act("v2 fails its clients")
        with planted(target, calls) if target else contextless():
            if moment == MOMENTS[0]:
                await world.apply(watched("v2"))
            await world.wait(LASTS)
        exposed.append(world.app.metrics.exposition().decode() if world.app else "")
        return world.history

    name = target.name if target else ""
    with patch.object(Sender, "run", _never_tells):
        try:
            history = run(course)
        except Exception as error:
            said = "".join(traceback.format_exception_only(_innermost(error))).strip()
            return Result(name, moment, bool(calls), [f"the run ended: {said}"], None, "")
    failing = _failing(history)
    wrong = [str(each) for each in violations(history) if each.name not in _NOT_HERE]
    if failing > BAD_WITHIN["errors"]:
        wrong.append(f"the candidate had traffic for {failing:.0f} s")
    told = _told(history, exposed[0])
    if calls and not told:
        wrong.append("nobody was told")
    return Result(name, moment, bool(calls), wrong, failing, told)


@contextmanager
def contextless() -> Iterator[None]:
    """Nothing raises."""
    yield


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


_ENDPOINT: Final = {"name": "ops", "form": "CloudEvents", "folder": "/nonexistent"}
_NOT_HERE: Final = frozenset(
    {
        "no unexpected exception",
        "the status message is correct",
        "good candidates are not rejected",
        "rejected revisions lose traffic",
        "other revisions have no traffic",
    }
)
"""Invariants that a broken operator need not keep; for how long a bad candidate has traffic is
measured here."""
_OF_THE_CLIENT: Final = frozenset({"manifests.kinds.Kind.group", "manifests.kinds.Kind.path"})
"""Without these not one request reaches the API server, and a user's neither."""


async def _never_tells(_: Sender) -> None:
    await asyncio.Event().wait()


def _failing(history: History) -> float:
    began = max(each.at for each in history.acts if each.words == "v2 fails its clients")
    return sum(
        min(until, history.end) - max(snapshot.at, began)
        for snapshot, until in history.spans()
        if until > began and any(snapshot.split.get(bad) for bad in snapshot.bad)
    )


def _told(history: History, exposed: str) -> str:
    """How somebody was told, besides the log."""
    status = history.snapshots[-1].status
    conditions = [each for each in status.get("conditions", ()) if each["type"] == "InternalError"]
    if (
        any(
            each["type"] == "InternalError"
            for _, known in history.statuses
            for each in known.get("conditions", ())
        )
        or conditions
    ):
        return "condition"
    if any(each.reason == "InternalError" for each in history.told):
        return "event"
    counted = [
        line
        for line in exposed.splitlines()
        if line.startswith(("serinus_internal_errors_total", "serinus_reconcile_errors_total"))
        and not line.endswith(" 0.0")
    ]
    return "metric" if counted else ""


def reached(moment: str) -> list[str]:
    """The functions that a rollout calls from that moment on."""
    seen: set[CodeType] = set()

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    @contextmanager
    def profiled() -> Iterator[None]:
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    with patch(f"{__name__}.contextless", profiled):
        result = tried(None, moment)
    if result.wrong:
        raise AssertionError(f"without a fault: {result.wrong}")
    codes = {each.name: [f.__code__ for f in each.functions] for each in targets()}
    called = [name for name, code in codes.items() if seen.intersection(code)]
    return [name for name in called if name not in _OF_THE_CLIENT]


def one(name: str, moment: str) -> dict[str, Any]:
    """The result for a function, by its name, as it is printed."""
    found = {each.name: each for each in targets()}
    result = tried(found[name], moment)
    return {
        "part": result.part,
        "function": name,
        "moment": moment,
        "ok": result.ok,
        "wrong": result.wrong,
        "failing": result.failing,
        "told": result.told,
    }


def main(arguments: Sequence[str]) -> int:
    """Run; 1 if something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.raising", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only functions whose name has it")
    parser.add_argument("--every", type=int, default=1, help="only every Nth of them")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    wrong = 0
    began = time.monotonic()
    # by its name: as __main__ it is another module in each process
    this = importlib.import_module("tests.campaign.raising")
    with ProcessPoolExecutor(options.workers) as pool:
        runs = []
        for moment, names in zip(MOMENTS, pool.map(this.reached, MOMENTS), strict=True):
            chosen = [n for n in names if not options.names or any(o in n for o in options.names)]
            runs += [(name, moment) for name in chosen[:: options.every]]
        for line in pool.map(this.one, *zip(*runs, strict=True)):
            print(json.dumps(line), flush=True)
            wrong += not line["ok"]
    print(f"{len(runs)} runs, {wrong} wrong, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
