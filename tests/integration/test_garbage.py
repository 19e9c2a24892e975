"""A revision that loses its pods while the garbage collector is held up."""

from tests.integration.conftest import kubectl
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, spec


async def test_without_a_gateway_no_pod_is_left_to_the_garbage_collector(
    operator: Operator,
) -> None:
    """A finalizer on the ReplicaSet keeps it from collecting pods for as long as it stands."""
    plain: Manifest = {"traffic": {}}
    await operator.apply("fraud", **spec("v1", **plain))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", **plain))
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    aborted = status["candidate"]["revision"]
    of_it = ("--selector", f"serinus.dev/revision={aborted}", "-n", operator.namespace, "-oname")
    replica_set = kubectl("get", "replicasets", *of_it).stdout.strip()
    held = ("patch", replica_set, "-n", operator.namespace, "--type=merge", "--patch")
    kubectl(*held, '{"metadata": {"finalizers": ["tests.serinus.dev/held"]}}')
    try:
        await operator.command("fraud", f"abort/{aborted}")
        await operator.until("fraud", lambda s: s["rejected"])
        await operator.apply("fraud", **spec("v3", **plain))
        await operator.until(
            "fraud",
            lambda s: s["candidate"]["version"] == "v3" and s["candidate"]["effectiveSince"],
        )
        assert kubectl("get", "replicasets", *of_it).stdout.strip() == replica_set
        assert not kubectl("get", "pods", *of_it).stdout
    finally:
        kubectl(*held, '{"metadata": {"finalizers": null}}')
