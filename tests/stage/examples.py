"""The numbered examples, each over a running v1, in a namespace of its own."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.stage import Stage

EXAMPLES: Final = {
    path.stem: path for path in sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
}
"""By name."""
JUDGED: Final = {"04-drift": 20.0, "07-analysis": 6.0, "08-monitoring": 4.0}
"""Those that wait for evidence, in the order in which they begin, and the requests a second that
they get."""
LONG: Final = {"02-canary": 120.0, "05-threshold": 20.0}
"""Those that wait for more of it than the rest of a run takes."""
_HEARD: Final = {"07-analysis"}
"""Those whose clients tell what became of the answers."""
_CANDIDATES: Final = {"04-drift": "v4"}
"""Other versions than the example's own, where it is about those that are refused."""
_IMAGE: Final = "localhost/serinus-model-server:dev"


@dataclass(frozen=True)
class Applied:
    """An example whose candidate has begun, and its clients."""

    deployed: Deployed
    load: Load


@contextmanager
def judged(product: Stage, rates: Mapping[str, float]) -> Iterator[Mapping[str, Applied]]:
    """These examples with clients, judged beside each other. They start one after another, for a
    start takes a core from the pods that serve."""
    with running(product, rates) as found, ExitStack() as stack:
        applied = {}
        for name, rate in rates.items():
            load = _load(product, found[name].namespace, rate, feedback=name in _HEARD)
            applied[name] = Applied(found[name], stack.enter_context(load))
            apply_candidate(product, name, found[name])
            until_candidate_runs(found[name])
        yield applied


def verdicts(status: Status) -> dict[str, str]:
    """Those about the candidate, by check; none without a candidate."""
    checks = (status.get("candidate") or {}).get("checks", [])
    return {check["name"]: check["verdict"] for check in checks}


@contextmanager
def running(product: Stage, names: Collection[str]) -> Iterator[Mapping[str, Deployed]]:
    """These examples, started beside each other with v1."""
    found = {name: Deployed(product.api, f"e2e-example-{name}", "loan") for name in names}
    for name, deployed in found.items():
        product.fresh_namespace(deployed.namespace)
        product.api.apply(_manifest(product, name, deployed.namespace, "v1"))
    for deployed in found.values():
        deployed.until_healthy("v1")
    yield found
    for deployed in found.values():
        product.delete_namespace(deployed.namespace)


def apply_candidate(product: Stage, name: str, deployed: Deployed) -> None:
    """Begin the rollout that the example is about."""
    version = _CANDIDATES.get(name, "v2")
    product.api.apply(_manifest(product, name, deployed.namespace, version))


def until_candidate_runs(deployed: Deployed) -> None:
    """Wait for the first pod of the candidate."""
    deployed.until("the candidate's pods run", _candidate_runs)


def _load(product: Stage, namespace: str, rate: float, *, feedback: bool) -> Load:
    url = f"http://loan.{namespace}.svc.cluster.local"
    target = Target(url, namespace, rate, keep_alive=False, feedback=feedback)
    return Load(product.api, product.model_image, namespace, target)


def _manifest(product: Stage, name: str, namespace: str, version: str) -> dict[str, Any]:
    text = EXAMPLES[name].read_text(encoding="utf-8").replace(_IMAGE, product.model_image)
    manifest: dict[str, Any] = yaml.safe_load(text)
    manifest["metadata"]["namespace"] = namespace
    manifest["spec"]["model"]["version"] = version
    return manifest


def _candidate_runs(status: Status) -> bool:
    return bool((status.get("candidate") or {}).get("readyReplicas"))
