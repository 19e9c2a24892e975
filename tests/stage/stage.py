"""The whole product on a real cluster: where it is, and what tests and demo do with it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cluster import description
from tests.cluster.progress import step
from tests.stage.api import Api
from tests.stage.deadline import until
from tests.stage.images import MODEL, OPERATOR, ROOT
from tests.stage.operator import Operator

CLUSTER: Final = description.DEFAULT_NAMES["full"]


@dataclass(frozen=True)
class Stage:
    """A cluster that has gateway, Prometheus, both images and the operator."""

    api: Api
    operator: Operator
    gateway: dict[str, str]
    """The parentRef of a route."""
    gateway_url: str
    """Inside the cluster."""
    prometheus_url: str
    """From this machine."""
    operator_image: str
    model_image: str

    def fresh_namespace(self, name: str) -> None:
        """An empty namespace of this name; one that exists is deleted first."""
        self.api.delete("Namespace", "", name)
        until(
            f"namespace {name} is gone",
            lambda: self.api.find("Namespace", "", name) is None,
            120,
        )
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def delete_namespace(self, name: str) -> None:
        """Begin to delete a namespace with all that is in it."""
        self.api.delete("Namespace", "", name)


@contextmanager
def stage() -> Iterator[Stage]:
    """Bring up what is missing: the cluster, the images, the operator; all stay up afterwards."""
    cluster = _cluster()
    with step("putting the images on the node"):
        operator_image, model_image = (source.put(CLUSTER) for source in (OPERATOR, MODEL))
    tools = {name: Path(path) for name, path in cluster["tools"].items()}
    prometheus, gateway = cluster["prometheus"], cluster["gateway"]
    with Api(tools["kubectl"], Path(cluster["kubeconfig"])) as api:
        operator = Operator(api, tools["helm"], prometheus["url"])
        with step("installing the operator"):
            operator.install(operator_image)
        yield Stage(
            api=api,
            operator=operator,
            gateway={"name": gateway["name"], "namespace": gateway["namespace"]},
            gateway_url=f"http://{gateway['address']}",
            prometheus_url=prometheus["hostUrl"],
            operator_image=operator_image,
            model_image=model_image,
        )


def _cluster() -> dict[str, Any]:
    """The cluster of this checkout, made or started if need be."""
    subprocess.run([sys.executable, "-m", "tests.cluster", "up"], cwd=ROOT, check=True)
    found = description.read(description.folder_of(CLUSTER))
    if found is None:
        raise RuntimeError("the cluster is up and left no description")
    return found
