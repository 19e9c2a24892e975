"""An hour of stable's samples -> what the checks go by."""

from collections.abc import Callable, Mapping
from random import Random

import pytest

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline, Dispersion
from serinus.judge import Progress, asks_of_history, learn
from serinus.judge.analysis import reads
from serinus.judge.evidence.history import minutes
from serinus.metrics.queries import CounterQuery, History, QueryError, QueryResult, Series
from serinus.simulation.draws import multinomial, poisson
from tests.support.simulated_analysis import (
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    feedback,
    latency,
    traffic_share,
)
from tests.support.simulated_pods import Pods

NOW = 1_000_000.0
PSI = {"name": "psi", "threshold": {"query": "max(psi{$arm})", "max": 1}}
BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
CLASSES = {"metric": "model_predictions_total"}
SHARES = (0.3, 0.3, 0.2, 0.1, 0.05, 0.03, 0.015, 0.005)

Serve = Callable[[Pods, Random, int], None]
"""Adds what pods count in a minute."""


def analysis(*checks: Mapping[str, object]) -> Analysis:
    return Analysis.model_validate({"checks": list(checks)})


def learned(wanted: Analysis, serve: Serve, minutes: int = 60) -> Baseline:
    pods, rng = Pods(), Random(7)
    for minute in range(minutes + 1):
        serve(pods, rng, minute)
        pods.scrape(NOW - 60 * (minutes - minute))
    history = pods.answers(asks_of_history(wanted), NOW - 3600, NOW)
    found = learn(wanted, History(NOW, history))
    assert isinstance(found, Baseline)
    return found


def requests(pods: Pods, pod: str, errors: int, answered: int = 3000) -> None:
    pods.add(pod, "model_requests_total", answered, code="200")
    pods.add(pod, "model_requests_total", errors, code="500")


def test_all_counters_of_the_checks_are_asked_and_no_value() -> None:
    asked = asks_of_history(analysis(error_rate(), latency(), PSI))
    assert len(asked) == 4
    assert asks_of_history(analysis(PSI)) == ()


def test_the_split_is_held_against_a_weight_and_needs_no_history() -> None:
    assert asks_of_history(analysis(traffic_share(), PSI)) == ()
    both = analysis(traffic_share(failures="model_failures_total"), error_rate())
    assert asks_of_history(both) == asks_of_history(analysis(error_rate()))


def test_bursts_of_errors_are_learned_and_told() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for pod in ("a", "b"):
            requests(pods, pod, 5 * poisson(rng, 6.0))

    found = learned(analysis(error_rate(), PSI), serve)
    [known] = found.checks[0].dispersions
    assert 4 < known.over_time < 9
    assert found.message.startswith("Check errors: Stable's counts came in bursts (")
    assert found.checks[1].dispersions == []


def test_checks_that_decide_nothing_learn_as_others_and_expect_no_verdict() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for pod in ("a", "b"):
            requests(pods, pod, 5 * poisson(rng, 6.0))

    found = learned(analysis({**error_rate(), "mode": "Audit"}), serve)
    [known] = found.checks[0].dispersions
    assert 4 < known.over_time < 9
    assert found.message.startswith("Check errors: Stable's counts came in bursts (")
    assert "a candidate as good as stable passes" not in found.message


def test_pods_that_differ_are_learned_and_told() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for pod, mean in (("a", 20.0), ("b", 30.0), ("c", 40.0), ("d", 30.0), ("e", 30.0)):
            requests(pods, pod, poisson(rng, mean))

    found = learned(analysis(error_rate()), serve)
    [known] = found.checks[0].dispersions
    assert 0.2 < known.between_pods < 0.6
    assert "Stable's pods differ by " in found.message
    assert " times stable's is tolerated for 1 candidate pod; " in found.message


def test_that_few_pods_show_little_is_told_with_what_it_costs_and_the_remedy() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "ab":
            requests(pods, pod, poisson(rng, 30.0 if pod == "a" else 50.0))

    found = learned(analysis(error_rate()), serve)
    assert found.message.startswith(
        "Check errors: Stable's few pods (2) may differ by 61% in counts (standard deviation), so "
        "at least 6.956 times stable's is tolerated for 1 candidate pod; 5 or more pods of stable "
        "or 3 or more of the candidate would show smaller differences."
    )


def test_feedback_is_learned_like_errors() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        pods.add("a", "model_feedback_total", 100, outcome="good")
        pods.add("a", "model_feedback_total", 10 * poisson(rng, 2.0), outcome="bad")

    [known] = learned(analysis(feedback()), serve).checks[0].dispersions
    assert (known.name, known.over_time > 5) == ("negative feedback", True)


