"""Serves one version of the loan model over the Open Inference Protocol.

Settings, from the environment:
MODEL_URI      location of the model: file:///models/v2, a path, pvc:// and oci://, which Serinus
               mounts at /mnt/models, or models:/NAME/VERSION, found there too or read from MLflow
               (default /models/<MODEL_VERSION>).
MLFLOW_TRACKING_URI  address of MLflow.
MODEL_VERSION  version in responses (default: that of the artifact).
MODEL_NAME     name in the path /v2/models/<name>/infer (default loan).
PORT           port to listen on (default 8080).
DRAIN_SECONDS  how long to serve after SIGTERM while not ready (default 5).
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import prometheus_client
import uvicorn
from prometheus_client import REGISTRY, CollectorRegistry
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import scorecard
from inference import Batch, InputError, metadata, parse, response
from loans import CLASSES, FEATURES, GROUPS
from registry import Registry
from scorecard import Scorecard, Vector
from serinus_metrics import ModelMetrics

log = logging.getLogger("server")

MOUNTED = Path("/mnt/models")
"""Where Serinus mounts a model."""
MAX_BODY = 1 << 20
OUTCOMES = ("true_positive", "false_positive", "true_negative", "false_negative")
"""Outcomes of a prediction: right or wrong, and whether the applicant was approved."""
KEEP_ALIVE_SECONDS = 3900
"""Longer than a proxy keeps an idle connection (Envoy: an hour). The client should close idle
connections, otherwise it may send a request on a connection that the server is closing."""
FEATURE_BOUNDS = {
    "loan_amount": (50, 75, 100, 125, 150, 200, 300),
    "income": (2000, 3000, 4000, 5000, 7500, 10000),
    "loan_to_price": (0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    "housing_ratio": (15, 20, 25, 28, 30, 35),
    "obligation_ratio": (20, 25, 30, 33, 36, 40, 45),
    "net_worth": (0, 25, 50, 100, 250, 500),
}
"""Monitored numeric features, with bounds in the units of loans.COLUMNS."""
FEATURE_CATEGORIES = {
    "consumer_credit": ("1", "2", "3", "4", "5", "6"),
    "mortgage_credit": ("1", "2", "3", "4"),
    "meets_guidelines": ("0", "1"),
}
"""Monitored categorical features."""


@dataclass(frozen=True)
class Settings:
    """Settings from the environment."""

    model: Path | str
    """Its folder, or its URI in MLflow."""
    tracking_uri: str
    model_version: str | None
    model_name: str
    port: int
    drain_seconds: float

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises ValueError that names the invalid variable."""
        version = environment.get("MODEL_VERSION")
        model = _model(environment.get("MODEL_URI"), version)
        tracking_uri = environment.get("MLFLOW_TRACKING_URI", "")
        if isinstance(model, str) and not tracking_uri:
            raise ValueError(f"set MLFLOW_TRACKING_URI, or another MODEL_URI than {model}")
        return cls(
            model=model,
            tracking_uri=tracking_uri,
            model_version=version,
            model_name=environment.get("MODEL_NAME", "loan"),
            port=int(_number(environment, "PORT", "8080")),
            drain_seconds=_number(environment, "DRAIN_SECONDS", "5"),
        )


def _model(uri: str | None, version: str | None) -> Path | str:
    if uri is None:
        if version is None:
            raise ValueError("set MODEL_URI, or MODEL_VERSION for a model in the image")
        return Path("/models") / version
    parts = urlsplit(uri)
    if parts.scheme in ("", "file") and not parts.netloc and parts.path.startswith("/"):
        return Path(parts.path)
    if parts.scheme in ("pvc", "oci"):
        return MOUNTED
    if parts.scheme == "models":
        return uri
    raise ValueError(
        f"MODEL_URI must be file:///…, an absolute path, pvc://, oci:// or models:/, not {uri}"
    )


def load(settings: Settings) -> Scorecard:
    """The model. Load only your own: unpickling runs code."""
    if isinstance(settings.model, Path):
        return scorecard.load(settings.model)
    if (MOUNTED / scorecard.ARTEFACT).exists():  # an init container has downloaded it
        return scorecard.load(MOUNTED)
    registry = Registry(settings.tracking_uri)
    return scorecard.loads(registry.read(registry.find(settings.model), scorecard.ARTEFACT))


def _number(environment: Mapping[str, str], name: str, default: str) -> float:
    text = environment.get(name, default)
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < 65536:
        raise ValueError(f"{name} must be a number from 0 to 65535, not {text!r}")
    return number


