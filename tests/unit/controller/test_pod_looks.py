"""When pods are listed: soon after some were lost, and seldom otherwise."""

from dataclasses import replace
from math import inf
from typing import Any, cast

import pytest

from serinus.api.stages import Stage
from serinus.api.status import Candidate, CheckState, CheckStatus, Stable, StablePod, Status
from serinus.cluster import Cluster
from serinus.controller.pod_looks import (
    LOOK_AFTER,
    LOOK_AGAIN,
    LOOK_EVERY,
    PodLooks,
    awaiting,
    look_at_pods,
    without_a_candidate,
)
from serinus.manifests.owner import Owner
from serinus.manifests.workloads import Workload
from serinus.plan.situation import SeenPod

SINCE = 1000.0
CANDIDATE = Candidate(
    revision="new", number=2, stage=Stage.STEPPING, since=SINCE, progress_since=SINCE
)


def after(before: PodLooks | None, *, new: int = 1, old: int = 2) -> PodLooks:
    """A pass that finds so many ready pods, of one of the candidate's and two of stable's."""
    workloads = {"new": Workload(1, new), "old": Workload(2, old), "gone": Workload(3, 0)}
    return awaiting(before, CANDIDATE, "old", workloads)


def test_a_rollout_shorter_than_two_minutes_whose_pods_stay_ready_lists_none() -> None:
    looks = None
    for moment in (0, 2, 30, 60, LOOK_EVERY - 1):
        looks = after(looks)
        assert looks.due > SINCE + moment


def test_pods_that_start_are_given_a_moment_and_then_asked_what_keeps_them() -> None:
    looks = after(None, new=0)
    assert looks.due == SINCE + LOOK_AFTER
    looks = after(looks.looked("1 pod: ImagePullBackOff", looks.due), new=0)
    assert looks.due == SINCE + LOOK_AFTER + LOOK_AGAIN
    assert looks.problem == "1 pod: ImagePullBackOff"
    assert after(looks, new=1).problem is None


async def test_that_pods_cannot_be_created_is_told_before_they_are_looked_at() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    refused["reason"] = "FailedCreate"
    deployment = {
        "kind": "Deployment",
        "metadata": {},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"serinus.dev/revision": "new"}}},
        "status": {"readyReplicas": 2, "conditions": [refused]},
    }
    owner, status = Owner("shop", "fraud", "4f7c"), Status(candidate=CANDIDATE)
    objects = {("Deployment", "fraud-new"): deployment}
    before = after(None, new=0).looked("2 pods: container model runs", SINCE + LOOK_AFTER)
    for known in (None, before):
        looks, seen = await look_at_pods(
            cast(Cluster, None), owner, status, objects, known, SINCE + LOOK_AFTER - 1
        )
        assert looks is not None and seen is None
        assert looks.problem == "Pods cannot be created: exceeded quota"


def test_pods_that_are_ready_in_that_moment_are_not_listed() -> None:
    starting = after(None, new=0)
    assert after(starting).due == SINCE + LOOK_EVERY


def test_a_pod_that_was_ready_and_is_not_is_looked_at_at_once_and_soon_again() -> None:
    ready = after(None)
    lost = after(ready, new=0)
    assert lost.due <= SINCE + 50
    lost = lost.looked(None, SINCE + 50)
    back = after(lost)
    assert back.due == SINCE + 50 + LOOK_AGAIN, "its container may be counted only now"
    back = back.looked(None, back.due)
    assert back.due == SINCE + 50 + LOOK_AGAIN + LOOK_EVERY


def test_stables_pods_are_looked_at_as_soon_as_the_candidates() -> None:
    lost = after(after(None), old=1)
    assert lost.due <= SINCE + 50
    assert lost.problem is None, "what ails stable's pods is not the candidate's problem"


def test_pods_that_come_and_go_all_the_time_are_listed_six_times_a_minute_at_most() -> None:
    looks, listings = after(None), 0
    for moment in range(1, 61):
        looks = after(looks, new=moment % 2)
        if looks.due <= SINCE + moment:
            listings += 1
            looks = looks.looked(None, SINCE + moment)
    assert listings == 6


def test_pods_that_leave_because_fewer_are_wanted_are_not_lost() -> None:
    before = awaiting(None, CANDIDATE, "old", {"new": Workload(4, 4)})
    fewer = awaiting(before, CANDIDATE, "old", {"new": Workload(2, 2)})
    assert fewer.due == SINCE + LOOK_EVERY


def test_a_replica_that_begins_to_lead_in_mid_rollout_looks_at_once() -> None:
    assert after(None).due < SINCE + 3600


def test_a_pod_that_a_message_names_is_looked_for_at_once_until_its_node_is_known() -> None:
    state = CheckState(stable_pods=[StablePod(name="old-1", within=[0.0])])
    found = CheckStatus(name="errors", kind="errorRate", verdict="Inconclusive", state=state)
    named, workloads = CANDIDATE.replace(checks=[found]), {"new": Workload(1, 1)}
    looks = awaiting(None, named, "old", workloads)
    assert looks.due <= SINCE
    pod = SeenPod("old-1", "old", created=0.0, restarts=0, node="node-a")
    looks = awaiting(looks.looked(None, SINCE).found([pod]), named, "old", workloads)
    assert (looks.due, looks.nodes) == (SINCE + LOOK_EVERY, {"old-1": "node-a"})


