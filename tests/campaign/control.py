"""The API server that a part of the campaign runs against, and namespaces for its runs."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

from tests.cluster.kubectl import Kubectl
from tests.stage.gateways import ACCEPTED, NAME, public

ROOT = Path(__file__).parents[2]


class Control:
    """A cluster whose API server and controllers are real, and whose pods are not."""

    def __init__(self, kubeconfig: Path, kubectl: str) -> None:
        self.kubeconfig = kubeconfig
        self._kubectl = kubectl

    @classmethod
    def up(cls, name: str) -> "Control":
        """Start it, or find it running."""
        up = [sys.executable, "-m", "tests.cluster", "up", "--profile", "control", "--name", name]
        subprocess.run(up, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return cls.found(name)

    @classmethod
    def found(cls, name: str) -> "Control":
        """One that is up; with our definition and our admission policy."""
        folder = ROOT / "build" / "cluster" / name
        tools = json.loads((folder / "cluster.json").read_text())["tools"]
        kubectl = tools["kubectl"]
        control = cls(folder / "kubeconfig", kubectl)
        control.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        control.kubectl("apply", "--server-side", "-f", "-", stdin=_policy(tools["helm"]))
        known = Kubectl(Path(kubectl), control.kubeconfig)
        known.wait_for_crd("modeldeployments.serinus.dev")
        return control

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run the cluster's kubectl. Raises CalledProcessError if it fails."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(
            [self._kubectl, *arguments],
            env=environment,
            input=stdin,
            text=True,
            capture_output=True,
            check=True,
        )
        return done.stdout

    def namespaces(self, count: int) -> list[str]:
        """So many new ones, each with a Gateway."""
        names = [f"c-{secrets.token_hex(4)}" for _ in range(count)]
        new = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in names]
        gateways = [public(name) for name in names]
        listed = {"apiVersion": "v1", "kind": "List", "items": [*new, *gateways]}
        self.kubectl("create", "-f", "-", stdin=json.dumps(listed))
        accepted = (
            "--subresource=status",
            "--type=merge",
            f"--patch={json.dumps({'status': ACCEPTED})}",
        )
        for name in names:
            self.kubectl("patch", "gateway", NAME, f"--namespace={name}", *accepted)
        return names

    def forget(self, namespaces: list[str]) -> None:
        """Delete them, and do not wait for it."""
        self.kubectl("delete", "namespace", "--wait=false", *namespaces)


def _policy(helm: str) -> str:
    """What guards approvals."""
    values = ("prometheus.url=http://unused", "image.repository=unused")
    sets = [f"--set={value}" for value in values]
    command = [helm, "template", "serinus", str(ROOT / "charts" / "serinus"), *sets]
    only = "--show-only=templates/approvals.yaml"
    return subprocess.run([*command, only], text=True, capture_output=True, check=True).stdout
