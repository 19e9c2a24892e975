"""fairness, from samples to sentences."""

import pytest

from serinus.api.status import CheckStatus
from serinus.judge import EffectiveWeight, begins_to_fail
from serinus.judge.checks.disparity import of_refusals
from serinus.judge.evidence.comparison import Policy, Scale, counted
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, fairness

APPROVED = {"favourable": [{"label": "class", "value": "approve"}]}


def judging(**settings: object) -> SimulatedAnalysis:
    """Two groups are known, and were scraped before the weight took effect."""
    simulated = SimulatedAnalysis(fairness(**{**APPROVED, **settings}))
    simulated.groups(north=(0, 0), south=(0, 0))
    simulated.scrape()
    return simulated


def test_a_group_that_is_favoured_twice_as_often_fails_with_both_groups_and_rates() -> None:
    simulated = judging()
    found = simulated.until("Fail", lambda: simulated.groups(north=(80, 100), south=(8, 20)))
    assert found.message == (
        "Favourable answers: north 480/600 (80%), south 48/120 (40%), the clearest "
        "difference; north is above what is tolerated (1.25 times the rate of south). "
        "False-alarm risk at most 1% per rollout, all looks and checks included."
    )


def test_evidence_of_many_looks_is_not_taken_for_that_of_the_last_one() -> None:
    """It would be looked at after each scrape from then on."""
    simulated, sooner = judging(), []
    for _ in range(36):
        simulated.groups(north=(30, 1000), south=(20, 1000))
        assert simulated.look().verdict != "Fail"
        sooner.append(begins_to_fail(simulated.analysis, simulated.progress))
    assert not any(sooner)


def test_it_does_not_matter_which_of_the_groups_is_favoured() -> None:
    simulated = judging()
    found = simulated.until("Fail", lambda: simulated.groups(north=(8, 20), south=(80, 100)))
    assert "south is above what is tolerated (1.25 times the rate of north)" in found.message


def test_groups_that_are_favoured_alike_pass() -> None:
    simulated = judging()
    found = simulated.until("Pass", lambda: simulated.groups(north=(80, 100), south=(15, 20)))
    assert found.message == (
        "Favourable answers: north 320/400 (80%), south 60/80 (75%), the greatest "
        "difference; every group is within the margin (1.5 times every other group's rate + 2%); "
        "risk of passing a candidate beyond it at most 5%, for this check and step."
    )