def test_another_candidate_begins_anew() -> None:
    looks = after(None, new=0).looked("1 pod: ImagePullBackOff", SINCE + 5)
    other = CANDIDATE.replace(revision="newer", since=SINCE + 100, progress_since=SINCE + 100)
    anew = awaiting(looks, other, "old", {"newer": Workload(1, 0)})
    assert (anew.due, anew.problem) == (SINCE + 100 + LOOK_AFTER, None)


def test_a_clock_that_is_set_back_by_an_hour_delays_no_list_by_that_hour() -> None:
    later = SINCE + 3600
    looks = after(None).looked(None, later).by(SINCE)
    assert looks.due <= SINCE + LOOK_EVERY
    assert after(looks, new=0).due <= SINCE + LOOK_AGAIN, "a pod was lost"


def alone(before: PodLooks | None, ready: int, *, differed: bool = False) -> PodLooks:
    """A pass without a candidate that finds so many of stable's three pods ready."""
    workloads = {"old": Workload(3, ready), "gone": Workload(3, 0)}
    return without_a_candidate(before, "old", workloads, differed=differed)


def test_without_a_candidate_pods_are_listed_once_one_has_become_ready_beside_another() -> None:
    """It may run another image of the same tag."""
    looks = alone(None, 3)
    assert looks.due == inf
    lost = alone(looks, 2).looked(None, SINCE)
    back = alone(lost, 3)
    assert back.due == SINCE + LOOK_AGAIN
    rests = alone(back.looked(None, back.due), 3)
    assert rests.due == inf
    assert alone(alone(None, 0), 1).due == inf, "beside none"


def test_pods_that_flap_without_a_rollout_are_listed_no_more_often_than_in_one() -> None:
    """As in an outage of what all models of a cluster depend on."""
    looks, listings = alone(None, 3), 0
    for moment in range(0, 3600, 5):
        looks = alone(looks, 2 + (moment // 20) % 2)
        if looks.due <= SINCE + moment:
            listings += 1
            looks = looks.looked(None, SINCE + moment).found([])
    assert listings < 40
    rested = alone(alone(looks, 2).looked(None, SINCE + 9000), 3)
    assert rested.due == SINCE + 9000 + LOOK_AGAIN


def test_a_new_leader_looks_up_whether_images_still_differ() -> None:
    assert alone(None, 3, differed=True).due < SINCE
    assert (
        alone(alone(None, 3, differed=True).looked(None, SINCE).found([]), 3, differed=True).due
        == inf
    )


def test_a_pod_that_joins_in_a_rollout_is_looked_at_and_what_was_known_before_is_kept() -> None:
    looks = (
        alone(None, 2)
        .looked(None, SINCE)
        .found(
            [SeenPod(f"old-{n}", "old", 0.0, 0, images={"model": f"@sha256:{n}"}) for n in (1, 2)]
        )
    )
    assert looks.mixed and "Pods of revision old run different images" in looks.mixed["old"]
    assert after(looks).mixed == looks.mixed
    looks = after(after(looks), old=3)
    assert looks.due <= SINCE + LOOK_AGAIN


def test_pods_with_different_images_are_listed_again_when_one_is_no_longer_wanted() -> None:
    """Fewer pods are wanted: none was lost, but those that are left may be alike."""
    pods = [SeenPod(f"old-{n}", "old", 0.0, 0, images={"model": f"@sha256:{n}"}) for n in (1, 2)]
    looks = without_a_candidate(None, "old", {"old": Workload(2, 2)}, differed=False)
    looks = looks.looked(None, SINCE).found(pods)
    fewer = without_a_candidate(looks, "old", {"old": Workload(1, 1)}, differed=True)
    assert fewer.due == SINCE + LOOK_AGAIN
    alike = fewer.looked(None, fewer.due).found(pods[:1])
    rests = without_a_candidate(alike, "old", {"old": Workload(1, 1)}, differed=True)
    assert (rests.mixed, rests.due) == ({}, inf)


class _Listed:
    """A cluster that has these pods."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self._pods = pods

    async def list(self, *_: str) -> list[dict[str, Any]]:
        return list(self._pods)


def _meshed(name: str, model: str, proxy: str) -> dict[str, Any]:
    """A pod with a container that a service mesh has added."""
    images = {"model": ("m:1", model), "istio-proxy": ("proxy:1", proxy)}
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"serinus.dev/revision": "old"},
        },
        "spec": {"containers": [{"name": n, "image": i} for n, (i, _) in images.items()]},
        "status": {
            "containerStatuses": [
                {"name": n, "imageID": f"r/{n}@sha256:{d}", "state": {"running": {}}}
                for n, (_, d) in images.items()
            ]
        },
    }


@pytest.mark.parametrize(("second", "differ"), [("m1", []), ("m2", ["old"])])
async def test_a_container_that_others_add_to_pods_is_not_one_whose_tag_was_moved(
    second: str, differ: list[str]
) -> None:
    """After an upgrade of a service mesh, each new pod has another version of it."""
    deployment = {
        "kind": "Deployment",
        "metadata": {},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"serinus.dev/revision": "old"}},
            "template": {"spec": {"containers": [{"name": "model", "image": "m:1"}]}},
        },
        "status": {"readyReplicas": 2},
    }
    stable = Stable(revision="old", number=1, since=SINCE)
    pods = _meshed("a", "m1", "p1"), _meshed("b", second, "p2")
    looks, _ = await look_at_pods(
        cast(Cluster, _Listed(*pods)),
        Owner("shop", "fraud", "4f7c"),
        Status(stable=stable),
        {("Deployment", "fraud-old"): deployment},
        replace(PodLooks("", inf), joined=True),
        SINCE,
    )
    assert looks is not None
    assert list(looks.mixed or ()) == differ