class ModelServer:
    """The endpoints of one model. While draining, it serves but is not ready."""

    def __init__(
        self,
        model: Scorecard,
        *,
        name: str = "loan",
        version: str | None = None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self.model = model
        self.name = name
        self.version = version or model.version
        self.draining = False
        self.registry = registry
        self.metrics = ModelMetrics(
            classes=CLASSES,
            groups=GROUPS,
            outcomes=OUTCOMES,
            features=FEATURE_BOUNDS,
            categories=FEATURE_CATEGORIES,
            registry=registry,
        )

    def app(self) -> ASGIApp:
        model = f"/v2/models/{self.name}"
        routes = [
            Route("/v2", self.server_metadata),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            Route(model, self.model_metadata),
            Route(f"{model}/ready", self.ready),
            Route(f"{model}/infer", self.infer, methods=["POST"]),
            Route("/feedback", self.feedback, methods=["POST"]),
            Route("/metrics", self.exposition),
        ]
        return self._with_headers(Starlette(routes=routes))

    def _with_headers(self, app: ASGIApp) -> ASGIApp:
        """Adds the version to every response, and while draining asks the client to reconnect, so
        that no request is sent on a connection that is about to close."""

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(scope=message)
                    headers["model-version"] = self.version
                    if self.draining:
                        headers["connection"] = "close"
                await send(message)

            await app(scope, receive, send_with_headers)

        return wrapped

    async def server_metadata(self, request: Request) -> Response:
        return JSONResponse({"name": "model-server", "version": self.version, "extensions": []})

    async def model_metadata(self, request: Request) -> Response:
        return JSONResponse(metadata(self.name, self.version))

    async def live(self, request: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:
        return JSONResponse(
            {"name": self.name, "ready": not self.draining},
            status_code=503 if self.draining else 200,
        )

    async def exposition(self, request: Request) -> Response:
        body = prometheus_client.generate_latest(self.registry)
        return Response(body, headers={"content-type": prometheus_client.CONTENT_TYPE_LATEST})

    async def infer(self, request: Request) -> Response:
        body = await _body(request)
        with self.metrics.request() as counted:
            if body is None:
                counted.code = 413
                return _too_long()
            try:
                batch = parse(body)
            except InputError as error:
                counted.code = 400
                return _error(400, str(error))
            self._count_inputs(batch)  # before it may fail on some, which stable gets too
            try:
                scores = await run_in_threadpool(self.model.scores, batch.rows)
            except Exception as error:
                # Any exception of the model fails this request only.
                log.error("model %s failed: %s: %s", self.version, type(error).__name__, error)
                counted.code = 500
                return _error(500, f"model {self.version} failed on this input")
            classes = self.model.classes(scores)
            self._count_predictions(batch, scores, classes)
            return JSONResponse(response(self.name, self.version, batch, scores, classes))

    def _count_predictions(self, batch: Batch, scores: Vector, classes: list[str]) -> None:
        for group, score, class_ in zip(batch.groups, scores.tolist(), classes, strict=True):
            self.metrics.prediction(class_, score, group)

    def _count_inputs(self, batch: Batch) -> None:
        for row in batch.rows.tolist():
            for feature, value in zip(FEATURES, row, strict=True):
                if feature in FEATURE_BOUNDS:
                    self.metrics.feature(feature, value)
                elif feature in FEATURE_CATEGORIES:
                    self.metrics.feature(feature, None if value != value else f"{value:g}")

    async def feedback(self, request: Request) -> Response:
        """Count the outcome of a prediction: {"model_version", "outcome", "group"}.

        An outcome belongs to the version that answered. Another version refuses it with 421
        (Misdirected Request): send it again, until it reaches the right one.
        """
        body = await _body(request)
        if body is None:
            return _too_long()
        try:
            fields = json.loads(body)
        except ValueError as error:
            return _error(400, f"the body is not JSON: {error}")
        if not isinstance(fields, dict):
            return _error(400, "the body must be an object")
        if fields.get("outcome") not in OUTCOMES:
            return _error(400, f'"outcome" must be one of {", ".join(OUTCOMES)}')
        if not isinstance(group := fields.get("group", ""), str):
            return _error(400, '"group" must be a string')
        if fields.get("model_version") != self.version:
            return _error(421, f"this is version {self.version}")
        self.metrics.feedback(fields["outcome"], group)
        return Response(status_code=204)


async def _body(request: Request) -> bytes | None:
    """The request's body, or None if it is longer than MAX_BODY."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _too_long() -> Response:
    return _error(413, f"the body is longer than {MAX_BODY} bytes")


def _error(code: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=code)


class DrainingServer(uvicorn.Server):
    """After SIGTERM, serve while not ready until clients have stopped sending requests.

    Proxies learn that a pod ends only some time after the pod does. A second signal ends at once.
    """

    def __init__(self, config: uvicorn.Config, model_server: ModelServer, drain: float) -> None:
        super().__init__(config)
        self._model_server = model_server
        self._drain = drain
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._model_server.draining:
            super().handle_exit(sig, frame)
            return
        self._model_server.draining = True
        log.info("draining for %g s", self._drain)
        self._loop.call_soon_threadsafe(
            self._loop.call_later, self._drain, super().handle_exit, sig, frame
        )


async def serve(settings: Settings) -> None:
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    model_server = ModelServer(
        load(settings),
        name=settings.model_name,
        version=settings.model_version,
    )
    config = uvicorn.Config(
        model_server.app(),
        host="0.0.0.0",
        port=settings.port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=20,
    )
    log.info("serving %s from %s", model_server.version, settings.model)
    await DrainingServer(config, model_server, settings.drain_seconds).serve()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = Settings.of(os.environ)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
