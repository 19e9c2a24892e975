"""predictionDrift, from samples to sentences."""

from dataclasses import replace

import pytest

from serinus.api.baseline import INDEPENDENT
from serinus.api.status import CheckStatus
from serinus.judge import judge
from serinus.judge.findings.prediction_drift import PredictionShares, StabilityIndex
from serinus.judge.findings.rates import AllowedRate, EventCount, Recent, ShownWorse, Variation
from serinus.metrics.queries import CounterQuery, Measurement, QueryError
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, drift

EVEN = {0.25: 250, 0.5: 250, 0.75: 250, 1.0: 250}


def classes(**settings: object) -> SimulatedAnalysis:
    """Both arms export the class counter, and were scraped before the weight took effect."""
    simulated = SimulatedAnalysis(drift(**settings))
    simulated.classes({"cat": 0, "dog": 0, "bird": 0}, {"cat": 0, "dog": 0, "bird": 0})
    simulated.scrape()
    return simulated


def scores(**settings: object) -> SimulatedAnalysis:
    """The same with the score histogram."""
    simulated = SimulatedAnalysis(drift(**settings))
    simulated.scores(dict.fromkeys(EVEN, 0), dict.fromkeys(EVEN, 0))
    simulated.scrape()
    return simulated


def test_a_class_that_became_common_fails_and_is_named_with_both_shares() -> None:
    simulated = classes()
    simulated.look()
    for _ in range(2):
        simulated.classes({"cat": 40, "dog": 30, "bird": 30}, {"cat": 200, "dog": 850, "bird": 850})
        found = simulated.look()
    assert found.verdict == "Fail"
    assert found.message == (
        "Class cat: candidate 80/200 (40%), stable 400/3800 (11%), the clearest difference; "
        "predictions differ by more than tolerated (1.25 times the other revision's share + 1%). "
        "False-alarm risk at most 1% per rollout, all looks and checks included."
    )


def test_a_class_that_became_rare_fails_too() -> None:
    simulated = classes()
    simulated.look()
    for _ in range(2):
        simulated.classes({"cat": 1, "dog": 49, "bird": 50}, {"cat": 633, "dog": 633, "bird": 634})
        found = simulated.look()
    assert found.verdict == "Fail"
    assert found.message.startswith("Class cat: candidate 2/200 (1.0%), stable")


def test_equal_predictions_of_three_classes_pass_within_300_requests() -> None:
    simulated = classes()
    candidate = {"cat": 5, "dog": 10, "bird": 10}
    stable = {name: 19 * count for name, count in candidate.items()}
    found = simulated.until("Pass", lambda: simulated.classes(candidate, stable))
    assert 50 <= found.state.candidate["class"] <= 300
    assert (
        "every class and score range is within the margin (2 times the other revision's share + 2%)"
        in found.message
    )


def test_a_class_may_be_common_enough_to_matter_and_not_be_seen_in_a_hundred_requests() -> None:
    simulated = SimulatedAnalysis(drift())
    simulated.classes({"cat": 0}, {"cat": 0})
    simulated.scrape()
    simulated.look()
    simulated.classes({"cat": 100}, {"cat": 1900})
    found = simulated.look()
    assert found.verdict == "Inconclusive"
    assert found.message == (
        "Class cat: candidate 100/100 (100%), stable 1900/1900 (100%), the greatest difference; "
        "neither shown worse than tolerated nor within the margin. Passes after about 250 more "
        "candidate requests at these rates."
    )
    simulated.until("Pass", lambda: simulated.classes({"cat": 100}, {"cat": 1900}), looks=4)


def test_a_class_that_only_the_candidate_predicts_is_compared_with_none() -> None:
    simulated = classes()
    simulated.look()
    for _ in range(3):
        simulated.classes({"fish": 30, "dog": 45}, {"cat": 475, "dog": 475, "bird": 475})
        found = simulated.look()
    assert found.verdict == "Fail"
    names = {each.name: (each.candidate, each.stable) for each in found.state.comparisons}
    assert names["class fish"][1] == 0


