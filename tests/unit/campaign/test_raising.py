"""A sample of the campaign that makes functions raise; `make campaign` runs all of it."""

from unittest.mock import patch

import pytest

from serinus.plan.analysis import baseline_from
from tests.campaign.raising import MOMENTS, ROOMS, planted, targets, tried
from tests.support.exhaustive import short

NAMED = {each.name: each for each in targets()}
BEFORE, WITHIN = MOMENTS

EACH_ROOM = [
    ("judge.analysis.judge", WITHIN),
    ("judge.checks.event_share.EventShare.judge", WITHIN),
    ("judge.forecast.waits.waits", BEFORE),
    ("judge.inputs.values.variance", WITHIN),
    ("judge.drift.monitor.Watched.watch", WITHIN),
    ("metrics.counters.count", WITHIN),
    ("plan.decide.decide", WITHIN),
    ("plan.summary.report", WITHIN),
    ("manifests.children.children", WITHIN),
    ("manifests.routers.gateway.GatewayRouter.read_back", BEFORE),
    ("manifests.routers.rules.rules_of", WITHIN),
    ("views.notices.notices", WITHIN),
    ("notifications.outbox.bounded", WITHIN),
]
OTHERS = [
    ("judge.checks.latency.LatencyCheck.judge", WITHIN),
    ("judge.inputs.comparing.compare_inputs", WITHIN),
    ("judge.silence.listen", WITHIN),
    ("metrics.requests.Request.arm_queries", WITHIN),
    ("plan.analysis.next_look", WITHIN),
    ("plan.progress.roll_back_when_a_check_fails", WITHIN),
    ("manifests.owner.Owner.child", WITHIN),
    ("views.exported.exported_status", WITHIN),
]


@pytest.mark.parametrize(("function", "moment"), short([*EACH_ROOM, *OTHERS], EACH_ROOM))
def test_a_function_that_raises_keeps_no_traffic_with_a_bad_candidate(
    function: str, moment: str
) -> None:
    result = tried(NAMED[function], moment)
    assert result.called and result.wrong == []


def test_a_rule_that_raises_has_the_last_hour_read_and_learned_no_more_than_twice() -> None:
    """Once more where the report of the exception replaces the status that knows it."""
    with patch("serinus.controller.measuring.baseline_from", wraps=baseline_from) as learned:
        tried(NAMED["plan.situation.World.route_problem"], BEFORE)
    assert 1 <= learned.call_count <= 2


def test_without_a_fault_nothing_is_told() -> None:
    result = tried(None, WITHIN)
    assert result.wrong == [] and result.told == ""
    assert result.failing is not None and 5 < result.failing < 180


def test_functions_of_every_room_are_found() -> None:
    assert {name.partition(".")[0] for name in NAMED} == set(ROOMS)


@pytest.mark.parametrize("name", ["judge.analysis.reads", "plan.situation.World.ready"])
def test_a_planted_function_raises_wherever_it_is_kept_and_is_whole_again(name: str) -> None:
    """A cached function, and a method."""
    calls: list[str] = []
    [function] = NAMED[name].functions
    with planted(NAMED[name], calls), pytest.raises(Exception, match=name):
        function()
    assert calls == [name]
    with pytest.raises(TypeError):
        function()
