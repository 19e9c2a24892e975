"""A model registry: what a training run needs of MLflow's REST API, by the standard library.

Source: https://mlflow.org/docs/latest/api_reference/rest-api.html
"""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SECONDS = 30
_OF_SERVER = "mlflow-artifacts:/"
"""How a URI begins of what the server itself keeps."""


class RegistryError(Exception):
    """The registry's answer to a request that it did not grant."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(f"the registry answered {code} {name}: {message}")
        self.code = code
        self.name = name


@dataclass(frozen=True)
class Registered:
    """A version of a model in the registry: its number, and the URI of its folder."""

    version: str
    source: str


class Registry:
    """One MLflow server."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def find(self, uri: str) -> Registered:
        """The version that models:/NAME/VERSION names; ValueError if it is no such URI."""
        scheme, _, path = uri.partition(":/")
        model, _, version = path.rpartition("/")
        if scheme != "models" or not model or not version.isdigit():
            raise ValueError(f"{uri} must be models:/NAME/VERSION")
        query = urllib.parse.urlencode({"name": model, "version": version})
        found = self._call("GET", f"model-versions/get?{query}")["model_version"]
        return Registered(found["version"], found["source"])

    def read(self, registered: Registered, file: str) -> bytes:
        """A file of a version, which the server keeps."""
        with self._open("GET", self._artifact(registered.source, file)) as answer:
            content: bytes = answer.read()
            return content

    def register(
        self,
        model: str,
        file: str,
        content: bytes,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> Registered:
        """A new version of a model, in a run of its own that has these metrics; the version has the
        tags. The model is made if it is new."""
        run = self._begin(model)
        source = f"{run['artifact_uri']}/model"
        self._open("PUT", self._artifact(source, file), content).close()
        measured = [
            {"key": key, "value": value, "timestamp": _now(), "step": 0}
            for key, value in metrics.items()
        ]
        self._call("POST", "runs/log-batch", {"run_id": run["run_id"], "metrics": measured})
        ended = {"run_id": run["run_id"], "status": "FINISHED", "end_time": _now()}
        self._call("POST", "runs/update", ended)
        self._unless_there("registered-models/create", {"name": model})
        named = [{"key": key, "value": value} for key, value in tags.items()]
        made = {"name": model, "source": source, "run_id": run["run_id"], "tags": named}
        version = self._call("POST", "model-versions/create", made)["model_version"]
        return Registered(version["version"], version["source"])

    def move(self, model: str, alias: str, version: str) -> None:
        """Let the alias name this version."""
        body = {"name": model, "alias": alias, "version": version}
        self._call("POST", "registered-models/alias", body)

    def _begin(self, model: str) -> dict[str, Any]:
        """A new run in the experiment of the model's name."""
        self._unless_there("experiments/create", {"name": model})
        query = urllib.parse.urlencode({"experiment_name": model})
        found = self._call("GET", f"experiments/get-by-name?{query}")["experiment"]
        body = {"experiment_id": found["experiment_id"], "start_time": _now()}
        run: dict[str, Any] = self._call("POST", "runs/create", body)["run"]["info"]
        return run

    def _unless_there(self, path: str, body: Mapping[str, str]) -> None:
        try:
            self._call("POST", path, body)
        except RegistryError as error:
            if error.name != "RESOURCE_ALREADY_EXISTS":
                raise

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with self._open(method, f"/api/2.0/mlflow/{path}", data) as answer:
            return json.load(answer)

    def _artifact(self, uri: str, file: str) -> str:
        if not uri.startswith(_OF_SERVER):
            raise ValueError(f"the registry keeps {uri} elsewhere: this reads {_OF_SERVER}… only")
        path = urllib.parse.quote(f"{uri.removeprefix(_OF_SERVER)}/{file}")
        return f"/api/2.0/mlflow-artifacts/artifacts/{path}"

    def _open(self, method: str, path: str, data: bytes | None = None) -> Any:
        content = "application/json" if method == "POST" else "application/octet-stream"
        request = urllib.request.Request(
            self._url + path, data, {"Content-Type": content}, method=method
        )
        try:
            return urllib.request.urlopen(request, timeout=_SECONDS)
        except urllib.error.HTTPError as error:
            raise _error(error) from None


def _error(error: urllib.error.HTTPError) -> RegistryError:
    text = error.read().decode(errors="replace")
    try:
        told = json.loads(text)
        return RegistryError(error.code, told["error_code"], told["message"])
    except (ValueError, KeyError, TypeError):
        return RegistryError(error.code, error.reason, text[:200])


def _now() -> int:
    """Milliseconds."""
    return int(1000 * time.time())