def test_latencies_are_compared_at_the_bounds_nearest_to_what_stables_requests_exceed() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        total = 0
        for bound, count in zip((*BOUNDS, "+Inf"), multinomial(rng, 3000, SHARES), strict=True):
            total += count
            pods.add("a", "model_request_duration_seconds_bucket", total, le=str(bound))

    [known] = learned(analysis(latency()), serve).checks
    assert known.bounds == [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0][1:]
    assert [each.name for each in known.dispersions if each.over_time > 3] == []


def test_slow_minutes_are_bursts_of_the_bounds_that_they_exceed() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        slow = 900 if minute % 7 == 0 else 300
        for bound, count in (("0.1", 3000 - slow), ("1.0", 3000 - slow // 30), ("+Inf", 3000)):
            pods.add("a", "model_request_duration_seconds_bucket", count, le=bound)

    wanted = analysis(latency(limit={"bound": "100ms", "share": "50%"}))
    [known] = learned(wanted, serve).checks
    assert known.bounds == [0.1, 1.0]
    assert known.of("slower than 0.1").over_time > 50
    assert known.of("limit of 0.1").over_time == known.of("slower than 0.1").over_time
    assert 1 <= known.of("slower than 1.0").over_time < 10


def test_two_limits_of_one_histogram_have_each_their_own_bursts() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        slow = 900 if minute % 7 == 0 else 300
        for bound, count in (("0.1", 3000 - slow), ("1.0", 2900), ("+Inf", 3000)):
            pods.add("a", "model_request_duration_seconds_bucket", count, le=bound)

    swinging, steady = (
        {**latency(limit={"bound": bound, "share": "5%"}), "name": name}
        for name, bound in (("swinging", "100ms"), ("steady", "1s"))
    )
    it = SimulatedAnalysis(swinging, steady)
    it.progress = Progress(baseline=learned(it.analysis, serve))
    for _ in range(2):
        it.durations({0.1: 270, 1.0: 0, 2.0: 30}, {0.1: 2700, 1.0: 200, 2.0: 100})
        it.look()
    shown = [
        max(each.above)
        for check in it.progress.checks
        for each in check.state.comparisons
        if each.name == "limit"
    ]
    assert shown[1] > shown[0], "as many are beyond either limit, and one of them came in bursts"


def test_shares_of_predictions_are_learned_one_by_one() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        cats = 50 * poisson(rng, 10.0)
        for name, count in (("cat", cats), ("dog", 2000 - cats), ("eel", poisson(rng, 30.0))):
            pods.add("a", "model_predictions_total", count, **{"class": name})

    [known] = learned(analysis(drift()), serve).checks
    assert known.of("class cat").over_time > 20
    assert known.of("class eel").over_time < 3


def test_what_an_index_comes_to_in_a_share_is_told() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for name, count in (("cat", 300), ("dog", 700)):
            pods.add("a", "model_predictions_total", count, **{"class": name})

    message = learned(analysis(drift(psi=0.1)), serve).message
    said = "within a PSI of 0.1 a share of 10% may become 2.7% to 21% if that is the only change."
    assert f"Check drift: {said}" in message
    assert "PSI" not in learned(analysis(drift()), serve).message


def test_checks_that_do_not_ask_stable_learn_nothing() -> None:
    groups = fairness(favourable=[{"label": "class", "value": "approve"}])
    found = learned(analysis(groups, PSI), lambda pods, rng, minute: None)
    assert [each.dispersions for each in found.checks] == [[], []]
    assert [each.reads for each in found.checks] == [
        reads(check) for check in analysis(groups, PSI).checks
    ]


def test_an_hour_as_by_chance_is_told_as_that() -> None:
    found = learned(
        analysis(error_rate()), lambda pods, rng, minute: requests(pods, "a", poisson(rng, 30.0))
    )
    assert found.checks[0].dispersions == [Dispersion(name="errors", between_pods=0.15)]
    assert found.message == (
        "Check errors: Stable's only pod does not show how pods differ; 15% in counts (standard "
        "deviation) is assumed, so at least 1.729 times stable's is tolerated for 1 candidate "
        "pod; 5 or more pods of stable or 3 or more of the candidate would show smaller "
        "differences."
    )


def test_a_pod_with_too_few_errors_to_tell_anything_is_told() -> None:
    found = learned(
        analysis(error_rate()), lambda pods, rng, minute: requests(pods, "a", int(minute == 9))
    )
    assert found.checks[0].dispersions == []
    assert found.message == (
        "Stable's last hour shows no bursts. Its only pod cannot show how pods differ: if the "
        "candidate's pod is worse, the revision is blamed."
    )


@pytest.mark.parametrize("scrapes", [0, 12])
def test_little_history_is_no_error_and_is_told(scrapes: int) -> None:
    found = learned(
        analysis(error_rate()),
        lambda pods, rng, minute: requests(pods, "a", 5 * poisson(rng, 6.0)),
        minutes=scrapes,
    )
    assert found.checks[0].dispersions == []
    assert found.message == (
        f"Stable served requests in only {scrapes} minutes of the last hour, so requests are "
        "assumed to be independent and pods to be alike."
    )


def test_a_counter_that_cannot_be_read_is_told_and_nothing_is_learned() -> None:
    wanted = analysis(error_rate(), latency())
    silent = QueryError("Prometheus is down.")
    history: dict[CounterQuery, QueryResult] = dict.fromkeys(asks_of_history(wanted), ())
    assert isinstance(learn(wanted, History(NOW, history)), Baseline)
    whole = next(iter(history))
    assert learn(wanted, History(NOW, {**history, whole: silent})) == silent


def test_what_is_no_native_histogram_is_learned_from_the_classic_one() -> None:
    wanted = analysis(latency())
    history: dict[CounterQuery, QueryResult] = dict.fromkeys(asks_of_history(wanted), ())
    native = next(counters for counters in history if counters.native)
    history[native] = QueryError("It is no histogram.")
    assert isinstance(learn(wanted, History(NOW, history)), Baseline)


def test_a_pod_that_restarts_loses_its_count_and_shows_no_burst() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        if minute % 10 == 9:
            pods.restart("a")
        requests(pods, "a", poisson(rng, 30.0))

    [known] = learned(analysis(error_rate()), serve).checks[0].dispersions
    assert known.over_time == 1


def test_a_pod_that_was_not_scraped_for_a_while_does_not_count_its_life_in_a_minute() -> None:
    query = CounterQuery("requests")
    labels = {"pod": "a"}
    beside = Series({"pod": "b"}, tuple((60.0 * n, 1.0) for n in range(6)))
    gap = Series(labels, ((0.0, 1000.0), (60.0, 1010.0), (240.0, 1040.0), (300.0, 1050.0)))
    grown = [look.growth(query)[1].total for look in minutes({query: (gap, beside)})]
    assert grown == [10, 0, 0, 0, 10]


@pytest.mark.parametrize(
    ("histogram", "labels", "warned"),
    [
        ({"metric": "http_request_duration_highr_seconds"}, {}, True),
        ({"metric": "http_request_duration_seconds"}, {"handler": "/predict"}, False),
        ({"metric": "model_request_duration_seconds"}, {}, False),
        (
            {
                "metric": "http_request_duration_highr_seconds",
                "matchers": [{"label": "app", "value": "model"}],
            },
            {"app": "model"},
            False,
        ),
    ],
)
def test_a_histogram_in_which_probes_cannot_be_told_apart_is_warned_of(
    histogram: dict[str, object], labels: dict[str, str], warned: bool
) -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for le in ("0.1", "1.0", "+Inf"):
            pods.add("a", f"{histogram['metric']}_bucket", 100, le=le, **labels)

    message = learned(analysis(latency(histogram=histogram)), serve).message
    assert (
        f"Check slow: {histogram['metric']}_bucket has no label for the path" in message
    ) is warned


def test_a_metric_that_stable_lacks_is_named_before_anything_else() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        requests(pods, "a", poisson(rng, 30.0))

    message = learned(analysis(error_rate(), latency(), drift(classes=CLASSES)), serve).message
    assert message.startswith(
        "Check slow: Prometheus has no model_request_duration_seconds_bucket from the stable pods: "
        "check that they export it, are scraped, and have served a request. Check drift: "
        "Prometheus has no model_predictions_total from the stable pods: "
    )
    assert "Check errors: Prometheus" not in message


@pytest.mark.parametrize(("served", "named"), [(20.0, False), (600.0, True)])
def test_before_stable_was_scraped_its_metrics_are_not_called_missing(
    served: float, named: bool
) -> None:
    wanted = analysis(error_rate(), drift(classes=CLASSES))
    nothing = Pods().answers(asks_of_history(wanted), NOW - 3600, NOW)
    found = learn(wanted, History(NOW, nothing), stable_since=NOW - served)
    assert isinstance(found, Baseline)
    assert ("check that they export it" in found.message) is named


def test_a_check_that_judges_the_candidate_alone_lacks_nothing_of_stable() -> None:
    groups = fairness(favourable=[{"label": "class", "value": "approve"}])
    message = learned(analysis(groups), lambda pods, rng, minute: requests(pods, "a", 1)).message
    assert "Check groups" not in message and "Prometheus has no" not in message


def test_of_two_metrics_one_of_which_would_do_both_are_named_once() -> None:
    either = {"name": "drift", "predictionDrift": {}}
    message = learned(analysis(either), lambda pods, rng, minute: requests(pods, "a", 1)).message
    assert message.count("model_prediction_score_bucket") == 1
    assert message.count("model_predictions_total") == 1
    assert "One of the two is enough." in message


def test_a_metric_that_stable_has_ceased_to_export_is_named() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        if minute == 41:
            pods.restart("a")
        if minute <= 40:
            pods.add("a", "model_predictions_total", 30, **{"class": "cat"})
        requests(pods, "a", 3)

    message = learned(analysis(error_rate(), drift(classes=CLASSES)), serve).message
    assert message.startswith(
        "Check drift: The newest sample of model_predictions_total from the stable pods is 20m old"
    )


def test_probes_that_are_counted_are_named_with_the_matcher_that_leaves_them_out() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for path in ("/predict", "/healthz"):
            pods.add("a", "model_requests_total", 300, code="200", path=path)

    message = learned(analysis(error_rate()), serve).message
    assert message.startswith(
        "Check errors: model_requests_total counts probes and scrapes (/healthz) as requests. Add "
        "the matcher {label: path, operator: \"!~\", value: '/healthz'}. "
    )


def test_a_port_that_is_called_metrics_is_no_probe() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        pods.add("a", "model_requests_total", 300, code="200", endpoint="metrics")

    assert "probes" not in learned(analysis(error_rate()), serve).message


def test_durations_that_share_a_bucket_are_named() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for le in ("0.1", "1.0", "+Inf"):
            pods.add("a", "model_request_duration_seconds_bucket", 100, le=le)

    message = learned(analysis(latency()), serve).message
    assert "nearly all of 6100 observations are in the bucket up to 0.1" in message


def test_workers_that_answer_in_turn_are_named() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        if minute % 3 == 0:
            pods.restart("a")
            pods.add("a", "model_requests_total", 9000 + minute, code="200")
        else:
            pods.add("a", "model_requests_total", 30, code="200")
            pods.values["a"] = dict.fromkeys(pods.values["a"], 100.0 + minute)

    message = learned(analysis(error_rate()), serve).message
    assert message.startswith("Check errors: The counters of pod a repeatedly decrease and recover")


def started(errors_by_age: tuple[int, ...], **settings: object) -> Baseline:
    """Of an hour in whose tenth minute a pod has started, of 300 of whose requests so many fail in
    each minute, and then 3."""

    def serve(pods: Pods, rng: Random, minute: int) -> None:
        requests(pods, "old", 30)
        if minute >= 10:
            failed = dict(enumerate(errors_by_age)).get(minute - 10, 3)
            requests(pods, "new", failed, 300 - failed)

    return learned(analysis(error_rate(**settings)), serve)


def test_how_long_pods_of_stable_were_bad_after_their_start_is_learned_and_told() -> None:
    found = started((60, 60))
    assert found.checks[0].warm_up == 120
    assert (
        "Check errors: stable's pods that started in that hour took 2m to level off. For as long "
        "after a candidate pod starts, nothing counts towards Pass, unless the pod is good at "
        "once." in found.message
    )


@pytest.mark.parametrize("errors", [(), (60,) * 60, (9, 9)])
def test_pods_that_start_well_or_never_level_off_show_no_start(errors: tuple[int, ...]) -> None:
    found = started(errors)
    assert found.checks[0].warm_up is None
    assert "started in that hour" not in found.message


def test_who_sets_a_warm_up_learns_none() -> None:
    assert started((60, 60), warmUp="1m").checks[0].warm_up is None


@pytest.mark.parametrize(("errors", "own"), [((60, 60), 0.0), ((), 75.0)])
def test_as_long_as_that_nothing_counts_towards_pass_of_pods_that_are_not_well(
    errors: tuple[int, ...], own: float
) -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.progress = Progress(baseline=started(errors))
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    for _ in range(6):
        simulated.errors((15, 75), (14, 1425))
        found = simulated.look()
        assert found.state.own_requests == own, "it is not known before that they are bad"


@pytest.mark.parametrize(
    ("at_start", "verdicts"), [((21, 21), {"Inconclusive"}), ((), {"Inconclusive", "Fail"})]
)
def test_a_smaller_share_is_waited_for_if_pods_of_stable_had_it_at_their_start(
    at_start: tuple[int, ...], verdicts: set[str]
) -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.progress = Progress(baseline=started(at_start))
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    found = set()
    for failed in (6, 6, 6, 6, 6, 6, 0, 0, 0, 0, 0, 0):
        simulated.errors((failed, 75 - failed), (14, 1425))
        found.add(simulated.look().verdict)
    assert found == verdicts
