"""What a guard after promotion costs."""

from serinus.api.quantities import spoken
from serinus.api.spec import Spec
from serinus.manifests.routers import router_for


def guard_cost(spec: Spec) -> str:
    """The pods and the traffic of the previous revision, in a sentence; empty without a guard."""
    guard, replicas = spec.rollout.guard, spec.replicas
    if guard is None or not replicas:
        return ""
    router = router_for(spec)
    pods = router.held_back_replicas(replicas, guard.percent)
    share = 100 * pods / (pods + replicas) if router.shares_one_service else guard.percent
    return (
        f"the guard keeps {pods} pod{'s' if pods > 1 else ''} of the previous revision for "
        f"{spoken(guard.seconds)}, beside {replicas} of the promoted one; "
        f"{share:.0f}% of the traffic stays there"
    )
