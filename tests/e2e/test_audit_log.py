"""What operators have asked the API server since the cluster began, by its audit log.

It runs beside the last modules, so that the log has what the others have made operators do.
"""

import json
from collections.abc import Iterator

import pytest

from tests.cluster import description
from tests.stage.stage import CLUSTER, Stage
from tests.support.rights import promised

pytestmark = pytest.mark.quiet


def asked() -> Iterator[tuple[str, str, str]]:
    """Who has asked, the resource with its subresource or another path, and the verb."""
    log = description.audit_log(description.folder_of(CLUSTER))
    for line in log.read_text("utf-8").splitlines():
        event = json.loads(line)
        of = event.get("objectRef") or {}
        resource = "/".join(of[name] for name in ("resource", "subresource") if of.get(name))
        yield event["user"]["username"], resource or event["requestURI"], event["verb"]


def test_all_that_operators_have_asked_is_what_the_documents_say_they_may(product: Stage) -> None:
    """So none has read a secret or written a spec."""
    found = set(asked())
    operators = {who for who, *what in found if what == ["modeldeployments/status", "update"]}
    assert f"system:serviceaccount:{product.operator.namespace}:serinus" in operators
    theirs = {(what, verb) for who, what, verb in found if who in operators}
    discovery = {(path, verb) for path, verb in theirs if path.startswith("/")}
    assert {verb for _, verb in discovery} <= {"get"}
    assert {("deployments", "patch"), ("httproutes", "patch"), ("leases", "update")} <= theirs
    assert theirs - discovery <= promised()
