"""Releases of the chart over the whole cluster: upgraded from 0.1.0, rolled back, uninstalled, and
several of them in one cluster or in one parent.

Fake nodes run the pods, so that they are ready without an operator in them.
"""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.integration.conftest import ROOT, helm, kubectl, refused, wait_for_crd
from tests.support.documents import typed
from tests.support.parent_chart import parent_of_two

pytestmark = pytest.mark.disturbs_api_server

CHART = str(ROOT / "charts" / "serinus")
CRD = "modeldeployments.serinus.dev"
VALUES = ("--set=image.repository=localhost/serinus", "--set=prometheus.url=http://127.0.0.1:9")
WAIT = ("--wait", "--timeout=120s")
NOT_OURS = "invalid ownership metadata"


@pytest.fixture(autouse=True)
def no_definition(kubeconfig: Path) -> Iterator[None]:
    """A cluster that does not know ModelDeployments yet; others find it as they know it."""
    kubectl("delete", "crd", CRD)
    yield
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    wait_for_crd(CRD, kubeconfig)


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The chart 0.1.0, with a CRD that lacks something that today's has."""
    chart = tmp_path / "0.1.0"
    shutil.copytree(Path(__file__).parent / "chart_0_1_0", chart)
    crd = yaml.safe_load((ROOT / "crds" / f"{CRD}.yaml").read_text())
    columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
    crd["spec"]["versions"][0]["additionalPrinterColumns"] = columns[:-1]
    (chart / "crds").mkdir()
    (chart / "crds" / "crd.yaml").write_text(yaml.safe_dump(crd))
    return chart


def definition() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kubectl("get", "crd", CRD, "-o", "json").stdout)
    return found


COLUMNS: Final = 10
"""That kubectl prints, with -o wide."""


def columns() -> int:
    return len(definition()["spec"]["versions"][0]["additionalPrinterColumns"])


def uid(namespace: str, what: str) -> str:
    return kubectl("get", what, "-n", namespace, "-o", "jsonpath={.metadata.uid}").stdout


def installed(*releases: str) -> set[str]:
    """All that releases have in the cluster, apart from their pods."""
    kinds = (
        "deployments,services,serviceaccounts,roles,rolebindings,leases,clusterroles,"
        "clusterrolebindings,poddisruptionbudgets,networkpolicies,configmaps,crds,"
        "validatingadmissionpolicies,validatingadmissionpolicybindings"
    )
    of_these = f"app.kubernetes.io/instance in ({','.join(releases)})"
    found = kubectl("get", kinds, "-A", "-l", of_these, "-o", "json").stdout
    return {f"{of['kind']}/{of['metadata']['name']}" for of in json.loads(found)["items"]}


def documented_upgrade() -> list[str]:
    """The options by which docs/operations.md says that an upgrade takes over the CRD."""
    page = (ROOT / "docs" / "operations.md").read_text()
    (command,) = re.findall(r"```sh\n(helm upgrade .*?)```", page, re.DOTALL)
    words: list[str] = command.replace("\\\n", " ").split()
    assert words[:4] == ["helm", "upgrade", "serinus", "charts/serinus"]
    assert words[4:7] == ["--namespace", "serinus-system", "--reset-then-reuse-values"]
    return words[7:]


@pytest.mark.exhaustive
def test_an_upgrade_from_0_1_0_loses_nothing_and_can_be_rolled_back(
    namespace: str, before: Path
) -> None:
    here = (f"--namespace={namespace}",)
    helm("install", "serinus", str(before), *here)
    old = installed("serinus")
    # as the documentation of 0.1.0 asked for before each upgrade
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(before / "crds"))
    kubectl("apply", "-f", str(ROOT / "examples" / "01-first.yaml"), *here)
    live = [uid(namespace, what) for what in ("mdep/loan", "deployment/serinus")]

    upgrade = ("upgrade", "serinus", CHART, *here, *VALUES, *WAIT)
    assert NOT_OURS in refused("helm", *upgrade)
    assert installed("serinus") == old, "a refused upgrade changes nothing"

    helm(*upgrade, *documented_upgrade())
    new = installed("serinus")
    assert columns() == COLUMNS
    assert f"ClusterRole/{namespace}-serinus-edit" in new
    assert "ClusterRole/serinus-edit" not in new

    helm("rollback", "serinus", "1", *here)
    assert installed("serinus") - {f"CustomResourceDefinition/{CRD}"} == old
    assert columns() == COLUMNS

    helm(*upgrade)  # the CRD is the release's now
    assert installed("serinus") == new
    assert live == [uid(namespace, what) for what in ("mdep/loan", "deployment/serinus")]

    helm("uninstall", "serinus", *here, *WAIT)
    assert installed("serinus") == {f"CustomResourceDefinition/{CRD}"}
    assert uid(namespace, "mdep/loan") == live[0]


