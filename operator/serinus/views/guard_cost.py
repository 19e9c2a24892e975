"""What a guard after promotion costs."""

from serinus.api.quantities import spoken
from serinus.api.spec import Spec
from serinus.manifests.routers import router_for
from serinus.plan.guarding import share_held_back


def guard_cost(spec: Spec) -> str:
    """The pods and the traffic of the previous revision, in a sentence; empty without a guard."""
    guard, replicas = spec.rollout.guard, spec.replicas
    if guard is None or not replicas:
        return ""
    pods = router_for(spec).held_back_replicas(replicas, guard.percent)
    return (
        f"the guard keeps {pods} pod{'s' if pods > 1 else ''} of the previous revision for "
        f"{spoken(guard.seconds)}, in addition to {replicas} of the promoted one; "
        f"{share_held_back(spec):.0f}% of the traffic stays there"
    )
