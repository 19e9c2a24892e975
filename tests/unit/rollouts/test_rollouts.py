"""Rollouts in moved time."""

from serinus.manifests.revision import revision_hash
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, only, serves_only, spec


async def test_a_better_model_is_promoted_and_leaves_only_its_own_pods(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    first = await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    candidate = status["candidate"]["revision"]
    assert await operator.split("fraud") == {
        f"fraud-{first['stable']['revision']}": 80,
        f"fraud-{candidate}": 20,
    }
    await operator.until("fraud", healthy("v2"), moving=5)
    await operator.until_split("fraud", {f"fraud-{candidate}": 100})
    await operator.until("fraud", lambda s: not s.get("retiring"), moving=10)
    await only(operator, "Deployment", {f"fraud-{candidate}"})
    await only(operator, "Service", {f"fraud-{candidate}", "fraud"})


async def test_a_model_that_fails_is_rolled_back_with_its_evidence(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    live = await operator.apply("fraud", **spec("v3"))
    status = await operator.until("fraud", lambda s: "candidate" in s)
    bad = status["candidate"]["revision"]
    operator.traffic.errors = {f"fraud-{bad}": 0.05}
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert status["rejected"]["revision"] == bad
    assert "Candidate errors" in status["message"]
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    assert (await operator.get("fraud"))["spec"] == live["spec"], "the user's spec is never written"
    told = await operator.until_announced("CheckFailed")
    assert (told["type"], told["note"]) == ("Warning", status["rejected"]["message"])


async def test_a_silent_or_broken_prometheus_holds_and_says_so(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    operator.traffic.down = True
    await operator.apply("fraud", **spec("v2"))

    def unavailable(status: Manifest) -> bool:
        told = {each["type"]: each for each in status["conditions"]}
        return bool(told["MetricsAvailable"]["status"] == "False")

    status = await operator.until("fraud", unavailable, moving=5)
    assert "refused the connection" in str(status["conditions"])
    await operator.until("fraud", lambda s: s["phase"] == "Paused", moving=60)
    assert status["candidate"]["weight"]["wanted"] == 20
    operator.traffic.down = False
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_commands_are_obeyed_and_echoed(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: "candidate" in s)
    revision = status["candidate"]["revision"]
    await operator.command("fraud", f"abort/{revision}")
    status = await operator.until("fraud", lambda s: s["rejected"]["reason"] == "Aborted")
    assert status["command"]["command"] == f"abort/{revision}"
    await operator.command("fraud", f"retry/{revision}")
    await operator.until("fraud", lambda s: s["candidate"]["revision"] == revision)
    await operator.command("fraud", f"promote/{revision}")
    await operator.until("fraud", healthy("v2"))


async def test_a_pod_split_follows_the_service_without_a_gateway(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1", traffic={}))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", traffic={}))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    selector = (await operator.cluster.get("Service", operator.namespace, "fraud"))["spec"]
    assert selector["selector"] == {"serinus.dev/name": "fraud"}
    bad = status["candidate"]["revision"]
    operator.traffic.errors = {f"fraud-{bad}": 0.05}
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    await serves_only(operator, status["stable"]["revision"])


async def test_a_restart_in_mid_step_changes_nothing(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", lambda s: len(s["candidate"]["checks"]) > 0, moving=5)
    before = (await operator.get("fraud"))["status"]["decisions"]
    await operator.stop()
    async with operator:
        status = await operator.until("fraud", healthy("v2"), moving=5)
    reasons = [each["reason"] for each in reversed(status["decisions"])]
    assert len(before) < len(reasons)
    wanted = ["FirstDeployment", "Promoted", "RolloutStarted", "WeightRaised", "Promoting"]
    assert reasons == [*wanted, "Promoted"]


async def test_someone_elses_service_is_never_taken_over(operator: Operator) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "fraud", "namespace": operator.namespace},
        "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 80}]},
    }
    theirs = await operator.cluster.create(foreign)
    await operator.apply("fraud", **spec("v1"))

    def stalled(status: Manifest) -> bool:
        return any(c["type"] == "Stalled" and c["status"] == "True" for c in status["conditions"])

    status = await operator.until("fraud", stalled)
    assert "is not adopted" in status["message"]
    now = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert now["spec"] == theirs["spec"]
    await operator.cluster.delete(theirs)
    await operator.until("fraud", healthy("v1"), moving=5)


async def test_someone_elses_history_is_never_taken_over(operator: Operator) -> None:
    desired = spec("v1")
    name = f"fraud-{revision_hash('fraud', desired)}"
    foreign = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": name, "namespace": operator.namespace},
        "revision": 7,
        "data": {"theirs": True},
    }
    theirs = await operator.cluster.create(foreign)
    await operator.apply("fraud", **desired)
    status = await operator.until("fraud", lambda s: s["phase"] == "Degraded")
    assert f"ControllerRevision {operator.namespace}/{name} exists" in status["message"]
    now = await operator.cluster.get("ControllerRevision", operator.namespace, name)
    assert now == theirs
    await operator.cluster.delete(theirs)
    await operator.until("fraud", healthy("v1"), moving=5)


async def test_deletion_leaves_nothing(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    await operator.cluster.delete(await operator.get("fraud"))
    for kind in ("Deployment", "Service", "HTTPRoute", "ControllerRevision"):
        await only(operator, kind, set())


async def test_a_bad_check_stalls_with_a_sentence_that_names_the_field(operator: Operator) -> None:
    query = {"checks": [{"name": "psi", "threshold": {"query": "max(psi{$arm)", "max": 1}}]}
    await operator.apply("fraud", **spec("v1", rollout={"analysis": query}))
    status = await operator.until("fraud", lambda s: s["phase"] == "Degraded")
    assert "query" in status["message"]
