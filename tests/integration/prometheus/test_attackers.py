"""A tenant's queries on a real Prometheus that holds marked series of another namespace."""

from tests.campaign.attackers import Result, with_prometheus


def test_no_value_or_label_of_another_namespace_is_in_any_answer() -> None:
    result = Result(seed=7, count=0)
    with_prometheus(7, 200, result)
    assert result.crossings == []
    assert result.executed == 200
    assert result.answered > 50
