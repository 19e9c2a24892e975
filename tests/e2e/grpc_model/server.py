"""A model that speaks gRPC and no HTTP/1: it answers every call with its version."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc
from prometheus_client import Counter, start_http_server

SERVING = b"\x08\x01"
"""A HealthCheckResponse, serialized."""
ANSWERED = Counter("model_requests", "Requests answered, by status code.", ["code"])


def predict(request: bytes, context: grpc.ServicerContext) -> bytes:
    ANSWERED.labels("200").inc()
    return os.environ["MODEL_VERSION"].encode()


def check(request: bytes, context: grpc.ServicerContext) -> bytes:
    return SERVING


def main() -> None:
    start_http_server(8080)
    server = grpc.server(ThreadPoolExecutor(4))
    for service, method, answer in (
        ("serinus.Model", "Predict", predict),
        ("grpc.health.v1.Health", "Check", check),
    ):
        handlers = {method: grpc.unary_unary_rpc_method_handler(answer)}
        handler = grpc.method_handlers_generic_handler(service, handlers)
        server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port("[::]:8081")
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=10))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
