"""What `make demo-loop` shows, as assertions: inputs move, a Job trains, a registry has the new
version, and the operator rolls it out, or not."""

from collections.abc import Iterator

import pytest

from tests.demo.loop.place import NAMESPACE, SETTINGS, Place
from tests.demo.loop.screen import Screen
from tests.demo.loop.story import Summary, play
from tests.demo.mlflow_image import IMAGE
from tests.stage.operator import Operator
from tests.stage.stage import CLUSTER, Stage

pytestmark = [pytest.mark.live, pytest.mark.alone]


@pytest.fixture(scope="module")
def story(product: Stage, operator: Operator) -> Iterator[Summary]:
    """The story, played once."""
    operator.install(product.operator_image, SETTINGS)
    yield play(Place(product, operator.klass), IMAGE.put(CLUSTER), Screen())
    product.delete_namespace(NAMESPACE)


def test_a_model_for_the_new_inputs_is_trained_registered_rolled_out_and_better(
    story: Summary,
) -> None:
    good, _ = story.acts
    assert good.reason == "Promoted"
    assert good.wrong_before is not None and good.wrong_after is not None
    assert good.wrong_after < 0.7 * good.wrong_before
    assert 0 < good.alarm < good.trained < good.decided < 480


def test_a_model_of_wrong_records_is_rolled_back_by_what_became_of_applicants(
    story: Summary,
) -> None:
    _, bad = story.acts
    assert bad.reason == "CheckFailed"
    assert "Check feedback:" in bad.evidence


def test_the_registry_says_what_became_of_each_version_and_why(story: Summary) -> None:
    good, bad = story.acts
    assert good.tags["serinus.outcome"] == "promoted"
    assert bad.tags["serinus.outcome"] == "rolledBack"
    assert bad.tags["serinus.reason"] == "CheckFailed"
    assert "negative feedback" in bad.tags["serinus.message"]


def test_clients_lose_no_request(story: Summary) -> None:
    assert story.clients.sent > 5000
    assert not story.clients.unexplained
    assert not +story.clients.model_failures


def test_every_promise_is_kept(story: Summary) -> None:
    assert story.broken_promises() == []
