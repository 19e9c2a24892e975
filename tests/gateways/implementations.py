"""The gateways: where each is, and how it comes into the cluster."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.cluster import parts
from tests.cluster.addons import GATEWAY_SYSTEM, manifest
from tests.cluster.versions import VERSIONS
from tests.stage.stage import Stage

_CONTOUR_FILES: Final = ("00-common", "01-crds", "02-rbac", "02-role-contour")
_MEASURED: Final[Mapping[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "measured", "namespace": "gateways"},
    "spec": {
        "type": "NodePort",
        "selector": {"gateway.envoyproxy.io/owning-gateway-name": "public"},
        "ports": [{"name": "http", "port": 80, "targetPort": 10080, "nodePort": 30081}],
    },
}
"""The node's way to the proxies of Envoy Gateway, whose own Service has none."""


@dataclass(frozen=True)
class Implementation:
    """A gateway with one Gateway named public and one Service of that name, in one namespace."""

    title: str
    version: str
    klass: str
    namespace: str
    node_port: int
    controller: tuple[str, str]
    """Namespace and name of the Deployment."""
    one_process: bool = False
    """Whether the controller is also what sends them on."""

    def stage(self, product: Stage) -> Stage:
        """The product, behind this gateway."""
        return replace(
            product,
            gateway={"name": "public", "namespace": self.namespace},
            gateway_url=f"http://public.{self.namespace}.svc.cluster.local",
        )


def _version(part: str) -> str:
    return str(VERSIONS["go"][part]["version"]).removeprefix("v")


ALL: Final = {
    "envoy": Implementation(
        "Envoy Gateway",
        _version("envoy-gateway"),
        "envoy",
        "gateways",
        30081,
        (GATEWAY_SYSTEM, "envoy-gateway"),
    ),
    "contour": Implementation(
        "Contour",
        _version("contour"),
        "contour",
        "projectcontour",
        30082,
        ("projectcontour", "contour"),
    ),
    "traefik": Implementation(
        "Traefik",
        _version("traefik"),
        "traefik",
        "traefik",
        30083,
        ("traefik", "traefik"),
        one_process=True,
    ),
}


def install(product: Stage, folder: Path) -> None:
    """Add the others to a cluster that has Envoy Gateway and the images of all; `folder` is for
    what is applied."""
    examples = parts.go_part("contour") / "examples/contour"
    written = {
        "contour.yaml": manifest("contour.yaml"),
        "traefik.yaml": manifest("traefik.yaml"),
        "measured.json": json.dumps(_MEASURED),
    }
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    files = [*(examples / f"{name}.yaml" for name in _CONTOUR_FILES)]
    files += [folder / name for name in written]
    for file in files:
        apply = ("apply", "--server-side", "--force-conflicts", f"--filename={file}")
        product.api.run(*apply)
    for each in ("deployment/contour", "deployment/envoy"):
        _wait(product, each, "Available", "projectcontour")
    _wait(product, "deployment/traefik", "Available", "traefik")
    for implementation in ALL.values():
        _wait(product, "gateway/public", "Accepted", implementation.namespace)


def _wait(product: Stage, what: str, condition: str, namespace: str) -> None:
    words = (f"--for=condition={condition}", f"--namespace={namespace}", "--timeout=180s")
    product.api.run("wait", what, *words)
