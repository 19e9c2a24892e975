"""A guard after promotion, ended by what may happen in it, beside each other: a model that goes bad
with and without a gateway and with a dead operator, a new spec, an abort."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tests.stage.broken_servers import failing
from tests.stage.deadline import until
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.operator import Operator
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

RATE: Final = 10.0
NAMES: Final = ("bad", "killed", "replaced", "aborted", "ungated")
TAKES_BACK: Final = ["FirstDeployment", "Promoted", "RolloutStarted", "Promoting", "Promoted"]


@dataclass(frozen=True)
class Guarded:
    """v2 is promoted and guarded, and clients have sent requests since before that."""

    product: Stage
    model: Model
    loan: Deployed
    load: Load

    def goes_bad(self) -> None:
        """Most requests to v2 fail from now on."""
        revision = self.loan.status()["candidate"]["revision"]
        for pod in self.loan.pods(revision):
            where = (pod["metadata"]["name"], f"--namespace={self.loan.namespace}")
            self.product.api.run("exec", *where, "--", "sh", "-c", "kill -USR1 1")

    def until_taken_back(self, reason: str) -> Status:
        """v1 has all traffic, and v2 no pods."""
        rejected = self.loan.until_rejected()["rejected"]
        assert rejected["reason"] == reason, rejected
        status = self.loan.until("v1 alone is left", _is_alone)
        assert status["stable"]["version"] == "v1"
        return status

    def clients(self) -> Mapping[str, int]:
        """How many requests failed, by the version whose own failures they are: no other failed."""
        seen = self.load.stop()
        assert not seen.unexplained, self.load.unexplained_at
        return +seen.model_failures


@pytest.fixture(scope="module")
def guarded(product: Stage, operator: Operator, namespace: str) -> Iterator[dict[str, Guarded]]:
    models = {name: _model(product, namespace, name) for name in NAMES}
    models["killed"] = replace(models["killed"], spec={"class": operator.klass})
    models["ungated"] = replace(models["ungated"], gateway=None, replicas=2)
    deployed = {name: Deployed(product.api, namespace, name) for name in NAMES}
    for model in models.values():
        product.api.apply(model.manifest())
    for each in deployed.values():
        each.until_healthy("v1")
    with ExitStack() as ends:
        loads = {name: ends.enter_context(_load(product, models[name])) for name in NAMES}
        for model in models.values():
            product.api.apply(replace(model, version="v2", container=failing(0.0)).manifest())
        for each in deployed.values():
            each.until("v2 is promoted and guarded", _is_guarded)
        yield {name: Guarded(product, models[name], deployed[name], loads[name]) for name in NAMES}


def test_a_model_that_goes_bad_loses_its_traffic_and_clients_no_request_but_its_own(
    guarded: dict[str, Guarded],
) -> None:
    bad = guarded["bad"]
    assert bad.loan.until_weight(80)["phase"] == "Healthy"
    bad.goes_bad()
    bad.until_taken_back("GuardFailed")
    assert set(bad.clients()) == {"v2"}
    assert set(bad.load.latest.versions) == {"v1"}


def test_an_operator_that_dies_when_the_model_goes_bad_takes_the_traffic_back_once(
    guarded: dict[str, Guarded], operator: Operator
) -> None:
    killed = guarded["killed"]
    operator.kill()
    killed.goes_bad()
    status = killed.until_taken_back("GuardFailed")
    assert set(killed.clients()) == {"v2"}
    reasons = [each["reason"] for each in reversed(status["decisions"])]
    assert reasons == [*TAKES_BACK, "GuardFailed"]
    # an Event may be lost with the process that was about to write it
    assert killed.loan.events() <= Counter(reasons)


def test_a_new_spec_starts_from_the_guarded_revision(guarded: dict[str, Guarded]) -> None:
    replaced = guarded["replaced"]
    v1, v2 = (replaced.loan.status()[role]["revision"] for role in ("stable", "candidate"))
    replaced.product.api.apply(replace(replaced.model, version="v4").manifest())
    status = replaced.loan.until("v4 is guarded", lambda s: _is_guarded(s) and not _retiring(s))
    assert (status["stable"]["revision"], status["candidate"]["version"]) == (v2, "v4")
    until("v1's pods are let go", lambda: not _deployed(replaced.loan, v1), 60)
    # a second has few requests, and the last one of a load that ends may have fewer
    until("v2 and v4 answer", lambda: set(replaced.load.latest.versions) == {"v2", "v4"}, 60)
    assert not replaced.clients()


def test_an_abort_gives_the_traffic_back(guarded: dict[str, Guarded]) -> None:
    aborted = guarded["aborted"]
    v2 = aborted.loan.status()["candidate"]["revision"]
    aborted.loan.command(f"abort/{v2}")
    aborted.until_taken_back("Aborted")
    assert not aborted.clients()
    assert set(aborted.load.latest.versions) == {"v1"}


def test_without_a_gateway_the_pods_return_before_the_traffic(guarded: dict[str, Guarded]) -> None:
    ungated = guarded["ungated"]
    status = ungated.loan.status()
    v1, v2 = (status[role]["revision"] for role in ("stable", "candidate"))
    assert (len(ungated.loan.pods(v1)), len(ungated.loan.pods(v2))) == (1, 2)
    assert status["candidate"]["weight"]["actual"] == pytest.approx(66.7)
    ungated.goes_bad()
    back = ungated.loan.until_rejected()
    assert back["stable"]["readyReplicas"] == 2
    ungated.until_taken_back("GuardFailed")
    assert set(ungated.clients()) == {"v2"}
    assert set(ungated.load.latest.versions) == {"v1"}


def _model(product: Stage, namespace: str, name: str) -> Model:
    return Model(
        namespace,
        name,
        product.model_image,
        gateway=product.gateway,
        analysis={"interval": "1s", "checks": [{"name": "errors", "errorRate": {}}]},
        rollout={"guard": {"duration": "1h", "holdback": "20%"}, "scaleDownDelay": "5s"},
    )


def _load(product: Stage, model: Model) -> Load:
    url = product.gateway_url
    if model.gateway is None:
        url = f"http://{model.name}.{model.namespace}.svc.cluster.local"
    target = Target(url, model.host, RATE, keep_alive=model.gateway is not None)
    return Load(product.api, product.model_image, model.namespace, target)


def _is_guarded(status: Status) -> bool:
    candidate = status.get("candidate") or {}
    return bool(candidate.get("guarding") and candidate.get("effectiveSince"))


def _deployed(loan: Deployed, revision: str) -> bool:
    names = {each["metadata"]["name"] for each in loan.children("Deployment")}
    return f"{loan.name}-{revision}" in names


def _retiring(status: Status) -> list[Any]:
    found: list[Any] = status.get("retiring", [])
    return found


def _is_alone(status: Status) -> bool:
    return not status.get("candidate") and not _retiring(status)
