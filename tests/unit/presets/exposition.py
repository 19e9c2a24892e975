"""What servers export: a sample of each, and what is counted in it."""

from pathlib import Path

SAMPLES = Path(__file__).parent / "samples"
ERRORS = {
    "BentoML": (3000, 60),
    "Contour": (3000, 60),
    "EnvoyGateway": (3000, 60),
    "Istio": (3000, 60),
    "IstioGateway": (3000, 60),
    "KServe": (3000, 60),
    "MLServer": (3000, 60),
    "RayServe": (3000, 60),  # 15 clients gave up
    "TensorFlowServing": (3000, 60),
    "Triton": (3000, 45),  # 15 clients gave up, which is no failure of the model's
    "vLLM": (3000, 45),  # 15 requests were refused as wrong
}
"""Requests and errors in each sample of a server that tells them."""
SLOWER = {
    ("BentoML", "request"): (0.05, 40, 3000),
    ("Contour", "request"): (10.0, 140, 2950),
    ("EnvoyGateway", "request"): (50.0, 140, 2950),
    ("Istio", "request"): (25.0, 340, 2940),
    ("IstioGateway", "request"): (25.0, 360, 3000),
    ("KServe", "postprocess"): (0.005, 40, 2940),
    ("KServe", "preprocess"): (0.005, 100, 3000),
    ("KServe", "request"): (0.01, 700, 3000),
    ("MLServer", "grpc"): (0.005, 100, 500),
    ("MLServer", "request"): (0.01, 440, 2500),
    ("RayServe", "request"): (50.0, 40, 3000),
    ("TensorFlowServing", "request"): (6426.84, 140, 2940),
    ("TensorFlowServing", "runtime"): (1983.59, 140, 2940),
    ("Triton", "firstResponse"): (500.0, 20, 2940),
    ("vLLM", "queueTime"): (0.3, 140, 2940),
    ("vLLM", "request"): (1.5, 140, 2940),
    ("vLLM", "timePerOutputToken"): (0.05, 40, 2940),
    ("vLLM", "timeToFirstToken"): (0.25, 40, 2940),
}
"""A bound in the server's unit, requests slower than that, and all requests, in each sample."""
BACKEND = ("shop", "fraud-7d9c5b")
"""Namespace and name of the Service that is meant where the sample is a gateway's."""


def sample(preset: str) -> str:
    """In Prometheus's text format."""
    return (SAMPLES / f"{preset}.txt").read_text()
