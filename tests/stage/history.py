"""What Prometheus would have of a pod that served before this test began: blocks, written by
promtool and put among those of the cluster's own Prometheus."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.cluster import parts
from tests.stage import prometheus
from tests.stage.api import Api, Manifest
from tests.stage.deadline import until

EVERY: Final = 15
"""Seconds between the samples of a history."""
_RELOADED: Final = 150.0
"""Seconds within which Prometheus has read new blocks; it looks once a minute."""
_NAMESPACE: Final = "monitoring"
_PORTER: Final = "history"
_NOBODY: Final = 65534

Labels = Mapping[str, str]


def requests(pod: Labels, rate: float, since: float, before: float) -> str:
    """The samples of a counter of requests that a pod with these labels answered well. Times are
    Unix seconds."""
    at = range(int(since), int(before), EVERY)

    def lines() -> Iterator[str]:
        for code, each in (("200", rate), ("400", 0.0), ("500", 0.0)):
            labels = ",".join(f'{key}="{value}"' for key, value in {**pod, "code": code}.items())
            for now in at:
                yield f"model_requests_total{{{labels}}} {each * (now - at.start):.0f} {now}\n"

    return "".join(lines())


def give(api: Api, image: str, url: str, samples: str, asked: str) -> None:
    """Give the cluster's Prometheus these samples; wait until it has an answer to a query of them.
    `url`: where it is asked from this machine."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "samples").write_text(f"{samples}# EOF\n", encoding="utf-8")
        blocks = folder / "blocks"
        blocks.mkdir()
        promtool = str(parts.go_part("promtool") / "bin" / "promtool")
        create = [promtool, "tsdb", "create-blocks-from", "openmetrics"]
        command = [*create, str(folder / "samples"), str(blocks)]
        subprocess.run(command, check=True, capture_output=True)
        _carry(api, image, blocks)
    until("Prometheus has the history", lambda: prometheus.query(url, asked), _RELOADED)


def _carry(api: Api, image: str, blocks: Path) -> None:
    """Copy blocks to where Prometheus keeps its own. It reads a folder as soon as it has the name
    of a block, so they get theirs when they are whole."""
    api.apply(_porter(image))
    where = [_PORTER, f"--namespace={_NAMESPACE}"]
    try:
        api.run("wait", f"pod/{_PORTER}", where[1], "--for=condition=Ready", "--timeout=120s")
        api.run("cp", str(blocks), f"{_NAMESPACE}/{_PORTER}:/data/incoming")
        move = "mv /data/incoming/* /data/ && rmdir /data/incoming"
        api.run("exec", *where, "--", "sh", "-c", move)
    finally:
        api.run("delete", "pod", *where, "--wait")


def _porter(image: str) -> Manifest:
    """A pod that sees the data of Prometheus, as the same user."""
    own = {"name": "data", "hostPath": {"path": "/var/lib/prometheus", "type": "Directory"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _PORTER, "namespace": _NAMESPACE},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsUser": _NOBODY, "runAsGroup": _NOBODY},
            "containers": [
                {
                    "name": "shell",
                    "image": image,
                    "command": ["sleep", "infinity"],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
            "volumes": [own],
        },
    }