@pytest.mark.parametrize(
    ("favours", "of", "served"), [(10, 1000, 36_000), (10, 100, 4000), (18, 20, 240)]
)
def test_rare_and_common_favours_are_both_told_apart_soon(
    favours: int, of: int, served: int
) -> None:
    """Half as often in the south."""
    simulated = judging()
    found = simulated.until(
        "Fail", lambda: simulated.groups(north=(favours, of), south=(favours // 2, of))
    )
    assert found.state.candidate["answers"] <= served


def test_a_tiny_group_does_not_keep_a_step_from_passing_and_is_named() -> None:
    simulated = judging()
    simulated.groups(isle=(0, 0))
    simulated.scrape()
    found = simulated.until(
        "Pass", lambda: simulated.groups(north=(80, 100), south=(16, 20), isle=(1, 1))
    )
    assert found.message.endswith(
        "for this check and step. Not required to pass, with less than 2%: isle (0.83%)."
    )


def test_a_step_passes_if_all_groups_but_one_are_tiny() -> None:
    simulated = judging()
    simulated.groups(isle=(0, 0))
    simulated.scrape()
    simulated.groups(isle=(1, 1))
    found = simulated.until("Pass", lambda: simulated.groups(north=(80, 100)))
    assert found.message == (
        "Favourable answers: isle 1/1 (100%), north 160/200 (80%), the greatest difference; no two "
        "groups are large enough to be compared. "
        "Not required to pass, with less than 2%: isle (0.50%), south (0%)."
    )


def test_a_tiny_group_without_positive_outcomes_does_not_keep_a_step_from_passing() -> None:
    simulated = SimulatedAnalysis(fairness(equalisedOdds={}))
    simulated.odds(north=(0, 0, 0, 0), isle=(0, 0, 0, 0))
    simulated.scrape()
    simulated.odds(isle=(0, 0, 0, 1))
    found = simulated.until("Pass", lambda: simulated.odds(north=(60, 40, 40, 60)))
    assert "isle 0/1 (0%)" in found.message


def test_a_tiny_group_that_is_never_favoured_still_fails() -> None:
    simulated = judging()
    simulated.groups(isle=(0, 0))
    simulated.scrape()
    found = simulated.until(
        "Fail", lambda: simulated.groups(north=(80, 100), south=(16, 20), isle=(0, 1))
    )
    assert "isle 0/" in found.message


def test_a_group_that_is_small_by_chance_in_the_first_minute_is_waited_for() -> None:
    simulated = judging()
    simulated.groups(isle=(0, 0))
    simulated.scrape()
    simulated.look()
    simulated.groups(north=(80, 100), south=(16, 20))
    assert simulated.look().verdict == "Inconclusive"


def test_so_many_answers_are_waited_for_that_no_group_of_size_is_still_to_be_seen() -> None:
    simulated = judging(margin=50, absoluteMargin="50%", minGroupShare="1%")
    simulated.look()
    simulated.groups(north=(100, 140), south=(100, 140))
    found = simulated.look()
    assert found.verdict == "Inconclusive"
    assert "Passes after about 20 more candidate requests" in found.message
    simulated.groups(north=(7, 10), south=(7, 10))
    assert simulated.look().verdict == "Pass"


def test_an_unnamed_group_is_no_group_and_one_group_alone_is_no_data() -> None:
    simulated = SimulatedAnalysis(fairness(**APPROVED))
    simulated.candidate.add(
        "pod", "model_predictions_total", 0, **{"class": "approve", "group": ""}
    )
    simulated.groups(north=(0, 0))
    simulated.scrape()
    simulated.look()
    simulated.candidate.add(
        "pod", "model_predictions_total", 99, **{"class": "approve", "group": ""}
    )
    simulated.groups(north=(90, 100))
    found = simulated.look()
    assert found.verdict == "NoData"
    assert found.message == (
        "The candidate has answers for group north only, by label group: nothing to compare."
    )


def test_a_group_that_appears_later_is_compared_from_the_next_block_on() -> None:
    simulated = judging()
    simulated.look()
    simulated.groups(north=(80, 100), south=(16, 20), isle=(0, 200))
    assert simulated.look().verdict == "Inconclusive"
    simulated.groups(north=(80, 100), south=(16, 20), isle=(0, 200))
    found = simulated.look()
    assert found.verdict == "Fail"
    assert "isle 0/400 (0%)" in found.message


def test_nine_groups_are_too_many_and_told_with_the_remedy() -> None:
    simulated = judging()
    simulated.look()
    simulated.groups(None, **{f"g{number}": (1, 1) for number in range(7)})
    assert simulated.look().message == (
        "9 groups were seen, but at most 8 can be compared: set another groupLabel, or export "
        "coarser groups."
    )
    assert simulated.look().verdict == "Error"


def test_who_should_be_favoured_must_be_as_often_in_each_group() -> None:
    simulated = SimulatedAnalysis(fairness(equalisedOdds={}))
    simulated.odds(north=(0, 0, 0, 0), south=(0, 0, 0, 0))
    simulated.scrape()
    found = simulated.until(
        "Fail", lambda: simulated.odds(north=(90, 10, 10, 40), south=(50, 50, 10, 40))
    )
    assert found.message.startswith("True positives: north 270/300 (90%), south 150/300")


def test_who_should_not_be_favoured_must_be_as_often_in_each_group() -> None:
    simulated = SimulatedAnalysis(fairness(equalisedOdds={}))
    simulated.odds(north=(0, 0, 0, 0), south=(0, 0, 0, 0))
    simulated.scrape()
    found = simulated.until(
        "Fail", lambda: simulated.odds(north=(90, 10, 30, 20), south=(90, 10, 10, 40))
    )
    assert found.message.startswith("False positives: north ")


def test_equal_odds_pass_once_both_rates_are_shown() -> None:
    simulated = judging(equalisedOdds={}, absoluteTolerance="5%", absoluteMargin="10%")
    simulated.odds(north=(0, 0, 0, 0), south=(0, 0, 0, 0))
    simulated.scrape()

    def serve() -> None:
        simulated.groups(north=(80, 100), south=(80, 100))
        simulated.odds(north=(70, 10, 10, 10), south=(70, 10, 10, 10))

    assert simulated.until("Pass", serve).verdict == "Pass"


def test_answers_without_outcomes_do_not_show_equal_odds() -> None:
    simulated = judging(equalisedOdds={})
    simulated.odds(north=(0, 0, 0, 0), south=(0, 0, 0, 0))
    simulated.scrape()
    simulated.look()
    simulated.groups(north=(800, 1000), south=(800, 1000))
    found = simulated.look()
    assert found.verdict == "NoData"
    assert "positives for no group yet" in found.message


@pytest.mark.parametrize("against", ["OtherGroups", "Stable"])
def test_a_group_label_that_nothing_has_is_an_error_of_the_settings(against: str) -> None:
    simulated = judging(against=against, groupLabel="region")
    simulated.weight = EffectiveWeight(0.2, SINCE)
    for _ in range(3):
        simulated.groups({"north": (50, 100), "south": (50, 100)}, north=(5, 10), south=(5, 10))
        found = simulated.look()
    arm = "stable" if against == "Stable" else "candidate"
    assert found.verdict == "Error" and found.own_metrics is None
    assert found.message == (
        f"model_predictions_total of the {arm} pods has no label region, so its series cannot be "
        "distinguished; its labels are class (approve, deny), group (north, south). Set "
        "fairness.groupLabel to the label that is meant."
    )


def test_outcomes_without_groups_do_not_hide_unfair_answers() -> None:
    simulated = SimulatedAnalysis(fairness(**APPROVED, equalisedOdds={}))
    simulated.weight = EffectiveWeight(0.2, SINCE)

    def serve() -> None:
        simulated.groups(north=(90, 100), south=(40, 100))
        simulated.feedback((10, 100), (40, 400))

    for _ in range(2):
        serve()
        found = simulated.look()
    assert found.verdict == "Error"
    assert "model_feedback_total of the candidate pods has no label group" in found.message
    simulated.until("Fail", serve)


def test_a_candidate_that_no_longer_exports_groups_cannot_be_judged_because_of_that() -> None:
    simulated = SimulatedAnalysis(fairness(**APPROVED))
    simulated.weight = EffectiveWeight(0.2, SINCE)
    for _ in range(3):
        simulated.groups({"north": (50, 100), "south": (50, 100)})
        simulated.classes({"approve": 25, "deny": 25}, {})
        found = simulated.look()
    assert found.verdict == "Error" and found.own_metrics
    assert "model_predictions_total of the candidate pods has no label group" in found.message


def test_the_bound_on_refusals_says_the_same_as_the_one_on_favours() -> None:
    refused = of_refusals(NullHypothesis(1.25, 0.02))
    for second in (0.0, 0.2, 0.5, 0.7):
        first = 1.25 * second + 0.02
        assert refused.ratio * (1 - first) + refused.offset == pytest.approx(1 - second)


def test_a_block_is_weighed_by_what_was_rarer_before_it_whatever_it_shows_itself() -> None:
    simulated = judging()
    [known] = simulated.look().state.comparisons
    policy = Policy(NullHypothesis(1.25, 0.0), NullHypothesis(1.5, 0.02), SHIFTED)
    for favours in ((1, 1), (90, 50)):
        simulated.groups(north=(favours[0], 100), south=(favours[1], 100))
        gained = Scale(policy, 100, 100, both_ways=True).gains(known, *favours)
        known = counted(known, gained, *favours)
        [found] = simulated.look().state.comparisons
        assert found.replace(recent=known.recent) == known


STABLE = {"north": (800, 1000), "south": (500, 1000)}


def against_stable(**settings: object) -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(fairness(**{**APPROVED, "against": "Stable", **settings}))
    nothing = dict.fromkeys(STABLE, (0, 0))
    simulated.groups(stable=nothing, north=(0, 0), south=(0, 0))
    simulated.scrape()
    return simulated


def test_a_candidate_that_is_as_unfair_as_stable_passes_with_the_rates_of_both() -> None:
    simulated = against_stable()
    found = simulated.until(
        "Pass", lambda: simulated.groups(stable=STABLE, north=(80, 100), south=(50, 100))
    )
    assert found.message == (
        "Favourable answers: north 480/600 (80%), south 300/600 (50%); with stable north "
        "4800/6000 (80%), south 3000/6000 (50%), the greatest difference; every group is within "
        "the margin (1.5 times every other group's rate + 2%, or 1.5 times stable's odds ratio); "
        "risk of passing a candidate beyond it at most 5%, for this check and step."
    )


def test_a_candidate_that_makes_it_worse_fails_with_the_rates_of_both() -> None:
    simulated = against_stable()
    found = simulated.until(
        "Fail", lambda: simulated.groups(stable=STABLE, north=(80, 100), south=(20, 100))
    )
    assert found.message == (
        "Favourable answers: north 160/200 (80%), south 40/200 (20%); with stable north "
        "1600/2000 (80%), south 1000/2000 (50%), the clearest difference; north is above what is "
        "tolerated (1.25 times the rate of south, and 1.25 times stable's odds ratio). "
        "False-alarm risk at most 1% per rollout, all looks and checks included."
    )


def test_a_fair_candidate_passes_where_stable_is_unfair() -> None:
    simulated = against_stable()
    found = simulated.until(
        "Pass", lambda: simulated.groups(stable=STABLE, north=(70, 100), south=(70, 100))
    )
    assert found.state.peak < 1


def test_without_groups_of_stable_there_is_nothing_to_compare() -> None:
    simulated = against_stable()
    simulated.look()
    simulated.groups(stable={"north": (800, 1000)}, north=(80, 100), south=(50, 100))
    assert simulated.look().message == (
        "Stable has answers for group north only, by label group: nothing to compare."
    )


def test_a_group_that_is_tiny_does_not_keep_a_step_from_passing_against_stable_either() -> None:
    simulated = against_stable()
    simulated.groups(isle=(0, 0))
    simulated.scrape()
    found = simulated.until(
        "Pass",
        lambda: simulated.groups(stable=STABLE, north=(80, 100), south=(50, 100), isle=(1, 1)),
    )
    assert found.message.endswith("Not required to pass, with less than 2%: isle (0.50%).")


def test_the_forecast_against_stable_comes_true() -> None:
    simulated = against_stable()

    def serve() -> None:
        simulated.groups(stable=STABLE, north=(80, 100), south=(50, 100))

    simulated.look()
    serve()
    found = simulated.look()
    assert "Passes after about 950 more candidate requests at these rates." in found.message
    assert simulated.until("Pass", serve).state.step_requests == 1200


def test_groups_that_are_favoured_alike_over_the_whole_rollout_are_said_not_to_be_lately() -> None:
    simulated = judging()
    for _ in range(60):
        simulated.groups(north=(500, 1000), south=(500, 1000))
        simulated.look()
    found = simulated.until("Fail", lambda: simulated.groups(north=(700, 1000), south=(350, 1000)))
    assert (
        "(1.25 times the rate of south) in recent requests: north 700/1000 (70%), "
        "south 350/1000 (35%). False-alarm"
    ) in found.message


def test_the_status_has_room_for_many_groups_against_stable() -> None:
    groups = [f"group {number}" for number in range(8)]
    simulated = SimulatedAnalysis(fairness(**APPROVED, against="Stable"))
    simulated.groups(stable=dict.fromkeys(groups, (0, 0)), **dict.fromkeys(groups, (0, 0)))
    simulated.scrape()
    simulated.look()
    simulated.groups(stable=dict.fromkeys(groups, (8, 10)), **dict.fromkeys(groups, (8, 10)))
    found = simulated.look()
    assert len(found.state.own_stable) > len(groups)
    assert CheckStatus.model_validate(found.to_json()) == found


def test_a_group_that_was_exported_at_0_and_has_gone_stops_nothing() -> None:
    simulated = judging()
    simulated.look()
    simulated.candidate.values, simulated.candidate.samples = {}, {}
    simulated.groups(east=(0, 0), west=(0, 0))
    simulated.look()
    found = simulated.until("Fail", lambda: simulated.groups(east=(80, 100), west=(8, 20)))
    assert "east is above what is tolerated" in found.message
