"""A candidate that is served and of which nothing is counted, told apart from no data at all."""

from collections.abc import Iterable, Mapping

import pytest

from serinus.api.status import Silence
from serinus.judge.evidence.look import ENOUGH_EXPECTED, EffectiveWeight
from serinus.judge.silence import listen
from serinus.metrics.counters import Growth, Increase, Reading
from serinus.metrics.queries import CounterQuery, QueryError, Series
from serinus.metrics.resets import Falls
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    feedback,
)

REQUESTS = CounterQuery("model_requests_total")
DOWN = QueryError("Prometheus refused the connection")
AFTER, SCRAPE = 120.0, 15.0


def grown(at: float, amount: float) -> Growth:
    if not amount:
        return Growth((), at)
    series = Series({"pod": "p"}, ((at, amount),))
    return Growth((Increase(series, "p@", at - SCRAPE, at, amount, known=True),), at)


def heard(
    looks: Iterable[tuple[float, Reading, Reading]],
    share: float = 0.2,
    known: Silence | None = None,
) -> Silence | None:
    """What is known after looks: their time, and what they read of candidate and stable."""
    weight = EffectiveWeight(share, 0.0)
    for at, candidate, stable in looks:
        known = listen(known, {REQUESTS: candidate}, {REQUESTS: stable}, at, weight, AFTER)
    return known


def silent(start: float, end: float, requests: float = 100) -> list[tuple[float, Reading, Reading]]:
    moments = [start + n * SCRAPE for n in range(int((end - start) / SCRAPE) + 1)]
    return [(at, Growth(), grown(at, requests)) for at in moments]


def test_the_time_runs_from_when_it_should_have_served_enough() -> None:
    found = heard(silent(15, 120))
    assert found and found.since == 15, "its share of 100 requests at 20% is 25"
    assert (found.stable, found.expected) == (800, 200)


def test_counters_that_are_scraped_and_stand_still_are_as_silent_as_none() -> None:
    looks = [(at, grown(at, 0), stable) for at, _, stable in silent(15, 120)]
    found = heard(looks)
    assert found and (found.since, found.until, found.expected) == (15, 120, 200)


def test_few_requests_at_its_share_are_no_silence() -> None:
    found = heard(silent(15, 600, requests=1))
    assert found and found.expected < ENOUGH_EXPECTED
    assert found.since is None


def test_one_request_of_any_counter_ends_it() -> None:
    known = heard(silent(15, 120))
    assert heard([(135, grown(135, 1), grown(135, 100))], known=known) is None


def test_while_it_is_not_known_why_counters_fell_nobody_is_silent() -> None:
    waits = Growth((), 120.0, (Falls(unsettled_since=100.0),))
    assert heard([(120, waits, grown(120, 100))], known=heard(silent(15, 105))) is None


def test_no_traffic_at_all_is_no_silence() -> None:
    looks = [(at * SCRAPE, Growth(), grown(at * SCRAPE, 0)) for at in range(1, 80)]
    assert heard(looks) is None


def test_prometheus_down_is_no_silence() -> None:
    looks = [(at * SCRAPE, DOWN, DOWN) for at in range(1, 80)]
    assert heard(looks) is None
    assert heard([(135, DOWN, grown(135, 100))], known=heard(silent(15, 120))) is None
    assert heard([(135, Growth(), DOWN)], known=heard(silent(15, 120))) is None


def test_an_outage_between_two_scrapes_of_the_candidate_is_no_silence() -> None:
    begun = silent(15, 15)
    stale = [(15 + n * SCRAPE, Growth(), Growth((), 15.0)) for n in range(1, 12)]
    back = silent(195, 195)
    found = heard([*begun, *stale, *back])
    assert found and found.since == 195, "its own scrape is still to come"


def test_a_batch_of_requests_that_the_candidate_counted_a_look_before_is_no_silence() -> None:
    counted = [(15.0, grown(15, 25), grown(15, 0))]
    idle = [(at, Growth(), grown(at, 0)) for at in (60.0, 75.0, 90.0, 105.0, 120.0, 135.0, 150.0)]
    batch = [*counted, *silent(30, 45)]
    found = heard([*batch, *idle[:4]])
    assert found and (found.since, found.until) == (30, 45), "stable was asked nothing since"
    assert heard([*batch, *idle]) is None


def test_a_time_without_looks_is_no_silence() -> None:
    found = heard([*silent(15, 30), *silent(600, 600)])
    assert found and (found.since, found.stable) == (600, 100)


def test_a_counter_that_cannot_be_read_does_not_hide_what_another_tells() -> None:
    drift = CounterQuery("model_predictions_total")
    weight, known = EffectiveWeight(0.2, 0.0), None
    for at in (15.0, 30.0):
        candidate: dict[CounterQuery, Reading] = {REQUESTS: Growth(), drift: DOWN}
        stable: dict[CounterQuery, Reading] = {REQUESTS: grown(at, 100), drift: grown(at, 100)}
        known = listen(known, candidate, stable, at, weight, AFTER)
    assert known and known.since == 15


