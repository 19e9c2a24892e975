"""What cannot share the traffic with stable is said before it is started, not after."""

from typing import Any

import pytest

from serinus.api.spec import Spec
from serinus.api.stages import Stage
from serinus.api.status import Candidate, Stable, Status, Weight
from serinus.manifests.revision import Revision
from serinus.plan.observe import incompatibility
from serinus.plan.situation import Desired
from tests.support.simulated_rollout import GATEWAY, A, B, C, SimulatedRollout, serving

PORTS = "stable listens on port 8080 and the candidate on 9090"


def hindered() -> SimulatedRollout:
    rollout = serving(traffic={})
    rollout.incompatibility = PORTS
    return rollout.apply(B)


def test_it_is_not_started_and_the_status_says_why() -> None:
    rollout = hindered()
    assert rollout.status.candidate is None
    assert (rollout.status.phase, rollout.reason) == ("Degraded", "InvalidSpec")
    assert PORTS in rollout.status.message
    assert "RolloutStarted" not in rollout.reasons
    before = rollout.reasons
    assert rollout.after(3600).reasons == before


def test_once_the_obstacle_is_gone_it_starts() -> None:
    rollout = hindered()
    rollout.incompatibility = None
    assert rollout.settle().status.candidate


def test_an_obstacle_that_comes_up_in_mid_rollout_drops_the_candidate_once() -> None:
    rollout = serving(traffic={}).apply(B)
    rollout.incompatibility = PORTS
    rollout.settle()
    assert rollout.status.candidate is None
    assert rollout.reasons[-1] == "InvalidSpec"
    before = rollout.reasons
    assert rollout.after(3600).reasons == before


def test_an_undo_shares_nothing_and_is_not_hindered() -> None:
    rollout = serving(traffic={}).given(steps=[]).apply(B)
    rollout.incompatibility = PORTS
    rollout.apply(C).order(f"undo/{A}")
    assert rollout.status.stable
    assert rollout.status.stable.revision == A


def test_an_undo_that_an_invalid_spec_ends_is_told_that_alone() -> None:
    rollout = serving(traffic={}).given(steps=[]).apply(B)
    rollout.world.broken.add(A)
    rollout.order(f"undo/{A}")
    rollout.incompatibility, rollout.problems = PORTS, ("spec.traffic is wrong.",)
    decision = rollout.apply(A).status.decisions[0]
    assert decision.reason == "InvalidSpec"
    assert decision.message.endswith("during the rollout. spec.traffic is wrong.")


def asked(port: dict[str, Any], role: str = "stable", **fields: Any) -> str | None:
    """The obstacle that a spec with this port meets beside a revision on the unnamed port 8080: it
    is stable, a first deployment that may become stable, or named by no status."""
    old, new = (
        {"spec": {"containers": [{"name": "model", "image": "m:1", "ports": [each]}]}}
        for each in ({"containerPort": 8080}, port)
    )
    stable = Revision.of({"template": old}, 1)
    candidate = Revision.of({"template": new}, 2)
    desired = Desired(Spec.model_validate({"template": new, **fields}), 1, candidate.hash)
    first = Candidate(
        revision=stable.hash,
        number=1,
        stage=Stage.FIRST,
        weight=Weight(wanted=0, actual=0),
        since=0.0,
        progress_since=0.0,
    )
    status = {
        "stable": Status(stable=Stable(revision=stable.hash, number=1, since=0.0)),
        "first": Status(candidate=first),
        "serving": Status(),
    }[role]
    return incompatibility(
        desired, status, {stable.hash: stable, candidate.hash: candidate}, serving=stable.hash
    )


@pytest.mark.parametrize("role", ["stable", "first", "serving"])
def test_it_is_found_before_the_pass_in_which_there_is_a_stable(role: str) -> None:
    assert asked({"containerPort": 9090}, role)


def test_another_port_hinders_only_where_one_service_has_to_lead_to_both() -> None:
    told = asked({"containerPort": 9090})
    assert told
    assert PORTS in told
    assert "set spec.rollout.steps to []" in told
    assert asked({"containerPort": 9090}, rollout={"steps": []}) is None
    assert asked({"containerPort": 9090}, traffic=GATEWAY) is None
    assert asked({"containerPort": 8080}) is None


def test_another_protocol_hinders_only_where_a_gateway_has_to_speak_both() -> None:
    grpc = {"name": "grpc", "containerPort": 8080}
    told = asked(grpc, traffic=GATEWAY)
    assert told
    assert "port 8080 uses http and the candidate's port grpc uses kubernetes.io/h2c" in told
    assert asked(grpc, traffic=GATEWAY, rollout={"steps": []}) is None


@pytest.mark.parametrize("status", [Status()])
def test_a_first_deployment_has_nobody_to_share_with(status: Status) -> None:
    desired = Desired(Spec.model_validate({"template": {"spec": {"containers": []}}}), 1, A)
    assert incompatibility(desired, status, {}) is None