def test_what_a_block_brought_to_light_is_shown_at_once_and_weighed_from_the_next_on() -> None:
    simulated = classes()
    simulated.look()
    simulated.classes({"fish": 1, "cat": 74}, {"cat": 1425})
    found = simulated.look()
    (fish,) = (each for each in found.state.comparisons if each.name == "class fish")
    assert (fish.candidate, fish.stable) == (1, 0)
    assert fish.above == fish.below


def test_a_class_that_no_pod_exports_any_more_counts_as_none() -> None:
    simulated = classes()
    simulated.look()
    simulated.classes({"cat": 5, "dog": 45, "bird": 50}, {"cat": 95, "dog": 855, "bird": 950})
    simulated.look()
    for pods in (simulated.candidate, simulated.stable):
        pods.restart("pod")
    evidence = []
    for _ in range(4):
        simulated.classes({"dog": 50, "bird": 50}, {"dog": 950, "bird": 950})
        (cat,) = (e for e in simulated.look(seconds=100).state.comparisons if e.name == "class cat")
        evidence.append(cat.not_above)
    assert evidence == sorted(evidence)
    assert len(set(map(tuple, evidence))) == 4


def test_a_restart_that_only_some_buckets_show_makes_no_count_negative() -> None:
    simulated = scores(scores="model_prediction_score")
    low = {0.25: 10, 0.5: 0, 0.75: 0, 1.0: 0}
    simulated.scores(low, low)
    simulated.look()
    for pods in (simulated.candidate, simulated.stable):
        pods.restart("pod")
    mixed = {0.25: 6, 0.5: 0, 0.75: 0, 1.0: 6}
    simulated.scores(mixed, mixed)
    for each in simulated.look().state.comparisons:
        assert each.candidate >= 0
        assert each.stable >= 0


def test_scores_that_moved_up_fail_and_the_range_is_named() -> None:
    simulated = scores()
    simulated.look()
    for _ in range(2):
        simulated.scores(
            {0.25: 5, 0.5: 45, 0.75: 50, 1.0: 100}, {b: 4 * n for b, n in EVEN.items()}
        )
        found = simulated.look()
    assert found.verdict == "Fail"
    assert found.message.startswith("Score up to 0.25: candidate 10/400 (2.5%), stable")


def test_a_world_that_moves_for_both_arms_fails_nobody_though_the_split_changes_meanwhile() -> None:
    simulated = scores()
    low, high = {0.25: 40, 0.5: 40, 0.75: 10, 1.0: 10}, {0.25: 10, 0.5: 10, 0.75: 40, 1.0: 40}
    for world, stable in ((low, 19), (high, 3), (low, 1), (high, 1)):
        for _ in range(50):
            simulated.scores(world, {bound: stable * count for bound, count in world.items()})
            assert simulated.look().verdict != "Fail"
    assert simulated.look().verdict == "Pass"


def test_bounds_are_compared_by_value_and_only_those_that_both_arms_have() -> None:
    simulated = SimulatedAnalysis(drift(scores="model_prediction_score"))
    for pods, bounds in (
        (simulated.candidate, ("0.1", "0.2", "0.5", "1.0", "+Inf")),
        (simulated.stable, ("0.2", "0.50", "0.9", "1", "+Inf")),
    ):
        for bound in bounds:
            pods.add("pod", "model_prediction_score_bucket", 0, le=bound)
    simulated.scrape()
    found = simulated.look()
    ranges = [each.name for each in found.state.comparisons if each.not_above]
    assert ranges == ["score up to 0.2", "score 0.2 to 0.5", "score 0.5 to 1", "score above 1"]


def test_histograms_without_a_bound_in_common_are_an_error_that_says_what_to_do() -> None:
    simulated = SimulatedAnalysis(drift())
    simulated.scores({0.1: 0, 0.2: 0}, {0.3: 0, 0.4: 0})
    simulated.scrape()
    found = simulated.look()
    assert found.verdict == "Error"
    assert found.message == (
        "model_prediction_score_bucket: candidate and stable have no score bucket in common: let "
        "both export the histogram with the same bounds."
    )


