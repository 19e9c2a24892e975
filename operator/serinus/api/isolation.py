"""An exception in one part becomes that part's error, and stops nothing else.

The code that judges and decides is pure and cannot log. It runs a part by `isolated`, which says
what stands in for the result of a part that raised; whoever called it, the operator or a command,
collects what was raised with `collected`, and reports it. Where nobody collects, the exception is
raised, as tests want it.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

T = TypeVar("T")

_LONGEST_MESSAGE: Final = 300
_PACKAGE: Final = __file__.removesuffix("api/isolation.py")


class Part(StrEnum):
    """What an exception is kept in; values of the label `part` of a metric."""

    CHECK = "check"
    COUNTER = "counter"
    INPUTS = "inputs"
    SILENCE = "silence"
    JUDGING = "judging"
    MEASURING = "measuring"
    AUDIT = "audit"
    FORECAST = "forecast"
    MONITORING = "monitoring"
    NOTIFICATIONS = "notifications"
    REGISTRIES = "registries"
    REPORT = "report"
    VIEW = "view"
    PASS = "pass"
    LOOP = "loop"

    @property
    def judges(self) -> bool:
        """Whether a bad candidate may stay unnoticed while it raises."""
        return self in _JUDGING


_JUDGING: Final = frozenset(
    {Part.CHECK, Part.COUNTER, Part.SILENCE, Part.JUDGING, Part.MEASURING, Part.PASS}
)
_TITLES: Final = {
    Part.CHECK: "Check",
    Part.COUNTER: "Counter",
    Part.INPUTS: "The comparison of inputs",
    Part.SILENCE: "The test for a silent candidate",
    Part.JUDGING: "The judgement",
    Part.MEASURING: "A measurement",
    Part.AUDIT: "In audit mode,",
    Part.FORECAST: "The forecast",
    Part.MONITORING: "Monitoring of",
    Part.NOTIFICATIONS: "Notifications",
    Part.REGISTRIES: "Reading",
    Part.REPORT: "The status message",
    Part.VIEW: "A view",
    Part.PASS: "The whole pass",
    Part.LOOP: "The loop of",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception of our own code in one part."""

    part: Part
    name: str
    """Which one of them; empty: there is only one."""
    error: Exception

    @property
    def title(self) -> str:
        """Which part, at the beginning of a sentence."""
        return _title(self.part, self.name)

    def within(self, area: Part) -> "Fault":
        """What it is in an area that decides nothing about a candidate."""
        return Fault(*_key(self.part, self.name, area), self.error)

    @property
    def place(self) -> str:
        """Where in the package it was raised, or through which line of it."""
        frames = traceback.extract_tb(self.error.__traceback__)
        ours = [each for each in frames if each.filename.startswith(_PACKAGE)]
        if not ours:
            return "an unknown line"
        return f"{ours[-1].filename.removeprefix(_PACKAGE)}, line {ours[-1].lineno}"

    @property
    def message(self) -> str:
        """What people are shown, without what the exception says of users' data."""
        raised = f"{type(self.error).__name__} in {self.place}"
        return (
            f"An internal error of Serinus ({raised}): the operator's log has the details; please "
            "report it"
        )[:_LONGEST_MESSAGE]


def _title(part: Part, name: str) -> str:
    return f"{_TITLES[part]} {name}".rstrip()


def _key(part: Part, name: str, area: Part | None) -> tuple[Part, str]:
    """Part and name of what runs in an area; None: it may judge a candidate."""
    if area is None or not part.judges:
        return part, name
    title = _title(part, name)
    return area, title[0].lower() + title[1:]


@dataclass(slots=True)
class Faults:
    """What became of the parts that were run."""

    raised: list[Fault] = field(default_factory=list)
    ran: set[tuple[Part, str]] = field(default_factory=set)
    """Part and name of those that raised nothing."""

    def note(self, *faults: Fault) -> None:
        """Also these were raised."""
        self.raised += faults
        self.ran -= {(each.part, each.name) for each in faults}


_FAULTS: ContextVar[Faults | None] = ContextVar("faults", default=None)
_AREA: ContextVar[Part | None] = ContextVar("area", default=None)


@contextmanager
def collected() -> Iterator[Faults]:
    """Within it parts are isolated, also on threads that run in its context."""
    faults = Faults()
    token = _FAULTS.set(faults)
    try:
        yield faults
    finally:
        _FAULTS.reset(token)


def attributed(area: Part, run: Callable[[], T]) -> T:
    """The result of what decides nothing about a candidate. What raises in it belongs to this area,
    though its parts judge elsewhere."""
    token = _AREA.set(area)
    try:
        return run()
    finally:
        _AREA.reset(token)


def isolated(part: Part, run: Callable[[], T], instead: Callable[[Fault], T], name: str = "") -> T:
    """The result of a part, or what stands in for it if it raises."""
    faults = _FAULTS.get()
    if faults is None:
        return run()
    key = _key(part, name, _AREA.get())
    try:
        result = run()
    except Exception as error:
        fault = Fault(*key, error)
        faults.note(fault)
        return instead(fault)
    if key not in {(each.part, each.name) for each in faults.raised}:
        faults.ran.add(key)
    return result
