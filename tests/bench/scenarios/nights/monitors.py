"""Nights without a rollout, in which stable is monitored."""

from tests.bench.scenarios.scenario import (
    BEFORE,
    BOTH,
    QUIET,
    Scenario,
    Surge,
    Trouble,
    alarmed,
)

KIND = "monitoring"
ALARM = alarmed()
FEATURES = {"featureDrift": {"reference": {"recordFor": "30m", "minValues": 5000}}}
ERRORS = {
    "errorRate": {
        "limit": "2%",
        "requests": {"metric": "model_requests_total"},
        "successes": "model_predictions_total",
    }
}
MORNING = [Surge(0.75, BEFORE + 1800.0 + 60.0 * minute, 1e6) for minute in range(12)]
"""Until half an hour after the beginning of the night there is little, and in twelve minutes all of
it."""

SCENARIOS = (
    Scenario(
        KIND,
        "seventy-purposes-as-ever",
        "Loans have seventy purposes, all about as common, tonight as ever.",
        traffic=60.0,
        purposes=70,
        monitoring=FEATURES,
        lasts="4h",
        right=[QUIET],
        forbidden=[ALARM],
    ),
    Scenario(
        KIND,
        "seventy-purposes-and-a-new-one",
        "An hour into the night half of the loans are for a purpose that there never was.",
        traffic=60.0,
        purposes=70,
        monitoring=FEATURES,
        troubles=[Trouble(of=BOTH, strange=0.5, clock="rollout", after=3600.0)],
        lasts="4h",
        right=[alarmed("90m", since="1h")],
        acceptable=[alarmed(since="1h")],
        forbidden=[QUIET, ALARM],
    ),
    Scenario(
        KIND,
        "the-morning-begins-and-nothing-fails",
        "An answer takes twenty seconds. At six the traffic begins to grow, by a third each "
        "minute, until it is thirty times that of the night. Nothing fails.",
        server="successes",
        takes=20.0,
        traffic=20.0,
        surges=MORNING,
        errors=0.0,
        monitoring=ERRORS,
        lasts="4h",
        right=[QUIET],
        forbidden=[ALARM],
    ),
    Scenario(
        KIND,
        "the-morning-begins-and-it-fails",
        "The same morning, and half an hour later a tenth of the requests get no prediction.",
        server="successes",
        takes=20.0,
        traffic=20.0,
        surges=MORNING,
        errors=0.0,
        troubles=[Trouble(of=BOTH, errors=0.1, clock="rollout", after=3600.0)],
        monitoring=ERRORS,
        lasts="4h",
        right=[alarmed("80m", since="1h")],
        acceptable=[alarmed(since="1h")],
        forbidden=[QUIET, ALARM],
    ),
)