def test_a_histogram_without_its_last_bucket_is_an_error_that_says_what_to_do() -> None:
    simulated = SimulatedAnalysis(drift(scores="model_prediction_score"))
    for pods, bounds in (
        (simulated.candidate, ("0.5", "1.0")),
        (simulated.stable, ("0.5", "1.0", "+Inf")),
    ):
        for bound in bounds:
            pods.add("pod", "model_prediction_score_bucket", 0, le=bound)
    simulated.scrape()
    found = simulated.look()
    assert found.verdict == "Error"
    assert 'no bucket le="+Inf" in common' in found.message


def test_by_default_either_metric_will_do_and_both_count() -> None:
    simulated = classes()
    simulated.scores({0.5: 0, 1.0: 0}, {0.5: 0, 1.0: 0})
    simulated.look()
    simulated.classes({"cat": 200, "dog": 200}, {"cat": 1000, "dog": 1000})
    assert simulated.look().verdict == "Pass"
    simulated.scores({0.5: 200, 1.0: 0}, {0.5: 1900, 1.0: 1900})
    simulated.classes({"cat": 100, "dog": 100}, {"cat": 1900, "dog": 1900})
    assert simulated.look().verdict == "Inconclusive"
    simulated.scores({0.5: 200, 1.0: 0}, {0.5: 1900, 1.0: 1900})
    simulated.classes({"cat": 100, "dog": 100}, {"cat": 1900, "dog": 1900})
    assert simulated.look().verdict == "Fail"


def test_an_empty_histogram_that_nobody_named_does_not_keep_the_classes_from_passing() -> None:
    simulated = classes()
    simulated.scores({0.5: 0, 1.0: 0}, {0.5: 0, 1.0: 0})
    assert simulated.look().message == "The candidate pods have made no predictions yet."
    simulated.classes({"cat": 200, "dog": 200}, {"cat": 1900, "dog": 1900})
    assert simulated.look().verdict == "Pass"


def test_an_empty_histogram_that_was_named_is_waited_for() -> None:
    simulated = scores(
        scores="model_prediction_score", classes={"metric": "model_predictions_total"}
    )
    simulated.classes({"cat": 0, "dog": 0}, {"cat": 0, "dog": 0})
    simulated.look()
    simulated.classes({"cat": 1000, "dog": 1000}, {"cat": 1900, "dog": 1900})
    found = simulated.look()
    assert found.verdict == "Inconclusive"
    assert found.message.endswith("At these rates it neither fails nor passes.")


def test_without_either_metric_the_message_names_both() -> None:
    found = SimulatedAnalysis(drift()).look()
    assert found.verdict == "NoData"
    assert "model_prediction_score_bucket" in found.message
    assert "model_predictions_total" in found.message


def test_a_metric_that_was_named_must_be_there() -> None:
    simulated = classes(
        scores="model_prediction_score", classes={"metric": "model_predictions_total"}
    )
    found = simulated.look()
    assert found.verdict == "NoData"
    assert "model_prediction_score_bucket from the candidate pods" in found.message


def test_too_many_classes_are_an_error_that_says_what_to_do() -> None:
    simulated = SimulatedAnalysis(drift(classes={"metric": "model_predictions_total"}))
    many = {f"class-{n}": 0 for n in range(200)}
    simulated.classes(many, many)
    simulated.scrape()
    found = simulated.look()
    assert found.verdict == "Error"
    assert found.message == (
        "200 classes and score ranges were seen, but at most 127 can be compared: set another "
        "classLabel, or export coarser classes or buckets."
    )
    assert found.state.comparisons == []


def test_a_class_name_that_no_status_can_hold_is_an_error() -> None:
    simulated = SimulatedAnalysis(drift())
    simulated.classes({"x" * 200: 0}, {"x" * 200: 0})
    simulated.scrape()
    found = simulated.look()
    assert found.verdict == "Error"
    assert "more than 100 characters" in found.message


