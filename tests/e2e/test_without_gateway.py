"""Traffic split by the number of pods, where no gateway is named."""

from dataclasses import replace
from datetime import datetime

from tests.stage.deadline import until
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

DELAY = 10
"""Seconds that pods stay which take no traffic any more."""
PODS_ARE_SCRAPED = {"query": "min(process_start_time_seconds{$arm})", "min": 1}


def reach(product: Stage, namespace: str, target: Target) -> None:
    """Wait until a new Service takes connections: kube-proxy takes it up a moment after its pods
    are ready, and no status tells when."""
    first = replace(target, host="first.example.com")
    with Load(product.api, product.model_image, namespace, first):
        pass


def test_a_canary_by_replica_ratio_is_promoted_and_scaled_and_clients_see_no_failure(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=2,
        steps=[{"setWeight": 33}, {"pause": {"duration": "3s"}}],
        analysis={"interval": "1s", "checks": [{"name": "up", "threshold": PODS_ARE_SCRAPED}]},
        rollout={"scaleDownDelay": f"{DELAY}s"},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    url = f"http://loan.{namespace}.svc.cluster.local"
    target = Target(url, model.host, rate=20, keep_alive=False)
    reach(product, namespace, target)
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v2").manifest())
        status = loan.until_weight(33.3)
        assert status["candidate"]["readyReplicas"] == 1
        assert status["stable"]["readyReplicas"] == 2
        loan.until_healthy("v2")
        loan.until("v1's pods are gone", lambda s: not s.get("retiring"))
        product.api.run("scale", "mdep", "loan", f"--namespace={namespace}", "--replicas=3")
        loan.until("three pods", lambda s: s["stable"]["readyReplicas"] == s["replicas"] == 3)
        clients = load.stop()
    assert not clients.unexplained, (load.unexplained_at, loan.status()["decisions"])
    assert not +clients.model_failures
    assert clients.requests("v2") > 0
    # nobody was sent to v1 once v2 had taken over, though v1's pods stayed for their delay:
    # kube-proxy had half of it
    promoted = next(d["at"] for d in loan.status()["decisions"] if d["reason"] == "Promoted")
    assert clients.versions["v1"].last < datetime.fromisoformat(promoted).timestamp() + DELAY / 2


def test_an_abort_takes_the_candidate_out_of_the_service_before_its_pods_end(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "aborted",
        product.model_image,
        steps=[{"setWeight": 50}, {"pause": {}}],
        rollout={"scaleDownDelay": "2m"},
    )
    aborted = Deployed(product.api, namespace, "aborted")
    product.api.apply(model.manifest())
    aborted.until_healthy("v1")
    product.api.apply(replace(model, version="v2").manifest())
    status = aborted.until_weight(50)
    stable, candidate = status["stable"]["revision"], status["candidate"]["revision"]
    aborted.command(f"abort/{candidate}")
    rejected = aborted.until_rejected()["rejected"]
    assert rejected["reason"] == "Aborted"

    def selected() -> str | None:
        service = product.api.get("Service", namespace, "aborted")
        revision: str | None = service["spec"]["selector"].get("serinus.dev/revision")
        return revision

    until(
        "the Service selects stable's pods alone", lambda: selected() == stable, 30, seen=selected
    )
    assert len(aborted.pods(candidate)) == 1
