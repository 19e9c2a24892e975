"""An object that is nested as deep as the API server takes it stops nothing but itself."""

import json
from pathlib import Path

import pytest

from serinus.cluster import Cluster
from tests.integration.conftest import kubectl
from tests.integration.process import OperatorProcess, PaperPrometheus, real_traffic
from tests.support.inprocess import Operator
from tests.support.rollouts import spec

pytestmark = pytest.mark.disturbs_api_server
"""Operators within a process of tests may not read such an object."""
DEPTH = 9000


async def test_a_template_that_is_nested_deep_stops_no_rollout_of_others(
    kubeconfig: Path, cluster: Cluster, namespace: str
) -> None:
    users = Operator(cluster, namespace)
    await users.apply("fraud", **spec("v1"))
    live = await users.get("fraud")
    deep = {**live, "metadata": {"name": "deep", "namespace": namespace}}
    deep["spec"]["template"]["spec"]["deep"] = "DEEP"
    text = json.dumps(deep).replace('"DEEP"', '{"a":' * DEPTH + "1" + "}" * DEPTH)
    path = f"/apis/serinus.dev/v1alpha1/namespaces/{namespace}/modeldeployments"
    kubectl("create", f"--raw={path}", "-f", "-", stdin=text)
    async with (
        PaperPrometheus(real_traffic()) as prometheus,
        OperatorProcess(kubeconfig, prometheus.url, namespace) as operator,
    ):
        await users.until("fraud", lambda s: s["candidate"])
        await users.apply("fraud", **spec("v1", replicas=3))
        generation = (await users.get("fraud"))["metadata"]["generation"]
        await users.until("fraud", lambda s: s["observedGeneration"] == generation)
        assert operator.process
        assert operator.process.returncode is None
