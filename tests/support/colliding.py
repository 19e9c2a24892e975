"""Two templates whose hashes have the same first 33 bits, as somebody found who searched for them.

That is all of the hash in a ModelDeployment with a long name, and in one that an earlier version
has rolled out.
"""

from typing import Any, Final

LONG_NAME: Final = "fraud-detection-of-card-payments-euro"
"""As long as a name may be."""


def _spec(image: str, build: str) -> dict[str, Any]:
    container = {"image": image, "name": "model", "ports": [{"containerPort": 8080}]}
    annotations = {"build": build}
    return {
        "template": {"metadata": {"annotations": annotations}, "spec": {"containers": [container]}}
    }


def colliding() -> tuple[dict[str, Any], dict[str, Any]]:
    """The harmless one, and the other."""
    return _spec("registry/fraud:1", "8baf"), _spec("registry/evil:1", "37004")
