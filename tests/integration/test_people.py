"""What people may do with ModelDeployments by the cluster's own roles, by the chart's roles."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import ROOT, helm, kubectl, refused
from tests.support.exhaustive import short

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READING = frozenset(VERBS[:3])


@pytest.fixture(scope="module")
def roles(kubeconfig: Path) -> Iterator[None]:
    """The roles for people of a release over the whole cluster."""
    values = ("--set=image.repository=any", "--set=prometheus.url=http://127.0.0.1:9")
    chart = str(ROOT / "charts" / "serinus")
    template = ("template", "people-test", chart, "--show-only=templates/people.yaml", *values)
    rendered = helm(*template)
    assert {each["kind"] for each in yaml.safe_load_all(rendered) if each} == {"ClusterRole"}
    kubectl("apply", "-f", "-", stdin=rendered)
    yield
    kubectl("delete", "-f", "-", stdin=rendered)


@pytest.fixture
def person(request: pytest.FixtureRequest, roles: None, namespace: str) -> str:
    """A service account that is bound to one of the cluster's own roles in the namespace."""
    bound: str = request.param
    kubectl("create", "serviceaccount", bound, f"--namespace={namespace}")
    account = f"--serviceaccount={namespace}:{bound}"
    there = f"--namespace={namespace}"
    kubectl("create", "rolebinding", bound, f"--clusterrole={bound}", account, there)
    return f"system:serviceaccount:{namespace}:{bound}"


def may(person: str, namespace: str, resource: str) -> frozenset[str]:
    """Verbs that are allowed."""
    asked = [_review(person, namespace, verb, resource) for verb in VERBS]
    done = kubectl("create", "-f", "-", "-o", "yaml", stdin=yaml.safe_dump_all(asked))
    answers = [each["status"]["allowed"] for each in yaml.safe_load_all(done.stdout)]
    return frozenset(verb for verb, allowed in zip(VERBS, answers, strict=True) if allowed)


def _review(person: str, namespace: str, verb: str, resource: str) -> dict[str, Any]:
    what, _, subresource = resource.partition("/")
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": person,
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": {
                "namespace": namespace,
                "verb": verb,
                "group": "serinus.dev",
                "resource": what,
                "subresource": subresource,
            },
        },
    }


def until_aggregated(person: str, namespace: str) -> None:
    """The controller that aggregates roles takes a moment."""
    deadline = time.monotonic() + 20
    while "get" not in may(person, namespace, "modeldeployments"):
        assert time.monotonic() < deadline, f"{person} may not even get ModelDeployments"
        time.sleep(0.1)


@pytest.mark.parametrize("person", ["view"], indirect=True)
def test_who_may_view_may_read_and_write_nothing(person: str, namespace: str) -> None:
    until_aggregated(person, namespace)
    assert may(person, namespace, "modeldeployments") == READING
    assert may(person, namespace, "modeldeployments/scale") == READING
    assert may(person, namespace, "modeldeployments/status") == READING


@pytest.mark.parametrize("person", short(["edit", "admin"], ["edit"]), indirect=True)
def test_who_may_edit_may_write_and_scale_and_write_no_status(person: str, namespace: str) -> None:
    until_aggregated(person, namespace)
    assert may(person, namespace, "modeldeployments") == frozenset(VERBS)
    assert may(person, namespace, "modeldeployments/scale") == READING | {"update", "patch"}
    assert may(person, namespace, "modeldeployments/status") == READING


@pytest.mark.parametrize("person", ["edit"], indirect=True)
def test_a_person_does_it_for_real(person: str, namespace: str) -> None:
    until_aggregated(person, namespace)
    me = (f"--as={person}", f"--namespace={namespace}")
    example = str(ROOT / "examples" / "01-first.yaml")
    kubectl("apply", "-f", example, *me)
    name = kubectl("get", "mdep", "-o", "name", *me).stdout.strip()
    kubectl("scale", name, "--replicas=3", *me)
    kubectl("annotate", name, "serinus.dev/command=retry/abcdefgh", *me)
    promoted = ("patch", name, "--subresource=status", "--type=merge", '-p={"status":{}}')
    assert 'cannot patch resource "modeldeployments/status"' in refused("kubectl", *promoted, *me)
    kubectl("delete", name, *me)
