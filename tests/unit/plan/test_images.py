"""A tag that was moved: pods of one revision run different images."""

from typing import Any

import pytest

from serinus.api.status import Silence
from serinus.plan.images import mixed_images
from serinus.plan.situation import SeenPod
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]
MIXED = "Pods of revision {} run different images of container model: …"


def seen(name: str, image: str, revision: str = A, **more: Any) -> SeenPod:
    return SeenPod(name, revision, more.pop("created", 0.0), 0, images={"model": image}, **more)


def mixed(*revisions: str) -> dict[str, str]:
    return {revision: MIXED.format(revision) for revision in revisions}


def rolling(**rollout: Any) -> SimulatedRollout:
    started = serving().given(steps=STEPS, **rollout)
    started.world.mixed = {}
    return started.apply(B)


def images_differ(rollout: SimulatedRollout) -> str:
    conditions = {each.type: each for each in rollout.status.conditions}
    found = conditions.get("ImagesDiffer")
    return found.message if found else ""


def test_the_message_names_images_and_pods_from_the_oldest_on_and_the_remedy() -> None:
    old, new = "@sha256:" + "a" * 64, "@sha256:" + "b" * 64
    pods = [seen("p3", new, created=9.0), seen("p1", old), seen("p2", old), seen("q", new, B)]
    (message,) = mixed_images(pods).values()
    assert message == (
        f"Pods of revision {A} run different images of container model: sha256:aaaaaaaaaaaa in p1, "
        "p2 and sha256:bbbbbbbbbbbb in p3. Its tag was moved. Name the image by its digest in "
        "spec.template, or move the tag back and delete the pods with the other image."
    )


@pytest.mark.parametrize(
    "pods",
    [
        [seen("p1", "@sha256:a"), seen("p2", "@sha256:a"), seen("q", "@sha256:b", B)],
        [seen("p1", "@sha256:a"), seen("p2", "@sha256:b", leaving=True)],
        [seen("p1", "@sha256:a"), seen("p2", "sha256:b")],
        [],
    ],
)
def test_pods_that_run_the_same_image_are_alike(pods: list[SeenPod]) -> None:
    """As are pods that leave, and one whose node had the image without a registry."""
    assert mixed_images(pods) == {}


def test_it_is_told_as_a_condition_and_once_as_an_event_also_without_a_rollout() -> None:
    rollout = serving()
    rollout.world.mixed = mixed(A)
    rollout.settle().after(60)
    assert images_differ(rollout) == MIXED.format(A)
    assert rollout.reasons.count("ImagesDiffer") == 1
    assert rollout.status.phase == "Healthy"
    rollout.world.mixed = None
    assert images_differ(rollout.settle()), "after a restart, until pods are listed"
    rollout.world.mixed = {}
    assert not images_differ(rollout.settle())


@pytest.mark.parametrize("revision", [A, B])
def test_a_candidate_that_fails_meanwhile_loses_its_traffic_and_is_not_rejected(
    revision: str,
) -> None:
    rollout = rolling()
    rollout.world.mixed = mixed(revision)
    rollout.settle().judged("Fail", "Candidate errors 41/2045.")
    assert (rollout.weight, rollout.status.rejected) == (0, None)
    assert (rollout.reason, rollout.status.phase) == ("ImagesDiffer", "Degraded")
    assert MIXED.format(revision) in rollout.status.message
    assert "41/2045" in rollout.status.message
    assert rollout.after(3600).weight == 0

    rollout.world.mixed = {}
    rollout.settle()
    assert rollout.weight == 20
    assert rollout.status.candidate and rollout.status.candidate.checks == []
    assert rollout.judged("Fail").status.rejected


