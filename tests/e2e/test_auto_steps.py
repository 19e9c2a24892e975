"""Without steps, the weights follow from the traffic of stable's last hour, as Prometheus has it.

The hour is given to Prometheus as blocks: an earlier pod of stable's revision has served until the
test began.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import pytest

from tests.stage import history
from tests.stage.deployed import Deployed, Status
from tests.stage.images import ROOT
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = [pytest.mark.live, pytest.mark.quiet]

HOUR: Final = 3600.0
ANALYSIS: Final[Mapping[str, Any]] = {
    "interval": "5s",
    "checks": [{"name": "errors", "errorRate": {"absoluteMargin": "2%"}}],
}
"""A margin of 2% takes a quarter of the requests of the default, and of the time of the test."""
TARGET: Final = "5m"
TO_GET_GOING: Final = 30.0
"""Seconds of a step that no forecast has: pods start, and the split is counted."""


@dataclass(frozen=True)
class Traffic:
    """Requests a second, and the weights that are chosen for them."""

    rate: int
    chosen: tuple[int, ...]
    words: str


LITTLE: Final = Traffic(5, (50,), "a step of 50% is")
MUCH: Final = Traffic(100, (5, 25, 50), "steps of 5%, 25% and 50% are")


@dataclass(frozen=True)
class Seen:
    """A rollout from its first words to its end."""

    deployed: Deployed
    forecast: Status
    """The status when the weights were chosen."""
    shown: str
    """What `serinus get` printed then."""
    promoted: Status


@pytest.fixture(scope="module")
def seen(product: Stage, namespace: str) -> Iterator[Mapping[int, Seen]]:
    """Both rollouts, at the same time; by names that no run of the last hour had."""
    now = int(time.time())
    models = {
        each: Model(
            namespace,
            f"at-{each.rate}-{now}",
            product.model_image,
            replicas=2,
            gateway=product.gateway,
            steps=None,
            analysis=ANALYSIS,
            rollout={"target": TARGET},
        )
        for each in (LITTLE, MUCH)
    }
    handles = {each: Deployed(product.api, namespace, model.name) for each, model in models.items()}
    with ExitStack() as loads:
        for each, model in models.items():
            product.api.apply(model.manifest())
            handles[each].until_healthy("v1")
            target = Target(product.gateway_url, model.host, each.rate)
            load = Load(product.api, product.model_image, namespace, target)
            loads.enter_context(load).begin()
        give_an_hour(product, handles)
        for model in models.values():
            product.api.apply(replace(model, version="v2").manifest())
        forecasts = {each: forecast_of(handle) for each, handle in handles.items()}
        shown = {each: serinus_get(product, handle) for each, handle in handles.items()}
        yield {
            each.rate: Seen(
                handle, forecasts[each], shown[each], handle.until_healthy("v2", within=900.0)
            )
            for each, handle in handles.items()
        }


def give_an_hour(product: Stage, handles: Mapping[Traffic, Deployed]) -> None:
    """In the place of each of their present pods there was another one until that began."""
    samples, asked = [], ""
    for each, handle in handles.items():
        pods = handle.pods(handle.status()["stable"]["revision"])
        for number, pod in enumerate(pods):
            earlier = f"{pod['metadata']['name'].rpartition('-')[0]}-x2x4{number}"
            labels = {
                "namespace": handle.namespace,
                "pod": earlier,
                "instance": f"192.0.2.{number}:8080",
                "job": "pods",
            }
            since = time.time() - HOUR - 300
            began = datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()
            samples.append(history.requests(labels, each.rate / len(pods), since, began))
            asked = f'count_over_time(model_requests_total{{pod="{earlier}"}}[1h]) > 100'
    image, url = product.model_image, product.prometheus_url
    history.give(product.api, image, url, "".join(samples), asked)


def forecast_of(deployed: Deployed) -> Status:
    """The status once stable's hour has been read, before anything was measured."""

    def chosen(status: Status) -> bool:
        candidate = status.get("candidate") or {}
        return bool((candidate.get("baseline") or {}).get("weights"))

    return deployed.until("weights are chosen", chosen)


def serinus_get(product: Stage, deployed: Deployed) -> str:
    """What the command prints."""
    words = ["get", deployed.name, f"--namespace={deployed.namespace}"]
    tools = str(product.api.kubectl.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "operator"),
        "KUBECONFIG": str(product.api.kubeconfig),
        "PATH": f"{tools}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "serinus.cli", *words],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def took(status: Status) -> float:
    """Seconds from the first weight in effect to the decision to promote."""
    [promoting] = (each["at"] for each in status["decisions"] if each["reason"] == "Promoting")
    began = status["timeline"]["weights"][0]["since"]
    return (datetime.fromisoformat(promoting) - datetime.fromisoformat(began)).total_seconds()


def expected(message: str) -> float:
    """Seconds that the message says the steps take, rounded as it rounds."""
    [told] = re.findall(r"expected to take about (?:(\d+)m)?(?:(\d+)s)?,", message)
    minutes, seconds = (int(each or 0) for each in told)
    return 60.0 * minutes + seconds


@pytest.mark.parametrize("traffic", [LITTLE, MUCH], ids=["little", "much"])
def test_the_weights_follow_from_stables_last_hour(
    seen: Mapping[int, Seen], traffic: Traffic
) -> None:
    rollout = seen[traffic.rate]
    baseline = rollout.forecast["candidate"]["baseline"]
    assert tuple(baseline["weights"]) == traffic.chosen
    message = baseline["message"]
    assert message.startswith(
        "Stable's last hour shows no bursts and no differences between pods. "
        f"The spec has no steps: {traffic.words} chosen, expected to take about "
    )
    assert message.count(" within the target of 5m.") == 1
    assert message in rollout.forecast["message"]


@pytest.mark.parametrize("traffic", [LITTLE, MUCH], ids=["little", "much"])
def test_get_shows_the_steps_that_were_chosen(seen: Mapping[int, Seen], traffic: Traffic) -> None:
    shown = seen[traffic.rate].shown
    [listed] = re.findall(r"^STEPS\n((?:  .*\n)+)", shown, re.MULTILINE)
    assert [int(each) for each in re.findall(r"(\d+)%", listed)] == list(traffic.chosen), shown


@pytest.mark.parametrize("traffic", [LITTLE, MUCH], ids=["little", "much"])
def test_a_good_candidate_is_promoted_by_them_in_about_the_time_that_was_forecast(
    seen: Mapping[int, Seen], traffic: Traffic
) -> None:
    rollout = seen[traffic.rate]
    weights = [each["weight"] for each in rollout.promoted["timeline"]["weights"]]
    assert [each for each in weights if 0 < each < 100] == list(traffic.chosen)
    forecast = expected(rollout.forecast["candidate"]["baseline"]["message"])
    print(f"{traffic.rate} requests/s: forecast {forecast:g} s, took {took(rollout.promoted):g} s")
    assert took(rollout.promoted) <= 2 * forecast + TO_GET_GOING * len(traffic.chosen)
