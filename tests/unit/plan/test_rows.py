"""Rows of the stage table in which the candidate has the same traffic have the same rules, but for
those that are listed here with the reason."""

from serinus.plan.stages import PROMOTING, PROMOTING_BY_COMMAND, STEPPING, StageRules

STEPPING_ALONE = {
    "start_the_step_again_once_images_are_alike": "a command has no step that begins again",
    "note_that_images_differ": "a command is obeyed whatever the images are",
    "roll_back_when_a_check_fails_for_certain": "a command rolls back also when it is in doubt",
    "count_unready_time": "more pods are asked for, which are not lost",
    "keep_to_the_steps_of_the_spec": "all have passed: another policy leads back to them",
    "run_the_clock_while_the_weight_is_in_effect": "the pods of all traffic are awaited",
    "note_what_the_step_has_done": "no step runs anything",
    "roll_back_when_the_step_fails": "no step runs anything",
    "go_on_or_say_why_not": "the steps are over",
    "withdraw_from_a_silent_candidate": "a command is obeyed though nothing can be judged",
    "withdraw_from_a_candidate_that_stays_unlike": "as above",
    "withdraw_from_a_candidate_whose_metrics_cannot_be_judged": "as above",
    "withdraw_from_what_cannot_be_judged": "as above",
}
BY_COMMAND_ALONE = {
    "return_to_the_steps_of_another_policy": "a person skips the steps, with their checks",
}


def lacks(row: StageRules) -> set[str]:
    return {each.__name__ for each in STEPPING.usual} - {each.__name__ for each in row.usual}


def test_what_a_candidate_is_asked_in_its_steps_it_is_asked_until_it_is_promoted() -> None:
    of_commands = {
        name for name, why in STEPPING_ALONE.items() if why.startswith(("a command", "as above"))
    }
    assert lacks(PROMOTING) == STEPPING_ALONE.keys() - of_commands
    assert lacks(PROMOTING_BY_COMMAND) == STEPPING_ALONE.keys()
    promoting = {each.__name__ for each in PROMOTING.usual}
    by_command = {each.__name__ for each in PROMOTING_BY_COMMAND.usual}
    assert promoting - by_command == {
        *of_commands,
        *BY_COMMAND_ALONE,
        "promote_after_the_steps",
    }
