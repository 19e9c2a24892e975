"""Trains the loan model anew on what the bank has recorded lately, and registers it in MLflow.

The Job of spec.monitoring.retrain (docs/retraining.md) runs it, and so does whoever trains the
first version. It moves the alias only to a version that decides at least as well as the one that
serves, on recorded applications that neither was trained on.

Settings, from the environment:
RETRAINING           what Serinus says: a JSON object with the alarms, and since when the first
                     stands. What was recorded before is left out. Without it: the first training,
                     on everything.
MODEL_URI            the version that serves, models:/NAME/VERSION; Serinus sets it. Without it the
                     new version is compared with nothing.
MLFLOW_TRACKING_URI  address of MLflow.
DATA_URL             address of the applications, such as http://bank:8081/applications.csv.
REGISTERED_MODEL     name of the model in MLflow (default loan).
ALIAS                alias to move (default champion).

Exit codes: 0 the alias is moved; 3 registered, but worse, so the alias stays; 4 too few
applications were recorded within two minutes, so nothing was trained; 1 anything else, such as
MLflow being down.
"""

import json
import os
import time
import urllib.parse
import urllib.request
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import scorecard
from loans import Application, read_csv
from registry import Registry
from scorecard import ARTEFACT
from train import Sample, evaluate, train

MOVED, WORSE, TOO_FEW = 0, 3, 4
AT_LEAST = 1200
"""Different applications."""
WAIT = 120.0
"""Seconds in which so many must be recorded."""
TOLD = Path("/dev/termination-log")
"""Where Kubernetes and Serinus look for what a container says at its end."""


@dataclass(frozen=True)
class Settings:
    """Settings from the environment."""

    since: float
    """Unix seconds; earlier applications are left out."""
    cause: str
    serving: str | None
    tracking: str
    data: str
    model: str
    alias: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises KeyError or ValueError that names what is missing or wrong."""
        told = json.loads(environment.get("RETRAINING") or "{}")
        return cls(
            since=datetime.fromisoformat(told["since"]).timestamp() if told else 0,
            cause=", ".join(each["quantity"] for each in told.get("alarms", [])),
            serving=environment.get("MODEL_URI"),
            tracking=environment["MLFLOW_TRACKING_URI"],
            data=environment["DATA_URL"],
            model=environment.get("REGISTERED_MODEL", "loan"),
            alias=environment.get("ALIAS", "champion"),
        )


def run(settings: Settings) -> tuple[int, dict[str, Any]]:
    """Train, register and compare; the exit code, and what to say."""
    recorded = enough(settings)
    if len(recorded) < AT_LEAST:
        return TOO_FEW, {"applications": len(recorded), "needed": AT_LEAST}
    fitted, held_out = split(recorded)
    registry = Registry(settings.tracking)
    model = replace(train("v2", fitted), version="retrained")
    measured = evaluate(model, held_out)
    compared = _serving(registry, settings.serving, held_out)
    tags = {"applications": str(len(recorded)), "retrained for": settings.cause or "nothing"}
    content = scorecard.dumps(model)
    registered = registry.register(settings.model, ARTEFACT, content, measured, tags)
    told = {"version": registered.version, **measured, **compared}
    if compared and measured["accuracy"] < compared["serving"]["accuracy"]:
        return WORSE, told
    registry.move(settings.model, settings.alias, registered.version)
    return MOVED, told


def enough(settings: Settings) -> list[Application]:
    """The different applications that are recorded, as soon as they are enough."""
    deadline = time.monotonic() + WAIT
    while True:
        found = different(recorded_since(settings.data, settings.since))
        if len(found) >= AT_LEAST or time.monotonic() > deadline:
            return found
        time.sleep(1)


def recorded_since(url: str, moment: float) -> list[Application]:
    """What the bank has recorded since then; 0: all."""
    asked = f"{url}?{urllib.parse.urlencode({'since': moment})}" if moment else url
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return read_csv(answer.read().decode().splitlines())


def different(applications: Iterable[Application]) -> list[Application]:
    """Each application once, as it was recorded last."""
    return list({repr(each.values): each for each in applications}.values())


def split(applications: Iterable[Application]) -> tuple[Sample, Sample]:
    """To train on (70%), and held out. An application is always on the same side, so that no
    version is measured by what an earlier one was trained on."""
    fitted: list[Application] = []
    held_out: list[Application] = []
    for each in applications:
        side = held_out if zlib.crc32(repr(each.values).encode()) % 10 < 3 else fitted
        side.append(each)
    return Sample.of(fitted), Sample.of(held_out)


def _serving(registry: Registry, uri: str | None, held_out: Sample) -> dict[str, Any]:
    """How well the version that serves does on the same applications."""
    if uri is None:
        return {}
    served = registry.find(uri)
    model = scorecard.loads(registry.read(served, ARTEFACT))
    return {"serving": {"version": served.version, **evaluate(model, held_out)}}


def main() -> int:
    code, told = run(Settings.of(os.environ))
    text = json.dumps(told)
    print(text, flush=True)
    if TOLD.exists():
        TOLD.write_text(text)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
