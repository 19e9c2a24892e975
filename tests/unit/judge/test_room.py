"""The evidence of all checks together has room in the status, however many classes there are."""

import json

from serinus.judge import EffectiveWeight
from serinus.judge.evidence.room import MOST_COMPARED
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, error_rate

CLASSES = {f"class-of-the-catalogue-{n}": 10 + n for n in range(120)}


def judging(drifts: int) -> SimulatedAnalysis:
    checks = [{"name": f"drift-{n}", "predictionDrift": {}} for n in range(drifts)]
    found = SimulatedAnalysis(*checks, error_rate())
    found.weight = EffectiveWeight(0.2, SINCE)
    return found


def written(found: SimulatedAnalysis) -> int:
    """Bytes of the checks in the status."""
    return sum(len(json.dumps(each.to_json())) for each in found.progress.checks)


def test_checks_beyond_the_room_have_an_error_that_says_so_and_the_others_go_on() -> None:
    found = judging(15)
    for _ in range(8):
        found.classes(CLASSES, CLASSES)
        found.errors((0, 100), (0, 400))
        found.look()
    verdicts = [each.verdict for each in found.progress.checks]
    assert verdicts[:15] == ["Pass"] * 5 + ["Error"] * 10
    assert verdicts[15] == "Inconclusive", "it needs little room, and has it"
    assert sum(len(each.state.comparisons) for each in found.progress.checks) <= MOST_COMPARED
    assert f"has room for {MOST_COMPARED}" in found.progress.checks[5].message
    assert "remove a check" in found.progress.checks[5].message
    assert found.progress.checks[5].own_metrics is None
    assert written(found) < 400_000


def test_checks_in_audit_mode_take_no_room_from_those_that_decide() -> None:
    drifts = [{"name": f"drift-{n}", "predictionDrift": {}} for n in range(5)]
    found = SimulatedAnalysis(*({**each, "mode": "Audit"} for each in drifts), error_rate())
    alone = SimulatedAnalysis(error_rate(), {"name": "drift", "predictionDrift": {}})
    found.analysis = found.analysis.replace(
        checks=[*found.analysis.checks, alone.analysis.checks[1]]
    )
    for _ in range(3):
        for each in (found, alone):
            each.classes(CLASSES, CLASSES)
            each.errors((0, 100), (0, 400))
            each.look()
    audited, decide = found.progress.checks[:5], found.progress.checks[5:]
    assert decide == alone.progress.checks
    assert [each.verdict for each in audited].count("Error") == 1
    assert f"All checks together compare {6 * 121 + 1} classes" in audited[4].message


def test_a_few_checks_of_many_classes_have_room() -> None:
    found = judging(4)
    for _ in range(2):
        found.classes(CLASSES, CLASSES)
        found.errors((0, 100), (0, 400))
        found.look()
    assert "Error" not in [each.verdict for each in found.progress.checks]


def test_classes_that_only_the_candidate_has_are_its_own_metrics() -> None:
    found = judging(15)
    for _ in range(3):
        found.classes(CLASSES, {"one": 400, "another": 10})
        found.errors((0, 100), (0, 400))
        found.look()
    last = found.progress.checks[14]
    assert last.verdict == "Error" and last.own_metrics
    assert last.own_metrics.until > last.own_metrics.since
