"""The whole product on a real cluster: where it is, and what tests and demo do with it."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    """A cluster that has gateway, Prometheus, both images and the operator, which acts on the
    ModelDeployments that name no class."""

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
            240,
        )
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def delete_namespace(self, name: str) -> None:
        """Begin to delete a namespace with all that is in it."""
        self.api.delete("Namespace", "", name)


@contextmanager
def stage(cluster: str = CLUSTER, options: Sequence[str] = ()) -> Iterator[Stage]:
    """Bring up what is missing, and connect to it; all stays up afterwards."""
    bring_up(cluster, options)
    with connected(cluster) as ready:
        yield ready


def bring_up(cluster: str = CLUSTER, options: Sequence[str] = ()) -> None:
    """Bring up what is missing: the cluster, by these options, the images, the operator. The images
    are built while the cluster starts, which mostly waits."""
    up = [sys.executable, "-m", "tests.cluster", "up", f"--name={cluster}", *options]
    sources = OPERATOR, MODEL
    with ThreadPoolExecutor(1) as pool:
        built = pool.submit(lambda: [each.build() for each in sources])
        subprocess.run(up, cwd=ROOT, check=True)
        built.result()
    with step("putting the images on the node"):
        for source in sources:
            source.put(cluster)
    with connected(cluster) as ready, step("installing the operator"):
        ready.operator.install(ready.operator_image)


@contextmanager
def connected(cluster: str = CLUSTER) -> Iterator[Stage]:
    """The product in a cluster of this checkout, which is up."""
    described = _description(cluster)
    tools = {name: Path(path) for name, path in described["tools"].items()}
    prometheus, gateway = described["prometheus"], described["gateway"]
    with Api(tools["kubectl"], Path(described["kubeconfig"])) as api:
        yield Stage(
            api=api,
            operator=Operator(api, tools["helm"], prometheus["url"]),
            gateway={"name": gateway["name"], "namespace": gateway["namespace"]},
            gateway_url=f"http://{gateway['address']}",
            prometheus_url=prometheus["hostUrl"],
            operator_image=OPERATOR.name,
            model_image=MODEL.name,
        )


def _description(cluster: str) -> dict[str, Any]:
    found = description.read(description.folder_of(cluster))
    if found is None:
        raise RuntimeError("the cluster is up and left no description")
    return found