def test_a_broken_metric_does_not_hide_what_the_other_one_shows() -> None:
    simulated = classes()
    for _ in range(2):
        simulated.look()
        simulated.classes({"cat": 100, "dog": 0}, {"cat": 950, "dog": 950})
    simulated.at += 15
    simulated.scrape()
    asked = simulated.measurement()
    answers = dict(asked.candidate)
    answers[CounterQuery("model_prediction_score_bucket", buckets=True)] = QueryError("Refused.")
    broken = Measurement(simulated.at, answers, asked.stable)
    simulated.progress = judge(simulated.analysis, simulated.progress, broken, SINCE)
    assert simulated.progress.checks[0].verdict == "Fail"


def test_the_class_label_can_be_named_and_series_without_it_are_one_class() -> None:
    simulated = SimulatedAnalysis(drift(classes={"metric": "labels_total"}, classLabel="label"))
    for pods in (simulated.candidate, simulated.stable):
        pods.add("pod", "labels_total", 0, label="yes")
        pods.add("pod", "labels_total", 0)
    simulated.scrape()
    found = simulated.look()
    assert [each.name for each in found.state.comparisons] == [
        "class",
        "class (none)",
        "class yes",
    ]


def test_shares_that_differ_little_over_the_whole_rollout_are_said_to_differ_lately() -> None:
    simulated = classes()
    for _ in range(60):
        simulated.classes({"cat": 500, "dog": 500}, {"cat": 9500, "dog": 9500})
        simulated.look()
    late = {"cat": 700, "dog": 300}, {"cat": 9500, "dog": 9500}
    found = simulated.until("Fail", lambda: simulated.classes(*late))
    assert "(49%), stable" in found.message
    assert (
        "other revision's share + 1%) in recent requests: candidate 900/3000 (30%), "
        "stable 28500/57000 (50%). False-alarm"
    ) in found.message


def figures(**known: object) -> PredictionShares:
    """Of a class whose share differs less than is tolerated, though more is shown."""
    recent = Recent(EventCount(60, 100), EventCount(100, 400))
    shown: dict[str, object] = {
        "name": "class cat",
        "candidate": EventCount(270, 1000),
        "stable": EventCount(1000, 4000),
        "tolerance": AllowedRate(1.25, 0.01),
        "margin": AllowedRate(2, 0.02),
        "conclusion": ShownWorse(0.01, recent=recent),
        "variation": Variation("class cat", INDEPENDENT),
    }
    return PredictionShares(**{**shown, **known})  # type: ignore[arg-type]


def test_an_index_that_is_exceeded_lately_is_told_with_the_recent_counts() -> None:
    index = StabilityIndex(0.04, tolerated=0.1, margin=0.25, alone=(0.1, 0.4))
    told = "; more than tolerated in recent requests: candidate 60/100 (60%), stable 100/400 (25%)."
    assert told in figures(index=index).message


def test_the_sums_of_strata_are_not_said_to_differ_lately() -> None:
    assert "in recent requests: candidate 60/100" in figures().message
    assert "recent" not in figures(stratify=("route",)).message


def test_what_an_older_operator_did_not_mark_is_told_without_counts() -> None:
    simulated = classes()
    for _ in range(60):
        simulated.classes({"cat": 500, "dog": 500}, {"cat": 9500, "dog": 9500})
        simulated.look()
    (check,) = simulated.progress.checks
    unmarked = [each.replace(recent=None) for each in check.state.comparisons]
    state = check.state.replace(least=None, recent={}, comparisons=unmarked)
    simulated.progress = replace(simulated.progress, checks=(check.replace(state=state),))
    late = {"cat": 700, "dog": 300}, {"cat": 9500, "dog": 9500}
    found = simulated.until("Fail", lambda: simulated.classes(*late))
    assert "other revision's share + 1%) in recent requests" in found.message


def shifted(counts: dict[str, int], by: float) -> dict[str, int]:
    """Every other class more common, the others rarer."""
    return {
        name: round(count * (1 + by * (-1) ** at))
        for at, (name, count) in enumerate(counts.items())
    }


TEN = {f"c{number}": 20 for number in range(10)}
"""Of a candidate; stable predicts each nineteen times as often."""


