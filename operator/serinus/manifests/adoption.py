"""Whether an object that was there before may become a ModelDeployment's child."""

from serinus.manifests.owner import ADOPT_ANNOTATION, Manifest, Owner, controller_of
from serinus.manifests.routers import ROUTER_KINDS


def handed_over(kind: str, live: Manifest, owner: Owner) -> bool:
    """Whether who may write this object, which nobody controls, gave it to the ModelDeployment.

    It stands on the object itself: who may only make a ModelDeployment must not take by it what
    they may not write. Pods are never handed over: a Deployment's selector cannot change.
    """
    annotations = live["metadata"].get("annotations") or {}
    given = annotations.get(ADOPT_ANNOTATION) == owner.name
    return given and kind in ROUTER_KINDS and controller_of(live) is None


def foreign(kind: str, live: Manifest, owner: Owner) -> str | None:
    """Why an object with a child's name is not ours to write, in a sentence; None if it is."""
    if owner.owns(live) or owner.left_behind(live) or handed_over(kind, live, owner):
        return None
    what = f"{kind} {owner.namespace}/{live['metadata']['name']}"
    controller = controller_of(live)
    if controller is None:
        belongs = "exists and was not made by Serinus"
    elif (controller["kind"], controller["name"]) == ("ModelDeployment", owner.name):
        return (
            f"{what} still belongs to a deleted ModelDeployment of the same name; "
            "it is waited for until the garbage collector has removed it"
        )
    else:
        belongs = f"belongs to {controller['kind']} {controller['name']}"
    give = f"annotate it with {ADOPT_ANNOTATION}={owner.name} to hand it over, "
    may_be_given = controller is None and kind in ROUTER_KINDS
    ways = f"{give if may_be_given else ''}delete it, or name the ModelDeployment anew"
    return f"{what} {belongs}; it is not taken over: {ways}"
