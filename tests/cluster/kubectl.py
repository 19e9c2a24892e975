"""kubectl, pointed at one cluster."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NotReadyError(Exception):
    """The cluster, or something in it, did not become what was waited for."""


@dataclass(frozen=True)
class Kubectl:
    """A kubectl program and the kubeconfig it is to use."""

    program: Path
    kubeconfig: Path

    def call(self, *words: str, stdin: str | None = None) -> str:
        """What `kubectl WORDS` prints; raise NotReadyError with its own words if it fails."""
        done = subprocess.run(
            [str(self.program), f"--kubeconfig={self.kubeconfig}", *words],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NotReadyError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *words: str) -> Any:
        """The object, or the list of objects, that `kubectl get WORDS` finds."""
        return json.loads(self.call("get", *words, "--output=json"))

    def apply(self, manifests: str) -> None:
        """Server-side apply, as the tool's own field manager."""
        options = ["--server-side", "--field-manager=serinus-cluster", "--force-conflicts"]
        self.call("apply", *options, "--filename=-", stdin=manifests)

    def wait(self, what: str, condition: str, *, namespace: str = "", seconds: int = 120) -> None:
        """Wait until the named object exists and meets a condition of `kubectl wait --for`."""
        place = [f"--namespace={namespace}"] if namespace else []
        timeout = f"--timeout={seconds}s"
        self.call("wait", what, "--for=create", timeout, *place)
        self.call("wait", what, f"--for={condition}", timeout, *place)

    def wait_for_crd(self, name: str, seconds: float = 60.0) -> None:
        """Wait until the API server serves a kind.

        Established is too early: if the kind is deleted while the API server initializes its
        storage, the deletion fails, and is tried again only after minutes.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.call("get", name, "--all-namespaces", "--output=name")
            except NotReadyError as error:
                if time.monotonic() > deadline:
                    message = f"the CRD {name} is not served after {seconds:g} s: {error}"
                    raise NotReadyError(message) from error
                time.sleep(0.1)
            else:
                return

    def wait_for_api(self, seconds: float = 180.0) -> None:
        """Wait until the API server says it is ready."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.call("get", "--raw=/readyz")
                return
            except NotReadyError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
