"""The operator end to end behind each gateway: a canary is promoted, one is rolled back, and calls
of one gRPC connection are split."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from tests.e2e.test_grpc import CALLS, CHECKS, IMAGE, SERVING, Client
from tests.gateways.implementations import Implementation
from tests.gateways.scene import Cell
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import CLUSTER, Stage

_STEPS: Final[list[dict[str, Any]]] = [{"setWeight": 25}, {"setWeight": 50}]
_ANALYSIS: Final = {"interval": "1s", "checks": [*CHECKS]}
_RATE: Final = 40
_PATIENCE: Final = 600.0


def rollouts(
    product: Stage, implementations: Mapping[str, Implementation]
) -> Iterator[tuple[str, str, Cell]]:
    """By gateway and row, all beside each other: v2 is as good as v1, and v3 fails."""
    stages = {name: each.stage(product) for name, each in implementations.items()}
    models = {name: _model(stage, f"gateways-{name}") for name, stage in stages.items()}
    deployed = {n: Deployed(product.api, each.namespace, "loan") for n, each in models.items()}
    for model in models.values():
        product.fresh_namespace(model.namespace)
        product.api.apply(model.manifest())
    for each in deployed.values():
        each.until_healthy("v1")
    with ExitStack() as stack:
        loads = {
            name: stack.enter_context(_load(stage, models[name])) for name, stage in stages.items()
        }
        for version, row in (("v2", "promoted"), ("v3", "rolled back")):
            began = time.time()
            for model in models.values():
                product.api.apply(replace(model, version=version).manifest())
            for name, each in deployed.items():
                yield name, row, _ended(each, version, began)
        for name, load in loads.items():
            clients = load.stop()
            lost = clients.unexplained
            text = f"{lost.total()} of {clients.sent}" + (f" ({dict(lost)})" if lost else "")
            yield name, "failed in rollouts", Cell(text, not lost)
    for model in models.values():
        product.delete_namespace(model.namespace)


def calls(stage: Stage, namespace: str) -> Iterator[tuple[str, Cell]]:
    """gRPC, with a candidate of the operator at 25%."""
    stage.fresh_namespace(namespace)
    model = replace(
        _model(stage, namespace),
        image=IMAGE.put(CLUSTER),
        container=SERVING,
        steps=[{"setWeight": 25}, {"pause": {}}],
    )
    stage.api.apply(model.manifest())
    loan = Deployed(stage.api, namespace, "loan")
    loan.until_healthy("v1")
    client = Client(stage, model)
    loan.patch(model={"version": "v2"})
    loan.until_weight(25)
    time.sleep(5)
    split = client.next(CALLS)
    got = split["OK v2"] / split.total()
    failures = {call: count for call, count in split.items() if not call.startswith("OK ")}
    text = f"{got:.0%} of {split.total()} calls of one connection" + (
        f"; {failures}" if failures else ""
    )
    yield "gRPC", Cell(text, abs(got - 0.25) < 0.09 and not failures)
    stage.delete_namespace(namespace)


def _model(stage: Stage, namespace: str) -> Model:
    return Model(
        namespace,
        "loan",
        stage.model_image,
        gateway=stage.gateway,
        steps=_STEPS,
        analysis=_ANALYSIS,
    )


def _load(stage: Stage, model: Model) -> Load:
    target = Target(stage.gateway_url, model.host, rate=_RATE)
    return Load(stage.api, stage.model_image, model.namespace, target)


def _ended(deployed: Deployed, version: str, began: float) -> Cell:
    def ended(status: dict[str, Any]) -> bool:
        stable = status.get("stable") or {}
        healthy = status["phase"] == "Healthy" and stable.get("version") == version
        return bool(status.get("rejected")) or healthy

    try:
        status = deployed.until("it has ended", ended, _PATIENCE)
    except TimeoutError as late:
        return Cell(str(late)[:300], holds=False)
    rejected = status.get("rejected")
    text = f"after {time.time() - began:.0f} s"
    if rejected:
        text += f" ({rejected['reason']})"
    return Cell(text, bool(rejected) == (version == "v3"))