def of_ten_classes(**settings: object) -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(drift(classes={"metric": "model_predictions_total"}, **settings))
    simulated.classes(dict.fromkeys(TEN, 0), dict.fromkeys(TEN, 0))
    simulated.scrape()
    simulated.look()
    return simulated


def after(candidate: dict[str, int], looks: int, **settings: object) -> CheckStatus:
    """So many looks at a candidate that is distributed like this."""
    simulated = of_ten_classes(**settings)
    for _ in range(looks):
        simulated.classes(candidate, {name: 19 * count for name, count in TEN.items()})
        found = simulated.look()
    return found


def test_many_small_shifts_are_found_by_the_index_that_they_add_up_to() -> None:
    """The index is 0.2, and no share has more than half of what alone would make 0.05."""
    moved = shifted(TEN, 0.43)
    assert after(moved, 4).verdict == "Inconclusive"
    found = after(moved, 4, psi=0.05)
    assert found.verdict == "Fail"
    assert found.message == (
        "Class c1: candidate 44/800 (5.5%), stable 1520/15200 (10%), the greatest part of a PSI of "
        "about 0.2 (tolerated 0.05: 4.4% to 18% if this were the only change); more than "
        "tolerated. False-alarm risk at most 1% per rollout, all looks and checks included."
    )


def test_an_index_that_is_tolerated_is_no_evidence_however_it_is_made_up() -> None:
    one_class = {**TEN, "c0": 40}
    for candidate in (shifted(TEN, 0.2), one_class, TEN):
        found = after(candidate, 20, psi=0.1)
        assert found.verdict != "Fail"
        [evidence] = [e.above for e in found.state.comparisons if e.name == "psi class"]
        assert max(evidence) < 0


def test_it_passes_once_no_share_is_far_enough_for_the_margin_of_the_index() -> None:
    found = after(TEN, 4, psi=0.1)
    assert found.verdict == "Pass"
    assert (
        "a PSI of about 0 (tolerated 0.1: 2.7% to 21% if this were the only change); every class "
        "and score range is within the margin (1.657 times the other revision's share + 2%, for a "
        "PSI of 0.25)" in found.message
    )


def test_a_class_that_only_the_candidate_predicts_counts_towards_the_index() -> None:
    simulated = of_ten_classes(psi=0.1)
    for _ in range(4):
        simulated.classes({**TEN, "new": 60}, {name: 19 * count for name, count in TEN.items()})
        found = simulated.look()
    assert found.verdict == "Fail"
    assert found.message.startswith("Class new: candidate 240/1040 (23%), stable 0/15200 (0%)")


def test_scores_have_an_index_of_their_own() -> None:
    simulated = scores(psi=0.05)
    low = {0.25: 120, 0.5: 80, 0.75: 40, 1.0: 60}
    for _ in range(5):
        simulated.look()
        simulated.scores(low, {bound: 8 * count for bound, count in EVEN.items()})
    found = simulated.look()
    assert found.verdict == "Fail"
    assert found.message.startswith("Score 0.5 to 0.75: candidate 160/1200 (13%), stable ")
    assert {e.name for e in found.state.comparisons if e.above} == {"psi score"}


def test_the_evidence_of_an_index_outlives_the_operator() -> None:
    simulated = of_ten_classes(psi=0.05)
    for _ in range(4):
        simulated.classes(shifted(TEN, 0.43), {name: 19 * count for name, count in TEN.items()})
        found = simulated.look()
        simulated.resume()
    assert found.verdict == "Fail"


@pytest.mark.parametrize(
    "beside", [{"tolerance": 1.5}, {"absoluteTolerance": "2%"}, {"margin": 3.0}]
)
def test_an_index_and_what_it_stands_for_are_not_both_set(beside: dict[str, object]) -> None:
    said = "set either psi or tolerance, absoluteTolerance and margin, not both"
    with pytest.raises(ValueError, match=said):
        SimulatedAnalysis(drift(psi=0.1, **beside))
    assert SimulatedAnalysis(drift(psi=0.1, absoluteMargin="0%"))
