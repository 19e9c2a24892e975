"""A test's own Prometheus scrapes the pods of its namespace, or does not start."""

from typing import Any

import pytest
import yaml

from tests.cluster import addons
from tests.stage.prometheus import restricted

PODS = {"job_name": "pods", "kubernetes_sd_configs": [{"role": "pod"}]}


def own() -> dict[str, Any]:
    """The prometheus.yml of the cluster's own."""
    manifests = yaml.safe_load_all(addons.manifest("prometheus.yaml", {"SCRAPE_INTERVAL": "2s"}))
    (config,) = (each for each in manifests if each["kind"] == "ConfigMap")
    settings: dict[str, Any] = yaml.safe_load(config["data"]["prometheus.yml"])
    return settings


def test_a_copy_of_the_clusters_own_finds_the_pods_of_one_namespace() -> None:
    found = restricted(own(), "mine")
    (job,) = found["scrape_configs"]
    assert job["kubernetes_sd_configs"] == [{"role": "pod", "namespaces": {"names": ["mine"]}}]
    job["kubernetes_sd_configs"] = [{"role": "pod"}]
    assert found == own()


@pytest.mark.parametrize(
    "job",
    [
        {**PODS, "static_configs": [{"targets": ["a:80"]}]},
        {**PODS, "file_sd_configs": [{"files": ["targets.json"]}]},
        {**PODS, "kubernetes_sd_configs": [{"role": "pod"}, {"role": "node"}]},
        {"job_name": "nothing"},
    ],
    ids=["given targets", "targets of a file", "nodes", "none"],
)
def test_what_scrapes_more_than_pods_cannot_be_copied(job: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be restricted"):
        restricted({"scrape_configs": [PODS, job]}, "mine")
