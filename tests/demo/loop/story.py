"""The acts, played on a stage, and the facts of each."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from tests.demo.loop.place import MODEL, NAMESPACE, Place, Version
from tests.stage.deadline import until
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Clients, Load, Target

RATE: Final = 60.0
LONGEST_ACT: Final = 480.0
RECENT: Final = 10.0
"""Seconds over which the share of wrong answers is told."""
ENDS: Final = ("Promoted", "CheckFailed")
"""Reasons for which a rollout is expected to end."""
TOLD_WITHIN: Final = 60.0
"""Seconds in which the registry is told of a decision."""
_OUTCOME: Final = "serinus.outcome"
_REGISTRY: Final = 1.0
"""Seconds between two looks into the registry."""


class Narrator(Protocol):
    """Who tells it while it happens."""

    def act(self, title: str) -> None:
        """A new act begins."""

    def event(self, at: float, what: str) -> None:
        """Something happened, at this Unix time."""

    def moment(self, clients: Clients) -> None:
        """What clients saw in the last second."""


@dataclass(frozen=True)
class Act:
    """The inputs moved, and what came of it. All times are seconds since the first moved input."""

    situation: str
    alarm: float
    trained: float
    """The Job has ended with a new version in the registry."""
    decided: float
    """The new version was promoted, or rolled back."""
    version: str
    reason: str
    evidence: str
    tags: Mapping[str, str]
    """Of the new version in the registry, at the end."""
    wrong_before: float | None
    """The share of wrong answers of the version that served, when the new one came."""
    wrong_after: float | None
    """The same of the new version: after its promotion, or while it was a candidate."""


@dataclass(frozen=True)
class Summary:
    """All facts."""

    acts: tuple[Act, ...]
    clients: Clients
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The facts, for build/demo/loop.json."""
        return {
            "acts": [asdict(act) for act in self.acts],
            "clients": self.clients.to_json(),
            "seconds": round(self.seconds, 1),
            "broken_promises": self.broken_promises(),
        }

    def broken_promises(self) -> list[str]:
        """What did not happen as promised, in sentences; empty if all did."""
        good, bad = self.acts
        broken = [
            f"version {act.version} ended with {act.reason}, not {wanted}: {act.evidence}"
            for act, wanted in ((good, "Promoted"), (bad, "CheckFailed"))
            if act.reason != wanted
        ]
        broken += [
            f"the registry has of version {act.version} {act.tags}, not {wanted}"
            for act, wanted in ((good, "promoted"), (bad, "rolledBack"))
            if act.tags.get(_OUTCOME) != wanted
        ]
        if "Check feedback:" not in bad.evidence:
            broken.append(f"version {bad.version} was not rejected by feedback: {bad.evidence}")
        if not _less(good.wrong_after, good.wrong_before):
            broken.append("the new version is not more often right than the one before")
        if not _less(bad.wrong_before, bad.wrong_after):
            broken.append("the version that was rejected is not more often wrong")
        if lost := self.clients.unexplained + self.clients.model_failures:
            broken.append(f"clients lost requests: {dict(lost)}")
        return broken


