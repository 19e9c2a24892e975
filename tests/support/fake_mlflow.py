"""An MLflow in this process, with what the example's registry client asks of one, and its answers:
tests/servers/test_mlflow.py holds it to the real one."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from registry import Registered, Registry, RegistryError

_API = "/api/2.0/mlflow/"
_FILES = "/api/2.0/mlflow-artifacts/artifacts/"


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class FakeMLflow:
    """What it keeps."""

    def __init__(self) -> None:
        self.url = ""
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, list[dict[str, Any]]] = {}
        self.aliases: dict[tuple[str, str], str] = {}
        self.files: dict[str, bytes] = {}

    def answer(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """The body of an answer; raises what is refused."""
        method = getattr(self, "_" + path.replace("/", "_").replace("-", "_"))
        found: dict[str, Any] = method(**asked)
        return found

    def _experiments_create(self, name: str) -> dict[str, Any]:
        if name in self.experiments:
            raise _RefusedError(400, "RESOURCE_ALREADY_EXISTS", f"Experiment '{name}' exists")
        self.experiments[name] = str(len(self.experiments) + 1)
        return {"experiment_id": self.experiments[name]}

    def _experiments_get_by_name(self, experiment_name: str) -> dict[str, Any]:
        return {"experiment": {"experiment_id": self.experiments[experiment_name]}}

    def _runs_create(self, experiment_id: str, start_time: int) -> dict[str, Any]:
        name = f"{len(self.runs):032x}"
        uri = f"mlflow-artifacts:/{experiment_id}/{name}/artifacts"
        self.runs[name] = {"run_id": name, "artifact_uri": uri, "status": "RUNNING"}
        return {"run": {"info": self.runs[name]}}

    def _runs_log_batch(self, run_id: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
        self.runs[run_id]["metrics"] = {each["key"]: each["value"] for each in metrics}
        return {}

    def _runs_update(self, run_id: str, status: str, end_time: int) -> dict[str, Any]:
        self.runs[run_id]["status"] = status
        return {}

    def _registered_models_create(self, name: str) -> dict[str, Any]:
        if name in self.models:
            message = f"Registered Model (name={name}) already exists."
            raise _RefusedError(400, "RESOURCE_ALREADY_EXISTS", message)
        self.models[name] = []
        return {"registered_model": {"name": name}}

    def _model_versions_create(
        self, name: str, source: str, run_id: str, tags: list[dict[str, str]]
    ) -> dict[str, Any]:
        if not source.startswith(self.runs[run_id]["artifact_uri"]):
            raise _RefusedError(400, "INVALID_PARAMETER_VALUE", "Invalid model version source")
        versions = self.models[name]
        versions.append(
            {"name": name, "version": str(len(versions) + 1), "source": source, "tags": tags}
        )
        return {"model_version": versions[-1]}

    def _model_versions_get(self, name: str, version: str) -> dict[str, Any]:
        for each in self.models.get(name, []):
            if each["version"] == version:
                return {"model_version": each}
        message = f"Model Version (name={name}, version={version}) not found"
        raise _RefusedError(404, "RESOURCE_DOES_NOT_EXIST", message)

    def _registered_models_alias(
        self, name: str, alias: str, version: str | None = None
    ) -> dict[str, Any]:
        if version is None:
            return self._model_versions_get(name, self.aliases[name, alias])
        self.aliases[name, alias] = version
        return {}


@contextmanager
def fake_mlflow() -> Iterator[FakeMLflow]:
    """One that serves until the block ends."""
    kept = FakeMLflow()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path.startswith(_FILES):
                self._send(200, kept.files[parts.path.removeprefix(_FILES)])
            else:
                self._ask(parts.path, dict(parse_qsl(parts.query)))

        def do_POST(self) -> None:
            self._ask(self.path, json.loads(self._body()))

        def do_PUT(self) -> None:
            kept.files[self.path.removeprefix(_FILES)] = self._body()
            self._send(200, b"{}")

        def log_message(self, *_: object) -> None:
            pass

        def _ask(self, path: str, asked: dict[str, Any]) -> None:
            try:
                self._send(200, json.dumps(kept.answer(path.removeprefix(_API), asked)).encode())
            except _RefusedError as error:
                told = {"error_code": error.code, "message": str(error)}
                self._send(error.status, json.dumps(told).encode())

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def exchanged(url: str) -> list[object]:
    """What the client of the example is told by a server that knows no model yet."""
    registry = Registry(url)
    told: list[object] = [_told(registry, "models:/loan/1")]
    for content in (b"one", b"two"):
        made = registry.register("loan", "model.pkl", content, {"accuracy": 0.9}, {"tag": "value"})
        found = registry.find(f"models:/loan/{made.version}")
        assert found == made
        told += [made.version, registry.read(found, "model.pkl")]
    registry.move("loan", "champion", "1")
    registry.move("loan", "champion", "2")
    query = "api/2.0/mlflow/registered-models/alias?name=loan&alias=champion"
    with urllib.request.urlopen(f"{url}/{query}") as answer:
        told.append(json.load(answer)["model_version"]["version"])
    return told


def _told(registry: Registry, uri: str) -> Registered | tuple[int, str, str]:
    try:
        return registry.find(uri)
    except RegistryError as error:
        return error.code, error.name, str(error)


EXCHANGED: list[object] = [
    (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "the registry answered 404 RESOURCE_DOES_NOT_EXIST: "
        "Model Version (name=loan, version=1) not found",
    ),
    *("1", b"one", "2", b"two", "2"),
]
"""What MLflow 3.17 tells it."""