def test_parts_are_not_requests() -> None:
    errors = CounterQuery("model_requests_total", part=True)
    weight = EffectiveWeight(0.2, 0.0)
    candidate: dict[CounterQuery, Reading] = {REQUESTS: Growth(), errors: Growth()}
    stable: dict[CounterQuery, Reading] = {REQUESTS: Growth((), 15.0), errors: grown(15, 100)}
    assert listen(None, candidate, stable, 15, weight, AFTER) is None


def test_while_the_weight_is_not_in_effect_nobody_is_expected_to_answer() -> None:
    known = heard(silent(15, 120))
    assert listen(known, {REQUESTS: Growth()}, {REQUESTS: grown(135, 9)}, 135, None, AFTER) is None


def test_a_candidate_that_has_all_the_traffic_has_nothing_to_be_compared_with() -> None:
    assert heard(silent(15, 120), share=1.0) is None


def test_a_clock_that_is_set_back_hides_no_silence_for_the_same_time() -> None:
    known = heard(silent(3615, 3700))
    found = heard(silent(100, 235), known=known)
    assert found and found.since is not None
    assert found.until - found.since >= AFTER


def buckets(at: float, requests: float, bounds: int = 20) -> Growth:
    """A histogram of so many requests, all of which are in its first bucket."""
    increases = []
    for bound in [*range(bounds - 1), "+Inf"]:
        series = Series({"pod": "p", "le": str(bound)}, ((at, requests),))
        increases.append(Increase(series, "p@", at - SCRAPE, at, requests, known=True))
    return Growth(tuple(increases), at)


def test_a_request_is_one_however_many_buckets_its_histogram_has() -> None:
    known, seconds = None, CounterQuery("model_request_duration_seconds_bucket", buckets=True)
    for at in (15.0, 30.0):
        candidate: dict[CounterQuery, Reading] = {seconds: Growth()}
        stable: dict[CounterQuery, Reading] = {seconds: buckets(at, 3)}
        known = listen(known, candidate, stable, at, EffectiveWeight(0.5, 0.0), AFTER)
    assert known and (known.stable, known.expected, known.since) == (6, 6, None)


def test_a_batch_of_predictions_is_one_request() -> None:
    predictions = CounterQuery("model_predictions_total")
    stable: dict[CounterQuery, Reading] = {REQUESTS: grown(15, 3), predictions: grown(15, 300)}
    candidate: dict[CounterQuery, Reading] = {REQUESTS: Growth(), predictions: Growth()}
    weight = EffectiveWeight(0.5, 0.0)
    found = listen(None, candidate, stable, 15, weight, AFTER, {REQUESTS})
    assert found and found.stable == 3


def test_feedback_which_few_requests_have_is_no_count_of_requests() -> None:
    outcomes = CounterQuery("model_feedback_total")
    stable: dict[CounterQuery, Reading] = {REQUESTS: grown(15, 300), outcomes: grown(15, 2)}
    candidate: dict[CounterQuery, Reading] = {REQUESTS: Growth(), outcomes: Growth()}
    weight = EffectiveWeight(0.5, 0.0)
    found = listen(None, candidate, stable, 15, weight, AFTER, {REQUESTS})
    assert found and found.stable == 300
    found = listen(None, candidate, stable, 15, weight, AFTER)
    assert found and found.stable == 2, "where nothing counts requests, the least is certain"


@pytest.mark.parametrize(
    "checks",
    [
        [feedback()],
        [fairness(equalisedOdds={})],
        [error_rate(), drift(), feedback(after="1h")],
    ],
)
def test_feedback_on_earlier_answers_of_stables_is_no_sign_of_requests(
    checks: list[Mapping[str, object]],
) -> None:
    """All requests are those of the first look, and the candidate's have no feedback yet."""
    judging = SimulatedAnalysis(*checks)
    judging.weight = EffectiveWeight(0.2, SINCE)
    for asked in (100, *[0] * 12):
        judging.errors((0, asked), (0, 4 * asked))
        judging.classes({"deny": asked}, {"deny": 4 * asked})
        judging.feedback((0, 0), (5, 100))
        judging.look()
    assert judging.progress.silence is None


@pytest.mark.parametrize(
    "checks",
    [
        [error_rate(), feedback(after="1h")],
        [fairness(favourable=[{"label": "class", "value": "approve"}], equalisedOdds={})],
    ],
)
def test_feedback_hides_no_silence_of_requests(checks: list[Mapping[str, object]]) -> None:
    judging = SimulatedAnalysis(*checks)
    judging.weight = EffectiveWeight(0.2, SINCE)
    for _ in range(10):
        judging.errors((0, 0), (0, 400))
        judging.classes({}, {"approve": 400})
        judging.feedback((0, 0), (5, 100))
        judging.look()
    silence = judging.progress.silence
    assert silence and silence.since and silence.until - silence.since >= AFTER
