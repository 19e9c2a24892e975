"""The acts, played on a stage, and the facts of each."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from serinus.api.spec import Spec
from serinus.api.validation import read_status
from serinus.views.rollout import RolloutView, rollout_view
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Clients, Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

NAMESPACE: Final = "demo"
RATE: Final = 120.0
LONGEST_ACT: Final = 240.0
SCALE_DOWN_DELAY: Final = 5


class Narrator(Protocol):
    """Who tells it while it happens."""

    def act(self, title: str) -> None:
        """A new act begins."""

    def moment(self, status: Status, view: RolloutView, clients: Clients) -> None:
        """How things stand now, as the status has it and as people see it; `clients` is the last
        second."""

    def ended(self, act: "Act") -> None:
        """How the act ended."""


@dataclass(frozen=True)
class Decision:
    """What Serinus decided, so many seconds after the manifest was applied."""

    after: float
    reason: str
    message: str


@dataclass(frozen=True)
class Act:
    """One version, applied, and what became of it."""

    version: str
    outcome: str
    reason: str
    evidence: str
    seconds: float
    """From applying the manifest to the decision that ended the rollout."""
    decisions: tuple[Decision, ...]
    requests: int = 0
    """Answers that clients had from this version while it was a candidate."""
    failures: int = 0
    """Those among them that failed by the model's own code."""


@dataclass(frozen=True)
class Summary:
    """All facts."""

    acts: tuple[Act, ...]
    clients: Clients
    seconds: float
    restarts: int
    """Containers of the stable version that started anew or were replaced after its promotion."""

    def act(self, version: str) -> Act:
        """The act that rolled this version out."""
        return next(act for act in self.acts if act.version == version)

    def to_json(self) -> dict[str, Any]:
        """The facts, for build/demo/summary.json."""
        return {
            "acts": [asdict(act) for act in self.acts],
            "clients": self.clients.to_json(),
            "seconds": round(self.seconds, 1),
            "restarts": self.restarts,
            "broken_promises": self.broken_promises(),
        }

    def broken_promises(self) -> list[str]:
        """What did not happen as promised, in sentences; empty if all did."""
        wanted = {"v1": "Promoted", "v2": "Promoted", "v3": "CheckFailed", "v4": "CheckFailed"}
        broken = [
            f"{act.version} ended with {act.reason}, not {wanted[act.version]}: {act.evidence}"
            for act in self.acts
            if act.reason != wanted[act.version]
        ]
        broken += [
            f"{version} was rolled back, and not by the check {check}: {self.act(version).evidence}"
            for version, check in (("v3", "errors"), ("v4", "drift"))
            if f"Check {check}:" not in self.act(version).evidence
        ]
        if self.clients.unexplained:
            broken.append(
                f"clients saw failures that no model caused: {dict(self.clients.unexplained)}"
            )
        if others := set(+self.clients.model_failures) - {"v3"}:
            broken.append(f"clients saw failures of {', '.join(sorted(others))}")
        if self.clients.error_rate("v4") != self.clients.error_rate("v2"):
            broken.append("v4's error rate is not that of v2, its stable")
        if self.restarts:
            broken.append(f"{self.restarts} containers of the stable version were restarted")
        return broken


@dataclass(frozen=True)
class _Scene:
    """What every act needs."""

    model: Model
    deployed: Deployed
    narrator: Narrator

    def play(self, version: str, title: str, load: Load | None) -> Act:
        """Apply a version and follow it until it is stable or rejected."""
        self.narrator.act(title)
        applied = time.time()
        self.deployed.api.apply(replace(self.model, version=version).manifest())
        self._follow(f"{version} decided", lambda s: _decided(s, version), load)
        clients = load.seen if load else Clients()
        act = _act(self.deployed.status(), version, applied, clients)
        self.narrator.ended(act)
        return act

    def settle(self, version: str, load: Load) -> None:
        """Wait until this version serves alone, and the pods of all others are gone."""
        self._follow(
            f"{version} alone",
            lambda s: s["phase"] == "Healthy" and not s.get("retiring") and self._alone(s),
            load,
        )

    def stable_restarts(self) -> Mapping[str, int]:
        """Restarts of the containers that serve, by their pods."""
        return self.deployed.restarts(self.deployed.status()["stable"]["revision"])

    def _alone(self, status: Status) -> bool:
        return len(self.deployed.pods()) == len(self.deployed.pods(status["stable"]["revision"]))

    def _follow(self, what: str, done: Callable[[Status], object], load: Load | None) -> None:
        spec = Spec.model_validate(self.model.manifest()["spec"])

        def look(status: Status) -> object:
            view = rollout_view(spec, read_status(status)[0], time.time())
            self.narrator.moment(status, view, load.latest if load else Clients())
            return done(status)

        self.deployed.until(what, look, LONGEST_ACT)


def play(stage: Stage, narrator: Narrator) -> Summary:
    """All acts in a fresh namespace; the ModelDeployment is left there, Healthy with v2."""
    started = time.monotonic()
    stage.fresh_namespace(NAMESPACE)
    model = _model(stage)
    scene = _Scene(model, Deployed(stage.api, NAMESPACE, model.name), narrator)
    first = scene.play("v1", "Act 1: v1, the first deployment", None)
    target = Target(stage.gateway_url, model.host, RATE, longest=4 * LONGEST_ACT)
    with Load(stage.api, stage.model_image, NAMESPACE, target) as load:
        better = scene.play("v2", "Act 2: v2, a better model", load)
        before = scene.stable_restarts()
        failing = scene.play("v3", "Act 3: v3, which fails on part of the real inputs", load)
        drifting = scene.play("v4", "Act 4: v4, which answers all and predicts otherwise", load)
        narrator.act("Epilogue: the manifest goes back to v2")
        scene.deployed.api.apply(replace(model, version="v2").manifest())
        scene.settle("v2", load)
        restarts = _restarted(before, scene.stable_restarts())
        clients = load.stop()
    acts = (first, better, *(_final(act, clients) for act in (failing, drifting)))
    return Summary(acts, clients, time.monotonic() - started, restarts)


def _model(stage: Stage) -> Model:
    return Model(
        NAMESPACE,
        "loan",
        stage.model_image,
        replicas=2,
        gateway=stage.gateway,
        steps=[
            {"setWeight": 20},
            {"pause": {"duration": "5s"}},
            {"setWeight": 50},
            {"pause": {"duration": "5s"}},
        ],
        analysis={"interval": "5s"},
        rollout={"scaleDownDelay": f"{SCALE_DOWN_DELAY}s", "progressDeadline": "2m"},
    )


def _decided(status: Status, version: str) -> bool:
    stable = status.get("stable") or {}
    return bool(status.get("rejected")) or (
        stable.get("version") == version and status["phase"] == "Healthy"
    )


def _act(status: Status, version: str, applied: float, clients: Clients) -> Act:
    decisions = tuple(
        Decision(round(_unix(each["at"]) - applied, 1), each["reason"], each["message"])
        for each in reversed(status["decisions"])
        if _unix(each["at"]) >= applied
    )
    last = decisions[-1]
    outcome = "rolled back" if status.get("rejected") else "promoted"
    return _final(Act(version, outcome, last.reason, last.message, last.after, decisions), clients)


def _final(act: Act, clients: Clients) -> Act:
    """The act with the requests that clients had counted by then."""
    failures = clients.model_failures[act.version]
    return replace(act, requests=clients.requests(act.version), failures=failures)


def _restarted(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    return sum(after.get(uid, count + 1) != count for uid, count in before.items())


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
