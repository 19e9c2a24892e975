"""ModelDeployments of the example model, built from what a test or an act is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.stage.api import Manifest

SERVING: Final[Mapping[str, Any]] = {
    "readinessProbe": {
        "httpGet": {"path": "/v2/health/ready", "port": "http"},
        "periodSeconds": 1,
        "timeoutSeconds": 5,
    },
    "resources": {"requests": {"cpu": "25m", "memory": "64Mi"}},
}
IDLE: Final[Mapping[str, Any]] = {
    "command": ["sleep", "infinity"],
    "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
}
"""A container that is ready at once and serves nothing: for what needs pods and no traffic."""


@dataclass(frozen=True)
class Model:
    """A ModelDeployment: which one, which version, how it is served and rolled out."""

    namespace: str
    name: str
    image: str
    version: str = "v1"
    replicas: int = 1
    container: Mapping[str, Any] = field(default_factory=lambda: SERVING)
    """What its container says beyond image and port."""
    gateway: Mapping[str, str] | None = None
    """The parentRef of its route; None: without a gateway."""
    steps: Sequence[Mapping[str, Any]] | None = ()
    """None: the manifest has no field of that name."""
    analysis: Mapping[str, Any] = field(default_factory=lambda: {"checks": []})
    rollout: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of spec.rollout."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the spec."""
    grace: int = 30
    """Seconds that its pods may take to end."""

    @property
    def host(self) -> str:
        """The host name of its route."""
        return f"{self.name}.{self.namespace}.example.com"

    def manifest(self) -> Manifest:
        """What a user would apply."""
        gateway = {"parentRefs": [dict(self.gateway or {})], "hostnames": [self.host]}
        return {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "model": {"version": self.version},
                "replicas": self.replicas,
                "template": self._template(),
                "traffic": {} if self.gateway is None else {"gateway": gateway},
                "rollout": {
                    **self._steps(),
                    "analysis": dict(self.analysis),
                    **self.rollout,
                },
                **self.spec,
            },
        }

    def _steps(self) -> Manifest:
        return {} if self.steps is None else {"steps": [dict(step) for step in self.steps]}

    def _template(self) -> Manifest:
        container = {
            "name": "model",
            "image": self.image,
            "ports": [{"name": "http", "containerPort": 8080}],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
            **self.container,
        }
        scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
        return {
            "metadata": {"annotations": scraped},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": self.grace,
                "securityContext": {
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
            },
        }
