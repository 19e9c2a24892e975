"""Clients: a pod that sends requests at a set rate, and what they saw."""

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from tests.stage.api import Api, Manifest
from tests.stage.deadline import until

_START = 180.0
"""Seconds within which a load generator is expected to send."""
_END = 120.0
"""Seconds within which it is expected to have told its summary."""
_PATIENCE = 10.0
"""Seconds that clients wait for an answer."""
_IN_FLIGHT: Final = 2
"""Times what can wait within their patience: none is held back because others wait."""


@dataclass(frozen=True)
class Seen:
    """Answers of one version: how many by code, and when the first and last came (Unix seconds)."""

    codes: Counter[str]
    first: float
    last: float

    @property
    def requests(self) -> int:
        """All answers."""
        return self.codes.total()

    def __add__(self, later: "Seen") -> "Seen":
        return Seen(
            self.codes + later.codes,
            min(self.first, later.first),
            max(self.last, later.last),
        )


@dataclass(frozen=True)
class Clients:
    """What clients saw in some span of time."""

    sent: int = 0
    not_sent: int = 0
    versions: Mapping[str, Seen] = field(default_factory=dict)
    model_failures: Counter[str] = field(default_factory=Counter)
    """5xx that the model's own server answered, by version."""
    other_failures: Counter[str] = field(default_factory=Counter)
    """Every other failed request, by kind."""
    outcomes: Mapping[str, Counter[str]] = field(default_factory=dict)
    """What the clients told of the answers of each version."""

    @classmethod
    def read(cls, report: Mapping[str, Any]) -> Self:
        """From a line of the load generator."""
        return cls(
            sent=report["sent"],
            not_sent=report["not_sent"],
            versions={
                name: Seen(Counter(seen["codes"]), seen["first"], seen["last"])
                for name, seen in report["versions"].items()
            },
            model_failures=Counter(report["model_failures"]),
            other_failures=Counter(report["infrastructure_failures"]),
            outcomes={name: Counter(told) for name, told in report["outcomes"].items()},
        )

    def __add__(self, later: "Clients") -> "Clients":
        versions = dict(self.versions)
        for name, seen in later.versions.items():
            versions[name] = versions[name] + seen if name in versions else seen
        return Clients(
            self.sent + later.sent,
            self.not_sent + later.not_sent,
            versions,
            self.model_failures + later.model_failures,
            self.other_failures + later.other_failures,
            {
                name: self.outcomes.get(name, Counter()) + later.outcomes.get(name, Counter())
                for name in {**self.outcomes, **later.outcomes}
            },
        )

    def requests(self, version: str) -> int:
        """Answers that came from a version."""
        return self.versions[version].requests if version in self.versions else 0

    def error_rate(self, version: str) -> float:
        """Failed share of a version's answers; ZeroDivisionError if it gave none."""
        return self.model_failures[version] / self.requests(version)

    def wrong(self, version: str) -> float | None:
        """The share of a version's answers that were wrong, of those of which clients told what
        became of them; None: of none."""
        told = self.outcomes.get(version, Counter())
        bad = sum(count for outcome, count in told.items() if outcome.startswith("false"))
        return bad / told.total() if told else None

    def to_json(self) -> dict[str, Any]:
        """All counts."""
        versions = {
            name: {"requests": seen.requests, "codes": dict(seen.codes)}
            for name, seen in sorted(self.versions.items())
        }
        return {
            "sent": self.sent,
            "not_sent": self.not_sent,
            "versions": versions,
            "failures_of_models": dict(self.model_failures),
            "other_failures": dict(self.other_failures),
        }

    @property
    def unexplained(self) -> Counter[str]:
        """Failures that no model's own code caused, and requests that could not even be sent."""
        stuck = Counter({"not_sent": self.not_sent}) if self.not_sent else Counter[str]()
        return self.other_failures + stuck


