"""The operator as its users install it: by the chart."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.stage.api import Api, Manifest
from tests.stage.deadline import until
from tests.stage.images import ROOT

NO_MORE: Final[Mapping[str, str]] = {}
_CHART: Final = ROOT / "charts" / "serinus"


@dataclass(frozen=True)
class Operator:
    """A release in the cluster, and the class of ModelDeployments that it acts on."""

    api: Api
    helm: Path
    prometheus_url: str
    namespace: str = "serinus-system"
    release: str = "serinus"
    klass: str = "default"
    replicas: int = 2

    def install(self, image: str, settings: Mapping[str, str] = NO_MORE) -> None:
        """Install or upgrade to an image, and wait until the new pods are ready; with these values
        of the chart beside the usual ones, or instead of them."""
        repository, _, tag = image.rpartition(":")
        usual = {
            "image.repository": repository,
            "prometheus.url": self.prometheus_url,
            "class": self.klass,
            "fullnameOverride": self.release,
            "replicas": str(self.replicas),
            "crds.enabled": "false",  # several releases share them
        }
        sets = [f"--set={name}={value}" for name, value in {**usual, **settings}.items()]
        sets.insert(0, f"--set-string=image.tag={tag}")  # a digest may have no letter
        self._upgrade_crds()
        self._helm("upgrade", "--install", self.release, str(_CHART), "--create-namespace", *sets)
        self.until_ready()

    def test(self) -> None:
        """Run the release's own test."""
        self._helm("test", self.release)

    def uninstall(self) -> None:
        """Remove the release, and wait until its pods are gone."""
        self._helm("uninstall", self.release, "--ignore-not-found", "--wait")
        until("the operator's pods are gone", lambda: not self.pods(), 180)

    def pods(self) -> Sequence[Manifest]:
        """The operator's pods."""
        labels = {
            "app.kubernetes.io/name": "serinus",
            "app.kubernetes.io/instance": self.release,
        }
        return self.api.list("Pod", self.namespace, labels)

    def until_ready(self, within: float = 240) -> None:
        """Wait until the Deployment has rolled out, and no older pod is left."""
        until("the operator is ready", self._ready, within, seen=self.told)

    def kill(self) -> None:
        """SIGKILL its process, as the kernel does to one that takes too much memory.

        Nothing inside of a container can kill its first process, so the node must be this machine.
        """
        uids = [pod["metadata"]["uid"] for pod in self.pods()]
        killed = [pid for uid in uids for pid in _processes(uid)]
        if not killed:
            raise RuntimeError("no process of the operator's pods runs on this machine")
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

    def told(self) -> str:
        """The end of the operator's log."""
        pods = f"--selector=app.kubernetes.io/instance={self.release}"
        words = ("logs", f"--namespace={self.namespace}", pods, "--prefix", "--tail=40")
        try:
            return self.api.run(*words)
        except RuntimeError as error:
            return str(error)

    def _ready(self) -> bool:
        live = self.api.get("Deployment", self.namespace, self.release)
        status, wanted = live["status"], live["spec"]["replicas"]
        return bool(
            status.get("observedGeneration") == live["metadata"]["generation"]
            and status.get("updatedReplicas") == wanted == status.get("availableReplicas")
            and len(self.pods()) == wanted
        )

    def _upgrade_crds(self) -> None:
        self.api.run("apply", "--server-side", "--force-conflicts", f"--filename={ROOT / 'crds'}")

    def _helm(self, *words: str) -> None:
        place = [f"--kubeconfig={self.api.kubeconfig}", f"--namespace={self.namespace}"]
        ended = subprocess.run(
            [str(self.helm), *words, *place], capture_output=True, text=True, check=False
        )
        if ended.returncode != 0:
            raise RuntimeError(f"helm {words[0]}: {ended.stderr.strip()}")


def _processes(pod: str) -> list[int]:
    """Processes of a pod's containers, the pause container left out."""
    names = {pod, pod.replace("-", "_")}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            group = (entry / "cgroup").read_text(encoding="utf-8")
            command = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if any(name in group for name in names) and b"serinus.controller" in command:
            found.append(int(entry.name))
    return found
