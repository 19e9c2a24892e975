"""Metrics of each ModelDeployment, as Prometheus scrapes them."""

from collections import Counter

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from serinus.api.reasons import Reason
from serinus.api.status import Candidate, Weight
from serinus.controller.object_metrics import ObjectMetrics
from serinus.controller.object_state import ObjectState
from serinus.controller.queue import Key
from serinus.views.exported import ExportedStatus
from tests.reference.meanings import CONDITIONS

FRAUD = Key("shop", "fraud")
BOUNDS = Candidate.model_fields["checks"].metadata
MOST_CHECKS = next(each.max_length for each in BOUNDS if hasattr(each, "max_length"))
LARGEST = ExportedStatus(
    conditions=tuple((f"Type{n}", "True", "Because") for n in range(len(CONDITIONS))),
    weight=Weight(wanted=20, actual=19.5, mirrored=10),
    verdicts=tuple((f"check{n}", "errorRate", "Enforce", "Pass") for n in range(MOST_CHECKS)),
    hold=("AwaitingVerdict", 970.0),
    rejected="CheckFailed",
)


def scraped(states: dict[Key, ObjectState], now: float = 1000.0) -> set[str]:
    registry = CollectorRegistry()
    registry.register(ObjectMetrics(lambda: states, lambda: now))
    lines = generate_latest(registry).decode().splitlines()
    return {line for line in lines if not line.startswith("#")}


def state(present: ExportedStatus, **ended: int) -> ObjectState:
    return ObjectState(
        "4f7c", exported=present, rollouts=Counter({Reason(k): n for k, n in ended.items()})
    )


def test_the_present_values_have_the_names_of_their_object() -> None:
    lines = scraped({FRAUD: state(LARGEST, CheckFailed=2)})
    where = 'name="fraud",namespace="shop"'
    assert {
        f'serinus_rollouts_total{{{where},outcome="rolled_back",reason="CheckFailed"}} 2.0',
        f'serinus_rollouts_total{{{where},outcome="promoted",reason="Promoted"}} 0.0',
        f'serinus_condition{{condition="Type0",{where},reason="Because",status="True"}} 1.0',
        f'serinus_candidate_weight_percent{{{where},weight="wanted"}} 20.0',
        f'serinus_candidate_weight_percent{{{where},weight="actual"}} 19.5',
        f'serinus_check_verdict{{check="check0",kind="errorRate",mode="Enforce",{where},'
        'verdict="Pass"} 1.0',
        f'serinus_hold_seconds{{{where},reason="AwaitingVerdict"}} 30.0',
        f'serinus_rejected{{{where},reason="CheckFailed"}} 1.0',
    } <= lines


def test_an_object_has_at_most_51_series() -> None:
    """As the documentation says, with all listed checks and the one of the split."""
    assert len(scraped({FRAUD: state(LARGEST)})) == 51


def test_the_series_of_an_object_end_with_it() -> None:
    states = {FRAUD: state(LARGEST), Key("shop", "loan"): state(ExportedStatus())}
    assert any('name="fraud"' in line for line in scraped(states))
    del states[FRAUD]
    left = scraped(states)
    assert left and all('name="loan"' in line for line in left)


def test_what_is_not_there_has_no_series() -> None:
    lines = scraped({FRAUD: state(ExportedStatus())})
    assert {line.split("{")[0] for line in lines} == {"serinus_rollouts_total"}


def test_a_hold_that_begins_after_now_has_waited_for_nothing() -> None:
    lines = scraped({FRAUD: state(ExportedStatus(hold=("NoData", 1010.0)))}, now=1000.0)
    assert 'serinus_hold_seconds{name="fraud",namespace="shop",reason="NoData"} 0.0' in lines