@dataclass(frozen=True)
class Target:
    """Where the requests go, how many a second, and for how many seconds at most."""

    url: str
    host: str
    rate: float
    longest: float = 1800.0
    keep_alive: bool = True
    """Whether requests share connections: a Service without a gateway spreads connections."""
    feedback: bool = False
    """Whether clients tell what became of each answer."""
    income: float = 1
    """How many times the applicants' income."""
    program: str = "loadgen.py"
    """What sends them, of the model server's image."""


class Load:
    """One load generator; a context that starts it, and ends it with its summary read."""

    def __init__(self, api: Api, image: str, namespace: str, target: Target) -> None:
        self._api = api
        self._pod = _pod(image, namespace, target)
        self._where = (namespace, self._pod["metadata"]["name"])
        self._lock = threading.Lock()
        self._seen = Clients()
        self._latest = Clients()
        self._summary: Clients | None = None
        self._unread: list[str] = []
        self.unexplained_at: list[tuple[float, dict[str, int]]] = []
        """Unix seconds and number of failures that no model caused, where there were any."""
        self._reader = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._api.apply(self._pod)
        until("the load generator runs", self._running, _START, seen=self._state)
        self._reader.start()
        until("requests are answered", lambda: self.seen.versions, _START, seen=self._told)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def seen(self) -> Clients:
        """What the clients saw so far; of the last second once the generator has told it."""
        with self._lock:
            return self._summary or self._seen

    @property
    def latest(self) -> Clients:
        """What the clients saw in the last second told."""
        with self._lock:
            return self._latest

    def until_quiet(self, seconds: float, within: float) -> float:
        """Wait until for so long no client has seen a failure that no model caused; from when on,
        in Unix seconds."""
        began = time.time()

        def quiet_since() -> float | None:
            since = max([began, *(at for at, _ in self.unexplained_at)])
            return since if time.time() > since + seconds else None

        return until("clients see no failure", quiet_since, within, seen=self._told)

    def begin(self) -> None:
        """Wait until no request fails, and forget in `unexplained_at` those that did: a gateway on
        a busy machine may have a new route some seconds after it accepts it."""
        self.until_quiet(2, within=120)
        self.unexplained_at.clear()

    def stop(self) -> Clients:
        """End the generator and return what the clients saw from first to last."""
        self._api.delete("Pod", *self._where)
        self._reader.join(_END)
        with self._lock:
            if self._summary is None:
                raise RuntimeError(f"the load generator told no summary: {self._told()}")
            return self._summary

    def _follow(self) -> None:
        for line in self._api.log(*self._where):
            try:
                report = json.loads(line)
            except ValueError:
                self._unread.append(line)
                continue
            with self._lock:
                if "summary" in report:
                    self._summary = Clients.read(report["summary"])
                else:
                    self._latest = Clients.read(report)
                    if unexplained := self._latest.unexplained:
                        self.unexplained_at.append((report["time"], dict(unexplained)))
                    self._seen = self._seen + self._latest

    def _running(self) -> bool:
        pod = self._api.get("Pod", *self._where)
        return bool(pod["status"].get("phase") in ("Running", "Succeeded", "Failed"))

    def _state(self) -> str:
        return json.dumps(self._api.get("Pod", *self._where)["status"].get("containerStatuses"))

    def _told(self) -> str:
        return f"it told {''.join(self._unread)[-500:] or 'nothing'}; seen {self._seen}"


def _pod(image: str, namespace: str, target: Target) -> Manifest:
    name = f"load-{target.host.split('.')[0]}-at-{target.income:g}-{target.rate:g}"
    arguments = {
        "url": target.url,
        "host": target.host,
        "rate": target.rate,
        "income": target.income,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "clients"}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 30,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "load",
                    "image": image,
                    "command": ["python", target.program],
                    "args": [
                        *(f"--{name}={value}" for name, value in arguments.items()),
                        f"--duration={target.longest}",
                        f"--timeout={_PATIENCE}",
                        f"--max-in-flight={math.ceil(_IN_FLIGHT * target.rate * _PATIENCE)}",
                        *([] if target.keep_alive else ["--no-keep-alive"]),
                        *(["--feedback"] if target.feedback else []),
                    ],
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                }
            ],
        },
    }