def _less(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other


@dataclass
class _Scene:
    """What every act needs, and what was told already."""

    place: Place
    deployed: Deployed
    load: Load
    narrator: Narrator
    told: set[tuple[str, str]]
    """Decisions, by their time and reason."""
    champion: str
    """The version that was told last."""
    asked: float = 0
    """When the registry was, by the monotonic clock."""

    def wait(self, what: str, done: Callable[[Status], object]) -> Status:
        """Follow until it is so."""

        def look(status: Status) -> object:
            self._tell(status)
            return done(status)

        return self.deployed.until(what, look, LONGEST_ACT)

    def since_of(self, status: Status, reasons: tuple[str, ...], after: float) -> float | None:
        """When something was decided for one of these reasons, after a moment."""
        times = (
            _unix(each["at"]) for each in status.get("decisions", []) if each["reason"] in reasons
        )
        return min((at for at in times if at >= after), default=None)

    def wrong(self, version: str, seconds: float = RECENT) -> float | None:
        """The share of wrong answers of a version from now on."""
        before = self.load.seen.outcomes.get(version, Counter())
        time.sleep(seconds)
        after = self.load.seen.outcomes.get(version, Counter())
        told = {name: count - before.get(name, 0) for name, count in after.items()}
        whole = sum(told.values())
        bad = sum(count for name, count in told.items() if name.startswith("false"))
        return bad / whole if whole else None

    def _tell(self, status: Status) -> None:
        for each in reversed(status.get("decisions", [])):
            if (key := (each["at"], each["reason"])) not in self.told:
                self.told.add(key)
                self.narrator.event(_unix(each["at"]), f"{each['reason']}: {each['message']}")
        self.narrator.moment(self.load.latest)
        if time.monotonic() > self.asked + _REGISTRY:
            self._tell_of_the_registry()

    def _tell_of_the_registry(self) -> None:
        self.asked = time.monotonic()
        if (champion := self.place.champion().version) != self.champion:
            self.champion = champion
            self.narrator.event(time.time(), f"MLflow: champion is version {champion}")


def play(place: Place, image: str, narrator: Narrator) -> Summary:
    """All acts in a fresh namespace, with this image of MLflow; the ModelDeployment is left
    there."""
    started, stage = time.monotonic(), place.stage
    narrator.act("Before: a registry, a first version of the model, and clients")
    place.prepare(image)
    narrator.event(time.time(), f"MLflow: {place.champion()}")
    model = place.model()
    deployed = Deployed(stage.api, NAMESPACE, MODEL)
    stage.api.apply(model.manifest())
    status = deployed.until_healthy("1")
    narrator.event(time.time(), "Version 1 serves, as the alias says")
    target = Target(stage.gateway_url, model.host, RATE, feedback=True, program="bank.py")
    with Load(stage.api, stage.model_image, NAMESPACE, target) as load:
        load.begin()
        told = {(each["at"], each["reason"]) for each in status["decisions"]}
        scene = _Scene(place, deployed, load, narrator, told, place.champion().version)
        narrator.act("Act 1: half of the applications come from another region")
        good = _moved(scene, "west", "1", "2")
        narrator.act("Act 2: another region, and a slip in the bank's records")
        narrator.event(place.record("pending"), "The bank records large loans as denied")
        bad = _moved(scene, "north", "2", "3")
        narrator.act("Epilogue: a person repairs the records and moves the alias back")
        place.record("complete")
        place.make_champion("2")
        scene.wait("version 2 followed", lambda s: s["model"]["version"] == "2" and _rests(s))
        clients = load.stop()
    return Summary((good, bad), clients, time.monotonic() - started)


def _moved(scene: _Scene, situation: str, serving: str, coming: str) -> Act:
    """The inputs move; until what comes of it is decided."""
    scene.wait("the inputs are known", _knows_its_inputs)
    moved = scene.place.move(situation)
    scene.narrator.event(moved, f"Applications come from {situation}")

    def found(what: str, *reasons: str) -> float:
        def look(status: Status) -> object:
            return scene.since_of(status, reasons, moved)

        status = scene.wait(what, look)
        at = scene.since_of(status, reasons, moved)
        assert at is not None
        return at

    alarm = found("an alarm", "FeaturesDrifted")
    before = scene.wrong(serving)
    trained = found("a new version", "RetrainingSucceeded", "RetrainingFailed")
    decided = found("a decision", *ENDS)
    status = scene.wait("the end", _rests)
    after = (
        scene.wrong(coming)
        if status["stable"]["version"] == coming
        else scene.load.seen.wrong(coming)
    )
    scene.narrator.event(time.time(), _compared(serving, before, coming, after))
    registered = until(
        f"version {coming} has an outcome in the registry",
        lambda: _with_outcome(scene.place.version(coming)),
        TOLD_WITHIN,
    )
    scene.narrator.event(time.time(), f"MLflow: {registered}")
    last = next(
        each
        for each in status["decisions"]
        if each["reason"] in ENDS and _unix(each["at"]) == decided
    )
    return Act(
        situation,
        round(alarm - moved, 1),
        round(trained - moved, 1),
        round(decided - moved, 1),
        coming,
        last["reason"],
        last["message"],
        registered.tags,
        before,
        after,
    )


def _knows_its_inputs(status: Status) -> bool:
    """Whether a reference is recorded, and inputs are as in it."""
    drifted = next((each for each in status["conditions"] if each["type"] == "Drifted"), None)
    return drifted is not None and drifted["status"] == "False"


def _rests(status: Status) -> bool:
    return status["phase"] in ("Healthy", "RolledBack") and not status.get("candidate")


def _with_outcome(version: Version) -> Version | None:
    return version if _OUTCOME in version.tags else None


def _compared(serving: str, before: float | None, coming: str, after: float | None) -> str:
    words = (
        f"version {version} was wrong about {share:.1%} of the applicants"
        for version, share in ((serving, before), (coming, after))
        if share is not None
    )
    return f"Feedback: {', '.join(words)}"


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
