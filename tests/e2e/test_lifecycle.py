"""What stays untouched when the operator changes, and what goes when its objects go."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.stage.deadline import until
from tests.stage.deployed import CHILDREN, Deployed
from tests.stage.images import ROOT, Source
from tests.stage.manifests import IDLE, Model
from tests.stage.operator import Operator
from tests.stage.stage import CLUSTER, Stage

STEADY = 20
SHOWN_WITHIN = 6.0
"""Seconds, with one to spare, in which the operator writes a status in which nothing is decided."""


def test_deleted_in_mid_rollout_nothing_of_it_is_left(product: Stage, namespace: str) -> None:
    model = Model(
        namespace,
        "deleted",
        product.model_image,
        container=IDLE,
        gateway=product.gateway,
        steps=[{"setWeight": 50}, {"pause": {}}],
        grace=1,
    )
    deleted = Deployed(product.api, namespace, "deleted")
    product.api.apply(model.manifest())
    deleted.until_healthy("v1")
    product.api.apply(replace(model, version="v2").manifest())
    deleted.until_weight(50)
    assert {child["kind"] for child in deleted.children()} == set(CHILDREN)
    product.api.delete("ModelDeployment", namespace, "deleted")
    until(
        "all children are gone",
        lambda: not deleted.children() and not deleted.pods(),
        180,
        seen=lambda: [child["metadata"]["name"] for child in deleted.children()],
    )


def test_an_upgrade_and_a_new_installation_of_the_operator_write_to_no_child(
    product: Stage, operator: Operator, namespace: str
) -> None:
    bystander = Model(
        namespace,
        "new",
        product.model_image,
        container=IDLE,
        spec={"class": operator.klass},
        grace=1,
    )
    steady = _steady(product, bystander)
    before = _settled(steady)
    operator.install(Source("localhost/serinus-next", ROOT).put(CLUSTER))
    _next_rollout_is_noticed(product, bystander)
    assert _versions(steady) == before
    operator.uninstall()
    until(
        "nothing of the release is left",
        lambda: not _left_behind(operator),
        60,
        seen=lambda: _left_behind(operator),
    )
    operator.install(product.operator_image)
    _next_rollout_is_noticed(product, bystander)
    assert _versions(steady) == before


def test_a_release_passes_its_own_test(product: Stage) -> None:
    """`helm test`, and the two replicas that a release has by default."""
    assert len(product.operator.pods()) == 2
    product.operator.test()


def _steady(product: Stage, model: Model) -> Sequence[Deployed]:
    names = [f"steady-{number}" for number in range(STEADY)]
    for name in names:
        product.api.apply(replace(model, name=name, gateway=product.gateway).manifest())
    steady = [Deployed(product.api, model.namespace, name) for name in names]
    for each in steady:
        each.until_healthy("v1")
    return steady


def _settled(steady: Sequence[Deployed]) -> Mapping[str, str]:
    """The versions once they have stayed: controllers write what they see a moment later."""
    seen, since = _versions(steady), time.monotonic()

    def look() -> Mapping[str, str] | None:
        nonlocal seen, since
        if (now := _versions(steady)) != seen:
            seen, since = now, time.monotonic()
        return seen if time.monotonic() > since + SHOWN_WITHIN else None

    return until("nothing is written any more", look, 180)


def _versions(steady: Sequence[Deployed]) -> Mapping[str, str]:
    """resourceVersion of each child and of each ModelDeployment."""
    namespace, api = steady[0].namespace, steady[0].api
    names = {each.name for each in steady}
    found = {
        f"{kind}/{child['metadata']['name']}": child["metadata"]["resourceVersion"]
        for kind in CHILDREN
        for child in api.list(kind, namespace)
        if child["metadata"].get("labels", {}).get("serinus.dev/name") in names
    }
    own = {each.name: each.live()["metadata"]["resourceVersion"] for each in steady}
    return {**found, **own}


def _next_rollout_is_noticed(product: Stage, model: Model) -> None:
    """A ModelDeployment made now is served: so all that were there before have been looked at."""
    product.api.apply(model.manifest())
    new = Deployed(product.api, model.namespace, model.name)
    new.until_healthy("v1")
    product.api.delete("ModelDeployment", model.namespace, model.name)
    until("it is gone", lambda: not new.children(), 180)


def _left_behind(operator: Operator) -> list[str]:
    """What is left of the release: all but the CRD, and what every namespace has."""
    kinds = operator.api.run("api-resources", "--verbs=list", "--namespaced", "--output=name")
    wanted = ",".join(kind for kind in kinds.split() if not kind.startswith("events"))
    there = operator.api.run(
        "get", wanted, f"--namespace={operator.namespace}", "--output=name", "--ignore-not-found"
    )
    everywhere = operator.api.run("get", "clusterroles,clusterrolebindings", "--output=name")
    named = [name for name in everywhere.split() if operator.release in name]
    always = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
    return sorted({*there.split(), *named} - always)
