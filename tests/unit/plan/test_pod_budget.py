"""What a candidate's pods may cost a rollout: restarts beyond stable's, and unready time in sum."""

from serinus.plan.situation import PodEnd, SeenPod
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, Rehearsal, serving

LONG = [{"setWeight": 20}, {"pause": {"duration": "24h"}}, {"setWeight": 50}]


def pod(
    name: str, restarts: int = 0, *, revision: str = B, created: float = 1000.0, ended: float = 0
) -> SeenPod:
    end = PodEnd(ended or 1001.0, f"OOMKilled at its limit of 512Mi: container model of pod {name}")
    return SeenPod(name, revision, created, restarts, end if restarts else None)


def seen(story: Rehearsal, *pods: SeenPod, after: float = 0.0) -> Rehearsal:
    """The pods as they are listed now; the next passes list none."""
    story.world.pods_seen = pods
    story.after(after)
    story.world.pods_seen = None
    return story


def rolling() -> Rehearsal:
    return serving().given(steps=LONG).apply(B)


def test_a_crash_loop_is_rolled_back_in_the_containers_own_words() -> None:
    story = rolling()
    for restarts in (1, 2, 3):
        seen(story, pod("b-1", restarts), pod("a-1", revision=A), after=90)
        assert story.status.candidate, f"{restarts} restarts are within the budget"
    seen(story, pod("b-1", 4), pod("a-1", revision=A), after=90)
    assert story.status.rejected and story.status.rejected.reason == "TooManyRestarts"
    told = story.status.rejected.message
    assert told.startswith("OOMKilled at its limit of 512Mi: container model of pod b-1")
    assert "4 restarts in 6m" in told
    assert story.weight == 0


def test_each_recovery_leaves_the_count_as_it_is() -> None:
    story = rolling()
    for restarts in (1, 2, 3, 4):
        story.world.broken.add(B)
        story.settle()
        story.world.broken.clear()
        seen(story, pod("b-1", restarts), pod("a-1", revision=A), after=10)
    assert story.status.rejected and story.status.rejected.reason == "TooManyRestarts"


def test_restarts_of_pods_that_are_gone_still_count() -> None:
    story = rolling()
    seen(story, pod("b-1", 2))
    seen(story, pod("b-2", 1), after=60)
    assert story.status.candidate and story.status.candidate.restarts
    assert story.status.candidate.restarts.candidate == 3
    seen(story, pod("b-2", 1), pod("b-3", 1), after=60)
    assert story.status.rejected and "4 restarts" in story.status.rejected.message


def test_what_happens_to_stables_pods_as_well_is_not_the_candidates_fault() -> None:
    story = rolling()
    stable = [f"a-{n}" for n in range(4)]
    for restarts in range(1, 7):
        theirs = [pod(name, restarts, revision=A) for name in stable]
        seen(story, pod("b-1", restarts), *theirs, after=60)
    assert story.status.candidate, "each of its pods restarts as often as each of stable's"


def test_stables_restarts_count_per_pod_and_not_in_sum() -> None:
    story = rolling()
    stable = [pod(f"a-{n}", revision=A) for n in range(3)]
    for restarts in range(1, 5):
        one = pod("a-3", restarts, revision=A)
        seen(story, pod("b-1", restarts), *stable, one, after=60)
    assert story.status.candidate and story.status.candidate.restarts
    assert story.status.candidate.restarts.expected == 1.0
    seen(story, pod("b-1", 7), *stable, pod("a-3", 4, revision=A), after=60)
    assert story.status.rejected
    assert "3 beyond the 1 of as many pods of stable, and what" in story.status.rejected.message


def test_what_chance_adds_where_stables_pods_restart_often_is_no_fault() -> None:
    story = rolling()
    seen(story, pod("b-1", 32), pod("a-1", 20, revision=A))
    assert story.status.candidate, "32 beside 20 is less than two standard deviations beyond 3"
    seen(story, pod("b-1", 40), pod("a-1", 20, revision=A))
    assert story.status.rejected


def test_restarts_from_before_the_rollout_do_not_count_on_either_side() -> None:
    story = rolling()
    old = pod("a-1", 40, revision=A, created=1.0, ended=2.0)
    kept = pod("b-1", 7, created=1.0, ended=2.0)
    seen(story, old, kept)
    assert story.status.candidate and story.status.candidate.restarts
    assert story.status.candidate.restarts.candidate == 0
    assert story.status.candidate.restarts.expected == 0


def test_the_restart_that_leads_to_the_first_look_counts_for_a_pod_of_before_the_rollout() -> None:
    story = rolling()
    seen(story, pod("a-1", 41, revision=A, created=1.0, ended=1000.0), pod("b-1"))
    assert story.status.candidate and story.status.candidate.restarts
    assert story.status.candidate.restarts.expected == 1


def test_a_pod_without_restarts_at_the_first_look_is_counted_in_full_later() -> None:
    story = rolling()
    seen(story, pod("a-1", revision=A, created=1.0), pod("b-1"))
    seen(story, pod("a-1", 2, revision=A, created=1.0), pod("b-1"), after=60)
    assert story.status.candidate and story.status.candidate.restarts
    assert story.status.candidate.restarts.expected == 2


def test_a_budget_of_0_allows_none() -> None:
    story = serving().given(steps=LONG, maxRestarts=0).apply(B)
    seen(story, pod("b-1", 1))
    assert story.status.rejected and story.status.rejected.reason == "TooManyRestarts"


def test_a_first_deployment_has_nothing_to_go_back_to_and_goes_on() -> None:
    story = Rehearsal(world=PaperWorld(broken={A})).settle()
    seen(story, pod("a-1", 9, revision=A), after=60)
    assert story.status.candidate and story.status.rejected is None


def test_unready_time_is_counted_over_the_whole_rollout() -> None:
    story = rolling()
    for _ in range(9):
        story.world.broken.add(B)
        story.settle().after(60)
        story.world.broken.clear()
        story.settle().after(60)
    assert story.status.candidate, "9m in sum are within progressDeadline"
    story.world.broken.add(B)
    story.settle().after(60)
    assert story.status.rejected and story.status.rejected.reason == "ProgressDeadlineExceeded"
    assert "10m in sum" in story.status.rejected.message
    assert "10 times" in story.status.rejected.message


def test_the_pass_that_ends_the_unready_time_is_due_by_itself() -> None:
    story = rolling()
    for _ in range(9):
        story.world.broken.add(B)
        story.settle().after(60)
        story.world.broken.clear()
        story.settle()
    story.world.broken.add(B)
    story.settle()
    assert story.plan and story.plan.wake_in == 60


def test_pods_that_start_for_a_greater_weight_are_not_unready_time() -> None:
    steps = [{"setWeight": 25}, {"setWeight": 50}]
    story = serving().given(steps=steps).apply(B)
    story.world.pods_ready_after = 300.0
    story.judged("Pass")
    story.after(301)
    assert story.status.candidate and story.weight == 50
    assert story.status.candidate.unready.times == 0


def test_pods_that_start_because_more_are_asked_for_are_not_unready_time() -> None:
    story = rolling()
    story.world.pods_ready_after = 300.0
    story.spec["replicas"] = 20
    story.settle()
    story.after(301)
    assert story.status.candidate and story.weight == 20
    assert story.status.candidate.unready.times == 0
