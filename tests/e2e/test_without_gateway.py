"""Traffic split by the number of pods, where no gateway is named."""

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

from tests.stage.deadline import until
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

DELAY = 10
"""Seconds that pods stay which take no traffic any more."""
ENDS_WITHIN = 25
"""Seconds from a rollback to the last request of a rejected pod: the Service lets it go within 5,
and the example's server closes connections within 10 after SIGTERM."""
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
        rollout={"scaleDownDelay": "10m"},
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
    until("its pods end", lambda: not aborted.pods(candidate), 90)


def test_the_requests_of_a_rejected_candidate_end_although_clients_keep_their_connections(
    product: Stage, namespace: str
) -> None:
    """A Service chooses a pod for each connection: what is open stays with a pod that it no longer
    selects."""
    model = Model(
        namespace,
        "kept-open",
        product.model_image,
        steps=[{"setWeight": 50}, {"pause": {}}],
        rollout={"scaleDownDelay": "10m"},
    )
    kept = Deployed(product.api, namespace, "kept-open")
    product.api.apply(model.manifest())
    kept.until_healthy("v1")
    product.api.apply(replace(model, version="v2").manifest())
    candidate = kept.until_weight(50)["candidate"]["revision"]
    target = Target(f"http://kept-open.{namespace}.svc.cluster.local", model.host, rate=20)
    with ExitStack() as loads:
        # one after the other, until a connection leads to the candidate
        for turn in range(16):
            client = replace(target, host=f"client-{turn}.example.com", rate=5)
            load = loads.enter_context(Load(product.api, product.model_image, namespace, client))
            if "v2" in load.seen.versions:
                break
        kept.command(f"abort/{candidate}")
        rejected = kept.until_rejected()["rejected"]
        assert rejected["reason"] == "Aborted"
        ends = datetime.fromisoformat(rejected["at"]).timestamp() + ENDS_WITHIN
        until("time is over", lambda: time.time() > ends + 5, ENDS_WITHIN + 30)
        clients = load.stop()
    assert clients.requests("v2") > 0
    assert clients.versions["v2"].last < ends
    assert clients.versions["v1"].last > ends, "its clients go on with stable"
