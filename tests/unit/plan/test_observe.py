"""What is read of objects: above all, what a revision runs whose ControllerRevision is gone."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.spec import Spec
from serinus.api.stages import Stage
from serinus.api.status import Candidate, Rejected, Retiring, Stable, Status, Weight
from serinus.manifests.children import Wanted, children
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.traffic import Traffic
from serinus.plan.observe import (
    identified,
    read_desired,
    read_revisions,
    read_workloads,
    read_world,
)
from serinus.plan.situation import Desired
from tests.support.colliding import LONG_NAME, colliding
from tests.support.simulated_rollout import GATEWAY, TEMPLATE

OWNER = Owner("shop", "fraud", "4f7c")


def revision(number: int) -> Revision:
    model = {"version": f"v{number}", "storageUri": "pvc://models/fraud"}
    return Revision.of({"template": TEMPLATE, "model": model}, number)


OLD, NEW, NEXT = (revision(number) for number in (1, 2, 3))
WANTED = Wanted({OLD.hash: 4, NEW.hash: 1}, Traffic(OLD.hash, NEW.hash, 20))
STATUS = Status(
    stable=Stable(revision=OLD.hash, number=1, since=0.0),
    candidate=Candidate(
        revision=NEW.hash,
        number=2,
        stage=Stage.STEPPING,
        weight=Weight(wanted=20, actual=20),
        since=0.0,
        progress_since=0.0,
    ),
)


def raw(asked: Revision, **fields: Any) -> Manifest:
    return {"template": asked.template, "model": asked.model, "traffic": GATEWAY, **fields}


def live(*gone: tuple[str, Revision]) -> dict[tuple[str, str], Manifest]:
    """The objects of a rollout as the API server has them, but for those that are gone."""
    spec = Spec.model_validate(raw(NEW))
    made = children(OWNER, spec, {each.hash: each for each in (OLD, NEW)}, WANTED)
    found = {(each["kind"], each["metadata"]["name"]): each for each in made}
    for each in found.values():
        each["metadata"]["generation"] = 1
        if each["kind"] == "Deployment":
            each["spec"]["template"]["metadata"]["creationTimestamp"] = None
            each["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
    for kind, which in gone:
        del found[kind, OWNER.child(which.hash)]
    return found


def read(objects: dict[tuple[str, str], Manifest], asked: Revision) -> dict[str, Revision]:
    spec = raw(asked)
    metadata = {"namespace": "shop", "name": "fraud", "generation": 1}
    desired = read_desired({"metadata": metadata, "spec": spec}, Spec.model_validate(spec))
    return read_revisions(desired, spec, STATUS, objects)


def test_a_revision_that_the_spec_asks_for_is_known_by_the_spec_and_kept_again() -> None:
    assert read(live(("ControllerRevision", OLD)), OLD)[OLD.hash] == OLD


def test_else_its_deployment_tells_what_it_runs_and_is_not_changed_by_it() -> None:
    objects = live(("ControllerRevision", OLD))
    found = read(objects, NEW)
    assert found[OLD.hash].recovered
    assert (found[OLD.hash].number, found[NEW.hash]) == (1, NEW)
    spec = Spec.model_validate(raw(NEW))
    again = {
        (each["kind"], each["metadata"]["name"]): each
        for each in children(OWNER, spec, found, WANTED)
    }
    assert ("ControllerRevision", OWNER.child(OLD.hash)) not in again
    key = ("Deployment", OWNER.child(OLD.hash))
    del objects[key]["spec"]["template"]["metadata"]["creationTimestamp"]
    assert again[key]["spec"] == objects[key]["spec"]
    assert set(again) == set(objects)


def test_a_revision_of_a_role_is_what_the_status_remembers_whatever_is_stored_by_its_name() -> None:
    other = Revision.of(raw(NEXT), 1)
    objects = live()
    stored = objects["ControllerRevision", OWNER.child(OLD.hash)]
    stored["data"] = {"model": other.model, "template": other.template}
    remembers = STATUS.replace(contents={OLD.hash: OLD.content})
    spec = raw(NEW)
    metadata = {"namespace": "shop", "name": "fraud", "generation": 1}
    desired = read_desired({"metadata": metadata, "spec": spec}, Spec.model_validate(spec))
    found = read_revisions(desired, spec, remembers, objects)
    assert found[OLD.hash].recovered, "its Deployment tells what its pods run"
    assert OLD.hash not in read_world(OWNER, desired, remembers, objects, found).history
    del objects["Deployment", OWNER.child(OLD.hash)]
    found = read_revisions(desired, spec, remembers, objects)
    assert OLD.hash not in found
    world = read_world(OWNER, desired, remembers, objects, found)
    assert any("store another model or template" in each.text for each in world.problems)


def test_a_template_does_not_take_the_name_of_a_revision_that_is_no_longer_stored() -> None:
    harmless, evil = colliding()
    owner = Owner("shop", LONG_NAME, "4f7c")
    metadata = {"namespace": "shop", "name": LONG_NAME, "generation": 1}
    was = read_desired({"metadata": metadata, "spec": harmless}, Spec.model_validate(harmless))
    named = (
        STATUS.replace(former=[was.revision]),
        STATUS.replace(stable=Stable(revision=was.revision, number=1, since=0.0), candidate=None),
    )
    for status in named:
        remembers = status.replace(contents={was.revision: was.content})
        now = read_desired({"metadata": metadata, "spec": evil}, Spec.model_validate(evil))
        [problem] = identified(now, owner, evil, remembers, {}).problems
        assert "what was rolled out by it has another model or template" in problem
        assert was.revision not in read_revisions(now, evil, remembers, {})
        assert not identified(was, owner, harmless, remembers, {}).problems


@pytest.mark.parametrize("asked", [NEW, NEXT])
def test_the_split_is_read_back_and_the_status_says_what_is_lost(asked: Revision) -> None:
    objects = live(("ControllerRevision", OLD))
    spec = raw(asked)
    metadata = {"namespace": "shop", "name": "fraud", "generation": 1}
    desired = read_desired({"metadata": metadata, "spec": spec}, Spec.model_validate(spec))
    world = read_world(OWNER, desired, STATUS, objects, read(objects, asked))
    assert world.weight == 20
    assert set(world.history) == {NEW.hash}, "nothing goes back to what is not kept"
    assert any(f"ControllerRevision fraud-{OLD.hash} is missing" in p.text for p in world.problems)


@pytest.mark.parametrize(
    ("replicas", "status", "empty"),
    [
        (0, {"observedGeneration": 2}, True),
        (0, {"observedGeneration": 2, "replicas": 1}, False),
        (0, {"observedGeneration": 1}, False),
        (0, None, False),
        (1, {"observedGeneration": 2}, False),
    ],
)
def test_a_deployment_is_empty_once_it_says_so_of_its_present_size(
    replicas: int, status: Manifest | None, empty: bool
) -> None:
    selector = {"matchLabels": {"serinus.dev/revision": "a"}}
    spec = {"replicas": replicas, "selector": selector}
    metadata = {"name": "x", "generation": 2}
    deployment: Manifest = {"kind": "Deployment", "metadata": metadata, "spec": spec}
    if status is not None:
        deployment["status"] = status
    assert read_workloads({("Deployment", "x"): deployment})["a"].empty is empty


def test_a_revision_that_nobody_knows_is_left_out_and_the_others_are_rendered() -> None:
    objects = live(("ControllerRevision", NEW), ("Deployment", NEW))
    spec = Spec.model_validate(raw(OLD))
    made = children(OWNER, spec, read(objects, OLD), WANTED)
    names = {(each["kind"], each["metadata"]["name"]) for each in made}
    assert ("HTTPRoute", "fraud") in names
    assert ("Deployment", OWNER.child(NEW.hash)) not in names


def test_a_template_that_lost_the_scrape_annotation_of_stables_is_noticed() -> None:
    metadata = {"annotations": {"prometheus.io/scrape": "true"}}
    scraped = Revision.of({"template": {**TEMPLATE, "metadata": metadata}, "model": OLD.model}, 1)
    assert STATUS.stable
    status = STATUS.replace(stable=STATUS.stable.replace(revision=scraped.hash))
    spec = raw(NEW)
    live_metadata = {"namespace": "shop", "name": "fraud", "generation": 1}
    desired = read_desired({"metadata": live_metadata, "spec": spec}, Spec.model_validate(spec))
    known = {scraped.hash: scraped, NEW.hash: NEW}
    world = read_world(OWNER, desired, status, live(), known)
    assert "lacks the annotation prometheus.io/scrape: true" in world.less_scraped
    assert read_world(OWNER, desired, STATUS, live(), {**known, OLD.hash: OLD}).less_scraped == ""
    alone = STATUS.replace(candidate=None)
    assert read_world(OWNER, desired, alone, live(), known).less_scraped == ""


def known(
    spec: Manifest, stored: Revision, status: Status = STATUS, name: str = "fraud"
) -> Desired:
    """What is desired by a spec if the history has this revision."""
    owner, metadata = Owner("shop", name, "4f7c"), {"name": name, "generation": 1}
    kept = stored.manifest(owner)
    desired = read_desired({"metadata": metadata, "spec": spec}, Spec.model_validate(spec))
    objects = {("ControllerRevision", kept["metadata"]["name"]): kept}
    return identified(desired, owner, spec, status, objects)


@pytest.mark.parametrize(("name", "hash_"), [(LONG_NAME, "bxqghz42"), ("fraud", "axqghz42")])
def test_another_template_with_the_same_hash_is_refused_and_the_stored_one_goes_on(
    name: str, hash_: str
) -> None:
    """With a long name, and by the hash of an earlier version."""
    harmless, evil = colliding()
    stored = replace(Revision.of(evil, 1), hash=hash_)
    assert known(evil, stored, name=name).problems == ()
    found = known(harmless, stored, name=name)
    assert found.revision == hash_
    (problem,) = found.problems
    assert f"ControllerRevision {name}-{hash_} has another model or template" in problem
    assert "change the template in any way, for example by an annotation" in problem


@pytest.mark.parametrize("role", ["stable", "candidate", "rejected", "retiring", "former", "none"])
def test_a_revision_that_an_earlier_version_named_keeps_its_name(role: str) -> None:
    """Otherwise an upgrade would roll out what runs, and try again what was rejected."""
    spec, name = colliding()[0], "axqghz42"
    roles: dict[str, Any] = {
        "stable": Stable(revision=name, number=1, since=0.0),
        "candidate": STATUS.candidate and STATUS.candidate.replace(revision=name),
        "rejected": Rejected(revision=name, reason="CheckFailed", message="", at=0.0),
        "retiring": [Retiring(revision=name, since=0.0)],
        "former": [name],
    }
    status = Status(**{role: roles[role]}) if role in roles else Status()
    expected = name if role in roles else "bxqghz4288k8qhg2"
    assert known(spec, OLD, status).revision == expected
    assert known(spec, replace(Revision.of(spec, 1), hash=name)).revision == name