def test_what_the_install_page_tells_to_type_installs_upgrades_and_uninstalls(
    namespace: str,
) -> None:
    page = (ROOT / "docs" / "install.md").read_text("utf-8").replace("serinus-system", namespace)
    build, install, look, definition_alone, upgrade, uninstall, delete = map(
        shlex.split, typed(page)
    )
    assert build[:2] == ["make", "images"]  # tests/unit/test_readme.py runs it
    helm(*install[1:])
    assert "2/2" in kubectl(*look[1:]).stdout
    assert "Service/serinus" in installed("serinus")
    kubectl("apply", "-f", str(ROOT / "examples" / "01-first.yaml"), f"--namespace={namespace}")
    loan = uid(namespace, "mdep/loan")
    helm(*upgrade[1:], *WAIT)
    helm(*uninstall[1:], *WAIT)
    assert installed("serinus") == {f"CustomResourceDefinition/{CRD}"}
    assert uid(namespace, "mdep/loan") == loan
    kubectl(*delete[1:])
    kubectl(*definition_alone[1:])
    assert columns() == COLUMNS


def test_a_kept_definition_is_taken_up_by_the_same_release_and_taken_over_by_another(
    namespace: str,
) -> None:
    here = (f"--namespace={namespace}", *VALUES)
    helm("install", "serinus", CHART, *here)
    helm("uninstall", "serinus", here[0])
    helm("install", "serinus", CHART, *here)
    helm("uninstall", "serinus", here[0])
    assert NOT_OURS in refused("helm", "install", "other", CHART, *here)
    helm("install", "other", CHART, *here, "--take-ownership")
    helm("uninstall", "other", here[0])


def test_the_newer_definition_stays_in_a_downgrade(namespace: str) -> None:
    here = (f"--namespace={namespace}", *VALUES)
    helm("install", "serinus", CHART, *here)
    helm("upgrade", "serinus", CHART, *here, "--set=crds.enabled=false")
    assert columns() == COLUMNS
    helm("upgrade", "serinus", CHART, *here)
    helm("uninstall", "serinus", here[0])


@pytest.mark.exhaustive
def test_a_definition_that_is_not_to_be_kept_goes_with_the_release(
    namespace: str, kubeconfig: Path
) -> None:
    here = f"--namespace={namespace}"
    helm("install", "serinus", CHART, here, *VALUES, "--set=crds.keep=false")
    wait_for_crd(CRD, kubeconfig)
    helm("uninstall", "serinus", here, *WAIT)
    assert installed("serinus") == set()


@pytest.mark.exhaustive
def test_two_releases_of_one_name_are_independent(namespace: str) -> None:
    one, other = f"--namespace={namespace}", f"--namespace={namespace}-other"
    helm("install", "serinus", CHART, one, *VALUES)
    alone = installed("serinus")
    more = ("--create-namespace", "--set=class=blue", *VALUES)
    assert NOT_OURS in refused("helm", "install", "serinus", CHART, other, *more)
    helm("install", "serinus", CHART, other, *more, "--set=crds.enabled=false")
    both = installed("serinus")
    assert both > alone
    for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"):
        names = {f"{kind}/{namespace}{other}-serinus-approvals" for other in ("", "-other")}
        assert names <= both
    helm("uninstall", "serinus", other, *WAIT)
    assert installed("serinus") == alone
    helm("uninstall", "serinus", one)
    kubectl("delete", "namespace", f"{namespace}-other", "--wait=false")


@pytest.mark.exhaustive
def test_a_parent_has_the_chart_twice(namespace: str, tmp_path: Path) -> None:
    here = f"--namespace={namespace}"
    optional = {"networkPolicy": {"enabled": True}, "grafanaDashboard": {"enabled": True}}
    parent = parent_of_two(tmp_path, **optional)
    helm("install", "platform", str(parent), here, *WAIT)
    both = installed("platform")
    kinds = ("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount")
    for kind in kinds:
        assert {f"{kind}/platform-blue", f"{kind}/platform-green"} <= both
    assert {"Lease/serinus", "Lease/serinus-green"} <= both
    helm("uninstall", "platform", here, *WAIT)
    assert installed("platform") == {f"CustomResourceDefinition/{CRD}"}
