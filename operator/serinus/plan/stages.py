"""The rules of each stage, in the order in which they are asked, and what a stage leads to.

A rule that changes nothing returns None. None of them asks in which stage it is: this table says
it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Final

from serinus.api.stages import Stage
from serinus.plan.after_promotion import (
    end_the_guard_when_its_time_is_over,
    keep_to_the_guard_of_the_spec,
    run_the_clock_of_the_guard,
    take_back_what_is_shown_worse,
)
from serinus.plan.analysis import forget_what_other_checks_found
from serinus.plan.commands import obey_a_command, refuse_a_command
from serinus.plan.guarding import finish_taking_back
from serinus.plan.images import (
    note_in_a_guard_that_images_differ,
    note_that_images_differ,
    resume_once_images_are_alike,
    start_the_comparison_again_once_images_are_alike,
    start_the_step_again_once_images_are_alike,
)
from serinus.plan.monitoring import forget_the_monitoring_of_something_else
from serinus.plan.own_metrics import withdraw_from_a_candidate_whose_metrics_cannot_be_judged
from serinus.plan.pod_budget import (
    count_unready_time,
    end_unready_time,
    give_each_missing_pod_its_deadline,
    roll_back_when_its_containers_restart_too_often,
    roll_back_when_unready_for_too_long_in_sum,
)
from serinus.plan.progress import (
    give_up_at_the_progress_deadline,
    go_on_or_say_why_not,
    measure_from_the_first_weight_that_the_route_gives,
    measure_nothing_in_a_preview,
    note_what_audited_checks_would_do,
    note_what_the_step_has_done,
    notice_whether_anything_can_be_judged,
    notice_whether_pods_are_missing,
    promote_after_the_steps,
    promote_by_command,
    promote_the_first_revision,
    promote_the_former_revision,
    roll_back_when_a_check_fails,
    roll_back_when_a_check_fails_for_certain,
    roll_back_when_the_step_fails,
    run_the_clock_while_pods_for_all_traffic_start,
    run_the_clock_while_the_weight_is_in_effect,
)
from serinus.plan.readiness import roll_back_when_its_pods_lose_readiness_too_often
from serinus.plan.replacing import replace_pods_to_blame, suspect_a_node
from serinus.plan.retiring import let_retired_revisions_go
from serinus.plan.retraining import (
    note_how_a_retraining_goes,
    note_what_came_of_a_retraining,
    note_what_is_gone,
    start_a_retraining,
)
from serinus.plan.silence import (
    resume_once_the_policy_is_another,
    withdraw_from_a_silent_candidate,
    withdraw_from_what_cannot_be_judged,
)
from serinus.plan.situation import Situation
from serinus.plan.spec_changes import (
    drop_the_candidate_of_an_invalid_spec,
    drop_the_undo_of_an_invalid_spec,
    drop_what_the_spec_no_longer_has,
    end_the_guard_of_an_invalid_spec,
    end_the_guard_of_what_the_spec_no_longer_has,
    forget_a_rejection_once_the_spec_moves_on,
    go_on_with_the_guard_if_the_spec_changes_again,
    keep_a_first_revision_that_serves,
    start_what_the_spec_has,
    take_up_what_serves,
)
from serinus.plan.stepping import (
    keep_to_the_steps_of_the_spec,
    return_to_the_steps_of_another_policy,
)
from serinus.plan.task_review import review_the_task
from serinus.plan.unlike import withdraw_from_a_candidate_that_stays_unlike

Rule = Callable[[Situation], Situation | None]


@dataclass(frozen=True, slots=True)
class StageRules:
    """What happens in a stage."""

    usual: tuple[Rule, ...]
    with_an_invalid_spec: tuple[Rule, ...]
    leads_to: Mapping[Stage | None, str]
    """The stages that may follow, and when they do; None: no revision is rolled out."""


def unless_nothing_else_serves(rule: Rule) -> Rule:
    """A candidate that alone serves keeps its traffic."""

    @wraps(rule)
    def vetoed(s: Situation) -> Situation | None:
        return None if s.serves_alone else rule(s)

    return vetoed


ALWAYS: Final[tuple[Rule, ...]] = (
    let_retired_revisions_go,
    forget_the_monitoring_of_something_else,
    note_how_a_retraining_goes,
    note_what_came_of_a_retraining,
    note_what_is_gone,
    review_the_task,
)
ORDERS: Final[tuple[Rule, ...]] = (forget_a_rejection_once_the_spec_moves_on, obey_a_command)
DROPPED_IF_INVALID: Final[Rule] = unless_nothing_else_serves(drop_the_candidate_of_an_invalid_spec)
DROPPED_BY_THE_SPEC: Final[Rule] = unless_nothing_else_serves(drop_what_the_spec_no_longer_has)
BY_THE_SPEC: Final[tuple[Rule, ...]] = (DROPPED_IF_INVALID, *ALWAYS, *ORDERS, DROPPED_BY_THE_SPEC)
MISSING_PODS: Final[tuple[Rule, ...]] = (
    notice_whether_pods_are_missing,
    give_each_missing_pod_its_deadline,
)
LACKING_PODS: Final[tuple[Rule, ...]] = (
    unless_nothing_else_serves(roll_back_when_its_containers_restart_too_often),
    *MISSING_PODS,
    unless_nothing_else_serves(give_up_at_the_progress_deadline),
)
UNSTEADY: Final[tuple[Rule, ...]] = (
    unless_nothing_else_serves(roll_back_when_unready_for_too_long_in_sum),
    unless_nothing_else_serves(roll_back_when_its_pods_lose_readiness_too_often),
)
UNJUDGED: Final[tuple[Rule, ...]] = (
    withdraw_from_a_silent_candidate,
    unless_nothing_else_serves(withdraw_from_a_candidate_that_stays_unlike),
    unless_nothing_else_serves(withdraw_from_a_candidate_whose_metrics_cannot_be_judged),
    unless_nothing_else_serves(withdraw_from_what_cannot_be_judged),
)
MEASURED: Final[tuple[Rule, ...]] = (
    notice_whether_anything_can_be_judged,
    measure_from_the_first_weight_that_the_route_gives,
    measure_nothing_in_a_preview,
)
COMPARED_IN_A_GUARD: Final[tuple[Rule, ...]] = (
    forget_what_other_checks_found,
    note_that_images_differ,
    start_the_comparison_again_once_images_are_alike,
    note_in_a_guard_that_images_differ,
    note_what_audited_checks_would_do,
    *MISSING_PODS,
)
REPLACED: Final[tuple[Rule, ...]] = (
    unless_nothing_else_serves(replace_pods_to_blame),
    suspect_a_node,
)
REFUSED: Final[tuple[Rule, ...]] = (DROPPED_IF_INVALID, *ALWAYS, refuse_a_command)

NOBODY: Final = StageRules(
    usual=(*ALWAYS, take_up_what_serves, *ORDERS, start_what_the_spec_has, start_a_retraining),
    with_an_invalid_spec=(*ALWAYS, refuse_a_command),
    leads_to={
        Stage.FIRST: "there is no stable revision",
        Stage.STEPPING: "the spec has another revision",
        Stage.RETURNING: "undo",
    },
)
FIRST: Final = StageRules(
    usual=(
        *(*ALWAYS, *ORDERS, keep_a_first_revision_that_serves, DROPPED_BY_THE_SPEC),
        *MISSING_PODS,
        promote_the_first_revision,
    ),
    with_an_invalid_spec=(
        *(*ALWAYS, refuse_a_command),
        *MISSING_PODS,
        promote_the_first_revision,
    ),
    leads_to={None: "it serves, or the spec has another revision"},
)
STEPPING: Final = StageRules(
    usual=(
        *BY_THE_SPEC,
        forget_what_other_checks_found,
        note_that_images_differ,
        start_the_step_again_once_images_are_alike,
        note_what_audited_checks_would_do,
        roll_back_when_a_check_fails_for_certain,
        *REPLACED,
        *(*LACKING_PODS, count_unready_time, *UNSTEADY, *UNJUDGED),
        keep_to_the_steps_of_the_spec,
        *MEASURED,
        run_the_clock_while_the_weight_is_in_effect,
        note_what_the_step_has_done,
        unless_nothing_else_serves(roll_back_when_the_step_fails),
        go_on_or_say_why_not,
    ),
    with_an_invalid_spec=REFUSED,
    leads_to={
        Stage.PROMOTING: "all steps have passed",
        Stage.WITHDRAWN: "it cannot be judged",
        Stage.PROMOTING_BY_COMMAND: "promote, advance",
        Stage.RETURNING: "undo",
        None: "rolled back, or the spec has another revision",
    },
)
WITHDRAWN: Final = StageRules(
    usual=(
        *BY_THE_SPEC,
        forget_what_other_checks_found,
        note_that_images_differ,
        resume_once_images_are_alike,
        note_what_audited_checks_would_do,
        roll_back_when_a_check_fails_for_certain,
        unless_nothing_else_serves(roll_back_when_its_containers_restart_too_often),
        *(*MISSING_PODS, count_unready_time, *UNSTEADY),
        resume_once_the_policy_is_another,
        *MEASURED,
    ),
    with_an_invalid_spec=REFUSED,
    leads_to={
        Stage.STEPPING: "advance, another policy, or the cause is gone",
        Stage.PROMOTING_BY_COMMAND: "promote",
        Stage.RETURNING: "undo",
        None: "rolled back, or the spec has another revision",
    },
)
PROMOTING: Final = StageRules(
    usual=(
        *BY_THE_SPEC,
        forget_what_other_checks_found,
        note_that_images_differ,
        start_the_step_again_once_images_are_alike,
        note_what_audited_checks_would_do,
        roll_back_when_a_check_fails_for_certain,
        *REPLACED,
        *(*LACKING_PODS, end_unready_time, *UNSTEADY, *UNJUDGED),
        return_to_the_steps_of_another_policy,
        *MEASURED,
        run_the_clock_while_pods_for_all_traffic_start,
        promote_after_the_steps,
    ),
    with_an_invalid_spec=REFUSED,
    leads_to={
        Stage.GUARDED: "its pods are ready",
        None: "its pods are ready and no guard is wanted, rolled back, or the spec has another "
        "revision",
        Stage.STEPPING: "its pods ran different images, or spec.rollout changed",
        Stage.WITHDRAWN: "it cannot be judged",
        Stage.PROMOTING_BY_COMMAND: "promote, advance",
        Stage.RETURNING: "undo",
    },
)
PROMOTING_BY_COMMAND: Final = StageRules(
    usual=(
        *BY_THE_SPEC,
        forget_what_other_checks_found,
        note_what_audited_checks_would_do,
        roll_back_when_a_check_fails,
        *REPLACED,
        *(*LACKING_PODS, end_unready_time, *UNSTEADY),
        *MEASURED,
        run_the_clock_while_pods_for_all_traffic_start,
        promote_by_command,
    ),
    with_an_invalid_spec=REFUSED,
    leads_to={
        Stage.GUARDED: "its pods are ready",
        None: "its pods are ready and no guard is wanted, rolled back, or the spec has another "
        "revision",
        Stage.RETURNING: "undo",
    },
)
RETURNING: Final = StageRules(
    usual=(
        *(*ALWAYS, *ORDERS, DROPPED_BY_THE_SPEC),
        *MISSING_PODS,
        promote_the_former_revision,
    ),
    with_an_invalid_spec=(
        unless_nothing_else_serves(drop_the_undo_of_an_invalid_spec),
        *(*ALWAYS, refuse_a_command),
    ),
    leads_to={None: "it serves, abort, or the spec has another revision", Stage.RETURNING: "undo"},
)
# What is proved against the promoted revision comes before what anybody wishes
GUARDED: Final = StageRules(
    usual=(
        *COMPARED_IN_A_GUARD,
        take_back_what_is_shown_worse,
        unless_nothing_else_serves(end_the_guard_of_an_invalid_spec),
        *(*ALWAYS, *ORDERS, end_the_guard_of_what_the_spec_no_longer_has, DROPPED_BY_THE_SPEC),
        keep_to_the_guard_of_the_spec,
        *REPLACED,
        end_the_guard_when_its_time_is_over,
        *(*MEASURED, run_the_clock_of_the_guard),
    ),
    with_an_invalid_spec=(
        take_back_what_is_shown_worse,
        unless_nothing_else_serves(end_the_guard_of_an_invalid_spec),
        *(*ALWAYS, refuse_a_command),
    ),
    leads_to={
        None: "its time is over, promote, it is worse and the previous revision has its pods, or "
        "the spec has another revision",
        Stage.TAKING_BACK: "it is worse, abort, undo, or the spec has the previous revision",
        Stage.RETURNING: "undo to an earlier revision",
    },
)
TAKING_BACK: Final = StageRules(
    usual=(
        *(*ALWAYS, *ORDERS, go_on_with_the_guard_if_the_spec_changes_again),
        finish_taking_back,
        *COMPARED_IN_A_GUARD,
        *(*MEASURED, run_the_clock_of_the_guard),
    ),
    with_an_invalid_spec=(
        unless_nothing_else_serves(finish_taking_back),
        *(*ALWAYS, refuse_a_command),
    ),
    leads_to={
        None: "the pods of the previous revision are ready, or it cannot serve",
        Stage.GUARDED: "the spec changes again",
    },
)

RULES: Final[Mapping[Stage | None, StageRules]] = {
    None: NOBODY,
    Stage.FIRST: FIRST,
    Stage.STEPPING: STEPPING,
    Stage.WITHDRAWN: WITHDRAWN,
    Stage.PROMOTING: PROMOTING,
    Stage.PROMOTING_BY_COMMAND: PROMOTING_BY_COMMAND,
    Stage.RETURNING: RETURNING,
    Stage.GUARDED: GUARDED,
    Stage.TAKING_BACK: TAKING_BACK,
}