def test_what_was_withdrawn_for_something_else_keeps_no_evidence_of_different_images() -> None:
    rollout = rolling().after(150)
    assert rollout.status.candidate
    now = rollout.rollout.now
    silence = Silence(stable=4812, expected=1203, since=now - 120, until=now)
    candidate = rollout.status.candidate.replace(silence=silence)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    rollout.judged("NoData")
    assert rollout.status.candidate.stage == "Withdrawn"
    rollout.world.mixed = mixed(A)
    rollout.settle().judged("Fail", "Candidate errors 41/2045.")
    assert rollout.status.rejected is None
    rollout.world.mixed = None
    assert rollout.settle().status.rejected is None, "after a restart, until pods are listed"
    rollout.world.mixed = {}
    rollout.settle()
    assert rollout.status.rejected is None
    assert rollout.status.candidate and rollout.status.candidate.checks == []
    assert (rollout.weight, rollout.reason) == (0, "CandidateSilent"), "nobody has resumed it"
    assert rollout.judged("Fail").status.rejected


def test_images_that_differ_again_in_a_pause_leave_no_evidence_either() -> None:
    rollout = rolling()
    for _ in range(2):
        rollout.world.mixed = mixed(A)
        rollout.settle().judged("Fail").given(paused=True).settle()
        rollout.world.mixed = {}
        rollout.settle()
        assert rollout.status.rejected is None
        assert rollout.status.candidate and rollout.status.candidate.checks == []


def test_in_a_pause_its_traffic_does_not_come_back_with_alike_images() -> None:
    rollout = rolling()
    rollout.world.mixed = mixed(A)
    rollout.settle().judged("Fail").given(paused=True).settle()
    rollout.world.mixed = {}
    assert rollout.settle().weight == 0
    assert "until spec.rollout.paused is no longer true" in rollout.status.message
    assert rollout.given(paused=False).settle().weight == 20


def test_nothing_passes_on_evidence_of_different_images() -> None:
    rollout = rolling()
    rollout.world.mixed = mixed(A)
    assert rollout.settle().judged("Pass").weight == 20
    assert rollout.reason == "ImagesDiffer"
    rollout.world.mixed = None
    assert rollout.settle().reason == "ImagesDiffer", "after a restart, until pods are listed"
    rollout.world.mixed = {}
    assert rollout.settle().weight == 20
    assert rollout.reason == "NoData"
    assert rollout.judged("Pass").weight == 50


def test_nothing_is_promoted_meanwhile_and_the_last_step_is_taken_again() -> None:
    rollout = rolling().judged("Pass")
    rollout.world.pods_ready_after = 60
    rollout.judged("Pass")
    assert rollout.reason in ("Promoting", "AwaitingPods")
    rollout.world.mixed = mixed(B)
    assert rollout.after(120).reason == "ImagesDiffer"
    rollout.world.mixed = {}
    rollout.settle()
    assert (rollout.weight, rollout.reason) == (50, "NoData")
    assert rollout.judged("Pass").after(120).status.stable
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_in_a_guard_a_previous_revision_of_two_images_takes_nothing_back() -> None:
    rollout = rolling(guard={"duration": "1h"}).judged("Pass").judged("Pass").settle()
    assert rollout.status.candidate and rollout.status.candidate.guarding
    rollout.world.mixed = mixed(A)
    rollout.settle().judged("Fail")
    assert rollout.status.candidate and not rollout.status.rejected
    assert "No check takes traffic back" in rollout.status.message
    rollout.world.mixed = {}
    alike = rollout.settle().status.candidate
    assert alike and alike.checks == []
    rollout.judged("Fail")
    assert rollout.status.rejected, "it is shown by what was counted since"


def test_a_promoted_revision_of_two_images_is_taken_back() -> None:
    rollout = rolling(guard={"duration": "1h"}).judged("Pass").judged("Pass").settle()
    rollout.world.mixed = mixed(B)
    assert rollout.judged("Fail").status.rejected


def test_who_commands_a_promotion_knows_better() -> None:
    rollout = rolling()
    rollout.world.mixed = mixed(A)
    rollout.settle().order(f"promote/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == B
