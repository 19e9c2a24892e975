"""The attackers in their short form, and that they would find a way out if there were one."""

from serinus.api import promql
from tests.campaign.attackers import Render, attack


def test_nothing_that_is_taken_of_a_tenant_leaves_its_namespace() -> None:
    result = attack(seed=1, count=1500)
    assert result.crossings == []
    assert min(result.queries_accepted, result.manifests_accepted) > 100
    assert min(result.queries_refused, result.manifests_refused) > 100


def test_a_sender_of_the_users_own_text_is_caught() -> None:
    assert _crossings(as_it_is)


def test_a_sender_that_takes_a_comments_end_for_a_line_feed_is_caught() -> None:
    assert _crossings(with_comments)


def _crossings(render: Render) -> list[str]:
    result = attack(seed=1, count=1500, render=render)
    return [each for each in result.crossings if "is held to" in each]


def as_it_is(query: str, namespace: str, pods: str) -> str:
    here = f'namespace="{namespace}"'
    return query.replace("$namespace", here).replace("$arm", f'{here},pod=~"{pods}"')


def with_comments(query: str, namespace: str, pods: str) -> str:
    """What the operator once did: it checked the query without its comments, up to each line
    feed, and sent it with them."""
    checked = "\n".join(line.partition("#")[0] for line in query.split("\n"))
    promql.render(checked, namespace, pods)
    return as_it_is(query, namespace, pods)
