"""What Prometheus may find stable's pods by, and not the candidate's: the templates show it."""

from typing import Any

import pytest

from serinus.manifests.revision import Revision
from serinus.plan.scraping import less_scraped

SCRAPED: dict[str, Any] = {
    "metadata": {
        "labels": {"app": "loan", "version": "1"},
        "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "a": "b"},
    },
    "spec": {
        "containers": [
            {
                "name": "model",
                "ports": [
                    {"name": "http", "containerPort": 8080},
                    {"name": "metrics", "containerPort": 9090},
                ],
            }
        ]
    },
}


def told(**changed: Any) -> str:
    template = {**SCRAPED, "metadata": {**SCRAPED["metadata"], **changed}}
    stable = Revision.of({"template": SCRAPED}, 1)
    found = less_scraped(stable, Revision("abc", 2, None, template))
    return found.removeprefix(
        "The template of revision abc differs in what Prometheus may find pods by: "
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": {"app": "loan", "version": "2", "new": "x"}}, ""),
        (
            {"annotations": {"a": "c"}},
            "it lacks the annotation prometheus.io/port: 8080, it lacks the annotation "
            "prometheus.io/scrape: true.",
        ),
        ({"annotations": SCRAPED["metadata"]["annotations"]}, ""),
        (
            {"annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9000"}},
            "its annotation prometheus.io/port is 9000 instead of 8080.",
        ),
        ({"labels": {"version": "1"}}, "it lacks the label app."),
    ],
)
def test_what_is_lost_or_other_is_told(changed: dict[str, Any], message: str) -> None:
    assert told(**changed) == message


def test_a_template_without_any_metadata_lacks_all_of_it() -> None:
    template = {"spec": {"containers": [{"name": "model", "ports": [{"containerPort": 8080}]}]}}
    found = less_scraped(Revision.of({"template": SCRAPED}, 1), Revision("abc", 2, None, template))
    for lost in ("prometheus.io/scrape", "label app", "port http", "port metrics"):
        assert lost in found


def test_the_labels_of_the_operator_are_none_of_the_template() -> None:
    labels = {**SCRAPED["metadata"]["labels"], "serinus.dev/name": "loan"}
    deployed = {**SCRAPED, "metadata": {**SCRAPED["metadata"], "labels": labels}}
    stable = Revision("abd", 1, None, deployed, recovered=True)
    assert less_scraped(stable, Revision("abc", 2, None, SCRAPED)) == ""
