"""Whether an existing object may become a child of a ModelDeployment."""

from serinus.manifests.kinds import TRAFFIC
from serinus.manifests.owner import ADOPT_ANNOTATION, Manifest, Owner, controller_of
from serinus.manifests.routers.rules import lost, serves_others


def handed_over(kind: str, live: Manifest, owner: Owner) -> bool:
    """Whether an object without a controller was handed over to the ModelDeployment.

    The annotation is on the object itself: a user who may only create ModelDeployments must not be
    able to take objects that they may not write. What runs pods is never handed over, because its
    selector cannot change.
    """
    annotations = live["metadata"].get("annotations") or {}
    given = annotations.get(ADOPT_ANNOTATION) == owner.name
    return given and kind in TRAFFIC and controller_of(live) is None


def foreign(kind: str, live: Manifest, owner: Owner) -> str | None:
    """Why an object with a child's name is not ours to write, as a message; None if it is ours."""
    if owner.owns(live) or owner.left_behind(live) or handed_over(kind, live, owner):
        return None
    what = f"{kind} {owner.namespace}/{live['metadata']['name']}"
    controller = controller_of(live)
    if controller is None:
        belongs = "exists and was not created by Serinus"
    elif (controller["kind"], controller["name"]) == ("ModelDeployment", owner.name):
        return (
            f"{what} still belongs to a deleted ModelDeployment of the same name; "
            "waiting for the garbage collector to delete it"
        )
    else:
        belongs = f"belongs to {controller['kind']} {controller['name']}"
    give = f"annotate it with {ADOPT_ANNOTATION}={owner.name} to adopt it, "
    may_be_given = controller is None and kind in TRAFFIC
    ways = f"{give if may_be_given else ''}delete it, or rename the ModelDeployment"
    return f"{what} {belongs}, so it is not adopted: {ways}"


def would_lose(live: Manifest, wanted: Manifest) -> str | None:
    """Why an object that is handed over is not taken, as a message: the desired one lacks something
    that its user wrote, or leads all of it to the model. None if it may be taken."""
    what = f"{live['kind']} {live['metadata']['namespace']}/{live['metadata']['name']}"
    if serves_others(live):
        return (
            f"{what} is handed over, but not adopted, since its rules lead to different backends: "
            "leave in it the rules that lead to the model, and give the others a route of their own"
        )
    if fields := lost(live, wanted):
        return (
            f"{what} is handed over, but not adopted, since it would lose {', '.join(fields)}: "
            "write the same into spec.traffic.gateway, as serinus convert does from the route, or "
            "remove it from the route"
        )
    return None
