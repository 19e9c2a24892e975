"""What the loop needs beside the product: a registry, a bank, and the Job that trains."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.demo import mlflow_image
from tests.stage.api import Api, Manifest
from tests.stage.deadline import until
from tests.stage.manifests import SERVING, Model
from tests.stage.stage import Stage

NAMESPACE: Final = "loop"
MODEL: Final = "loan"
ALIAS: Final = "champion"
REJECTED: Final = "rejected"
"""The alias that a version gets that is rolled back."""
REGISTRY: Final = "mlflow"
"""Its name among the registries of the operator."""
SETTINGS: Final[Mapping[str, str]] = {
    "registries[0].name": REGISTRY,
    "registries[0].kind": "MLflow",
    "registries[0].url": f"http://mlflow.{NAMESPACE}:5000",
    "registries[0].allowHttp": "true",
    "registries[0].interval": "5s",
    "registries[0].namespaces[0]": NAMESPACE,
    "registries[0].writeBack": "true",
    "registries[0].rollbackAliases[0]": REJECTED,
}
"""Values of the chart."""
_TOLD_BACK: Final = ("serinus.outcome", "serinus.reason", "serinus.message")
_MLFLOW_PORT: Final = 5000
_BANK_PORT: Final = 8081
_MLFLOW: Final = SETTINGS["registries[0].url"]
_RESTRICTED: Final[Mapping[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}


@dataclass(frozen=True)
class Version:
    """A version of the model in the registry."""

    version: str
    tags: Mapping[str, str]
    aliases: Sequence[str]

    def __str__(self) -> str:
        """What was told back of it, or the tags that it came with."""
        names = f" ({', '.join(self.aliases)})" if self.aliases else ""
        told = [each for each in _TOLD_BACK if each in self.tags] or self.tags
        tags = "; ".join(f"{name} = {self.tags[name]}" for name in told)
        return f"version {self.version}{names}: {tags}"


@dataclass(frozen=True)
class Place:
    """The namespace of the loop, in a cluster that has the product."""

    stage: Stage
    klass: str | None = None
    """Of the operator that acts; None: the one that acts on those without a class."""

    @property
    def api(self) -> Api:
        return self.stage.api

    def prepare(self, image: str) -> None:
        """An empty namespace, a registry that answers, and the first version in it."""
        self.stage.fresh_namespace(NAMESPACE)
        for manifest in mlflow_image.manifests(image, NAMESPACE):
            self.api.apply(manifest)
        self.api.apply(_bank())
        until("MLflow is ready", lambda: self._available("mlflow"), 240)
        self.api.apply(self._first_training())
        until("the first version is trained", self._is_trained, 240)

    def move(self, situation: str) -> float:
        """Applications come from there from now on; when, in Unix seconds."""
        return self._told(f"situation/{situation}")

    def record(self, records: str) -> float:
        """The bank records decisions so from now on; when, in Unix seconds."""
        return self._told(f"records/{records}")

    def champion(self) -> Version:
        """The version that has the alias."""
        found = self._asked(f"registered-models/alias?name={MODEL}&alias={ALIAS}")
        return _version(found["model_version"])

    def version(self, version: str) -> Version:
        """A version by its number."""
        found = self._asked(f"model-versions/get?name={MODEL}&version={version}")
        return _version(found["model_version"])

    def make_champion(self, version: str) -> None:
        """Move the alias, as a person does."""
        body = {"name": MODEL, "alias": ALIAS, "version": version}
        self._asked("registered-models/alias", json.dumps(body).encode())

    def model(self) -> Model:
        """The ModelDeployment."""
        tracking = {"name": "MLFLOW_TRACKING_URI", "value": _MLFLOW}
        return Model(
            NAMESPACE,
            MODEL,
            self.stage.model_image,
            replicas=2,
            gateway=self.stage.gateway,
            container={**SERVING, "env": [tracking]},
            steps=[{"setWeight": 40}],
            analysis={
                "interval": "5s",
                "checks": [
                    {"name": "errors", "errorRate": {}},
                    {"name": "feedback", "feedback": {"after": "0s"}},
                ],
            },
            rollout={"scaleDownDelay": "5s", "progressDeadline": "2m"},
            spec={
                **({} if self.klass is None else {"class": self.klass}),
                "model": {
                    "registry": {
                        "name": REGISTRY,
                        "model": MODEL,
                        "alias": ALIAS,
                        "tellBack": {"onRollback": {"setAlias": REJECTED}},
                    }
                },
                "monitoring": {
                    "interval": "5s",
                    "featureDrift": {"reference": {"recordFor": "30s"}},
                    "retrain": {
                        "alarms": ["featureDrift"],
                        "after": "10s",
                        "cooldown": "30s",
                        "job": {"timeout": "10m", "template": {"spec": self._training()}},
                    },
                },
            },
        )

    def _training(self, data: str = f"http://bank:{_BANK_PORT}/applications.csv") -> Manifest:
        """The pod that trains."""
        environment = {"MLFLOW_TRACKING_URI": _MLFLOW, "DATA_URL": data}
        return {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "train",
                    "image": self.stage.model_image,
                    "command": ["python", "retrain.py"],
                    "env": [{"name": name, "value": at} for name, at in environment.items()],
                    "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
                    "securityContext": dict(_RESTRICTED),
                }
            ],
        }

    def _first_training(self) -> Manifest:
        """Of what the bank has recorded in all the years before."""
        pod = self._training("file:///models/applications.csv") | {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "first-training", "namespace": NAMESPACE},
            "spec": {"backoffLimit": 3, "template": {"spec": pod}},
        }

    def _is_trained(self) -> bool:
        status = self.api.get("Job", NAMESPACE, "first-training").get("status", {})
        return bool(status.get("succeeded"))

    def _available(self, name: str) -> bool:
        status = self.api.get("Deployment", NAMESPACE, name).get("status", {})
        return bool(status.get("availableReplicas"))

    def _told(self, path: str) -> float:
        url = f"{self.api.service(NAMESPACE, 'bank', _BANK_PORT)}/{path}"
        answer = json.loads(_read(urllib.request.Request(url, method="PUT")))
        at: float = answer["time"]
        return at

    def _asked(self, path: str, body: bytes | None = None) -> Any:
        url = f"{self.api.service(NAMESPACE, 'mlflow', _MLFLOW_PORT)}/api/2.0/mlflow/{path}"
        content = {"Content-Type": "application/json"}
        return json.loads(_read(urllib.request.Request(url, body, content)))


def _bank() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "bank", "namespace": NAMESPACE},
        "spec": {
            "selector": {"app": "clients"},
            "ports": [{"name": "http", "port": _BANK_PORT, "targetPort": _BANK_PORT}],
        },
    }


def _version(found: Mapping[str, Any]) -> Version:
    tags = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
    return Version(found["version"], tags, found.get("aliases", []))


def _read(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=30) as answer:
        content: bytes = answer.read()
        return content
