"""The chart installed for one namespace: the rights it gives are enough, and it leaves nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import ROOT, helm, kubectl

RELEASE = "serinus-canary"


@pytest.fixture
def release(kubeconfig: Path, namespace: str) -> Iterator[str]:
    """The namespace of a release whose pods nobody runs: the test runs the operator itself."""
    install(namespace)
    yield namespace
    helm("uninstall", RELEASE, "--ignore-not-found", f"--namespace={namespace}")


def install(namespace: str) -> None:
    values = {
        "image.repository": "localhost/serinus",
        "prometheus.url": "http://127.0.0.1:9",
        "scope": "Namespace",
        "replicas": "0",
        "crds.enabled": "false",
    }
    sets = [f"--set={name}={value}" for name, value in values.items()]
    chart = str(ROOT / "charts" / "serinus")
    helm("install", RELEASE, chart, f"--namespace={namespace}", *sets)


@contextmanager
def operator(kubeconfig: Path, namespace: str, folder: Path) -> Iterator[Path]:
    """The operator with the arguments and the rights of the release; yields its log."""
    deployment = json.loads(
        kubectl("get", "deployment", RELEASE, "-n", namespace, "-o", "json").stdout
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    rights = folder / "kubeconfig"
    rights.write_text(json.dumps(as_service_account(kubeconfig, namespace)))
    log = folder / "log"
    environment = {**os.environ, "KUBECONFIG": str(rights), "PYTHONPATH": str(ROOT / "operator")}
    command = [sys.executable, "-m", "serinus.controller", *container["args"], "--bind=127.0.0.1:0"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, env=environment, stderr=output) as process,
    ):
        try:
            yield log
        finally:
            process.terminate()
    assert process.returncode == 0, log.read_text()


def as_service_account(kubeconfig: Path, namespace: str) -> dict[str, Any]:
    token = kubectl("create", "token", RELEASE, "-n", namespace, "--duration=10m").stdout
    raw = kubectl("config", "view", "--raw", "-o", "json", f"--kubeconfig={kubeconfig}").stdout
    config: dict[str, Any] = json.loads(raw)
    for user in config["users"]:
        user["user"] = {"token": token}
    return config


def deploy(namespace: str, name: str, version: str, **spec: Any) -> None:
    container = {"name": "model", "image": "any", "ports": [{"containerPort": 8080}]}
    manifest = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {
            "model": {"version": version},
            "template": {"spec": {"containers": [container]}},
            "rollout": {
                "steps": [{"setWeight": 50}],
                "scaleDownDelay": "0s",
                "analysis": {"interval": "1s", "checks": []},
            },
            **spec,
        },
    }
    kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest))


def until(namespace: str, what: str, condition: str) -> None:
    kubectl("wait", what, "-n", namespace, f"--for={condition}", "--timeout=60s")


def left(namespace: str) -> list[str]:
    """What a release or a rollout could leave behind."""
    kinds = (
        "modeldeployments,deployments,replicasets,pods,services,httproutes,controllerrevisions,"
        "configmaps,secrets,serviceaccounts,roles,rolebindings,leases"
    )
    names = kubectl("get", kinds, "-n", namespace, "-o", "name").stdout.split()
    ours_never = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
    return sorted(set(names) - ours_never)


def test_its_rights_are_enough_for_a_whole_rollout(
    kubeconfig: Path, release: str, tmp_path: Path
) -> None:
    with operator(kubeconfig, release, tmp_path) as log:
        deploy(release, "pods", "v1")
        deploy(release, "routed", "v1", traffic={"gateway": {"parentRefs": [{"name": "public"}]}})
        until(release, "mdep/pods", "jsonpath={.status.stable.version}=v1")
        until(release, "httproute/routed", "create")
        deploy(release, "pods", "v2")
        until(release, "mdep/pods", "jsonpath={.status.stable.version}=v2")
        until(release, "mdep/pods", "jsonpath={.status.phase}=Healthy")
    assert "403 Forbidden" not in log.read_text()


def test_its_rights_are_enough_to_see_that_approvals_are_not_guarded(
    kubeconfig: Path, release: str, tmp_path: Path
) -> None:
    rollout = {"steps": [{"approval": {}}], "analysis": {"interval": "1s", "checks": []}}
    with operator(kubeconfig, release, tmp_path) as log:
        deploy(release, "pods", "v1", rollout=rollout)
        until(release, "mdep/pods", "jsonpath={.status.phase}=Healthy")
        deploy(release, "pods", "v2", rollout=rollout)
        until(release, "mdep/pods", "jsonpath={.status.candidate.hold.reason}=ApprovalsUnguarded")
        message = ("get", "mdep", "pods", "-n", release, "-o", "jsonpath={.status.message}")
        told = kubectl(*message).stdout
    assert "the admission policy of Serinus is not in force" in told
    assert "Something else answers" not in told
    assert "403 Forbidden" not in log.read_text()


def test_deleting_and_uninstalling_leave_nothing_behind(
    kubeconfig: Path, release: str, tmp_path: Path
) -> None:
    with operator(kubeconfig, release, tmp_path):
        deploy(release, "pods", "v1")
        until(release, "mdep/pods", "jsonpath={.status.phase}=Healthy")
        before = left(release)
        assert "lease.coordination.k8s.io/serinus" in before
        kubectl("delete", "mdep", "pods", "-n", release)
        for child in [name for name in before if "/pods" in name and "modeldep" not in name]:
            until(release, child, "delete")
        helm("uninstall", RELEASE, f"--namespace={release}")
    assert left(release) == []


def test_a_lease_that_was_deleted_is_remade_as_the_one_of_the_release(
    kubeconfig: Path, release: str, tmp_path: Path
) -> None:
    lease = ("lease", "serinus", "-n", release)
    with operator(kubeconfig, release, tmp_path):
        until(release, "lease/serinus", "jsonpath={.spec.holderIdentity}")
        kubectl("delete", *lease)
        until(release, "lease/serinus", "create")
        label = kubectl("get", *lease, "-o", r"jsonpath={.metadata.labels.serinus\.dev/class}")
        assert label.stdout == "default", "an operator for the cluster would act here, too"
        helm("uninstall", RELEASE, f"--namespace={release}")
    assert left(release) == []
    install(release)
