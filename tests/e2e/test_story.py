"""What `make demo` shows, as assertions."""

import pytest

from tests.demo.screen import Screen
from tests.demo.story import Story, play
from tests.stage.stage import Stage


@pytest.fixture(scope="module")
def story(product: Stage) -> Story:
    """The story, played once; its namespace stays for whoever wants to look."""
    return play(product, Screen())


def test_a_first_deployment_takes_all_traffic_without_steps(story: Story) -> None:
    assert story.act("v1").reason == "Promoted"
    assert "WeightRaised" not in [decision.reason for decision in story.act("v1").decisions]


def test_a_better_model_is_promoted_step_by_step(story: Story) -> None:
    act = story.act("v2")
    assert act.reason == "Promoted"
    reasons = [decision.reason for decision in act.decisions]
    assert reasons == ["RolloutStarted", "WeightRaised", "Promoting", "Promoted"]
    assert act.requests >= 100


def test_a_model_that_fails_on_some_inputs_is_rolled_back_by_its_errors(story: Story) -> None:
    act = story.act("v3")
    assert act.reason == "CheckFailed"
    assert "Check errors:" in act.evidence
    assert act.failures > 0


def test_a_model_that_predicts_otherwise_is_rolled_back_though_it_never_fails(
    story: Story,
) -> None:
    act = story.act("v4")
    assert act.reason == "CheckFailed"
    assert "Check drift:" in act.evidence
    assert story.clients.error_rate("v4") == story.clients.error_rate("v2") == 0


def test_clients_see_no_failure_that_the_candidates_own_code_did_not_cause(story: Story) -> None:
    assert story.clients.sent > 1000
    assert not story.clients.unexplained
    assert set(+story.clients.model_failures) == {"v3"}


def test_promotion_rollback_and_revert_restart_no_pod_of_the_stable_version(story: Story) -> None:
    assert story.restarts == 0


def test_a_bad_model_reaches_few_clients(story: Story) -> None:
    for version in ("v3", "v4"):
        assert story.act(version).requests < 0.1 * story.clients.sent
