"""A real MLflow for a cluster: its image, and how it is deployed."""

from pathlib import Path
from typing import Final

import yaml

from tests.stage.api import Manifest
from tests.stage.images import Source

FOLDER: Final = Path(__file__).with_name("mlflow")
IMAGE: Final = Source("localhost/mlflow", FOLDER)


def manifests(image: str, namespace: str) -> list[Manifest]:
    """Its Deployment and its Service."""
    text = (FOLDER / "mlflow.yaml").read_text(encoding="utf-8")
    text = text.replace("IMAGE", image).replace("NAMESPACE", namespace)
    return list(yaml.safe_load_all(text))
