"""What this machine is and has: the user, the operating system's tools, a container engine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cluster import cache
from tests.cluster.progress import run
from tests.cluster.versions import VERSIONS


class UnfitError(Exception):
    """This machine cannot carry the cluster; the message says why and what to do."""


def engine() -> str | None:
    """The container engine that answers here, "docker" or "podman", or None."""
    for name in ("docker", "podman"):
        if shutil.which(name) and _succeeds([name, "info"]):
            return name
    return None


def require_root() -> None:
    """Raise UnfitError where namespaces, mounts and links cannot be made."""
    if os.uname().sysname != "Linux" or os.uname().machine != "x86_64":
        raise UnfitError(
            "the bare cluster runs on Linux x86_64 only: start Docker or Podman and install kind, "
            "or name a cluster of your own with --backend existing"
        )
    if os.geteuid() != 0:
        raise UnfitError(
            "the bare cluster needs root: run this as root, or start Docker or Podman and install "
            "kind, or name a cluster of your own with --backend existing"
        )
    if not _succeeds(["unshare", "--mount", "--net", "--pid", "--fork", "true"]):
        raise UnfitError(
            "this machine lets even root make no namespaces (a container without privileges?): "
            "run it on a virtual machine or in a privileged container"
        )


def require_tools(log: Path) -> None:
    """Install the Debian packages the bare cluster needs and this machine lacks."""
    missing = [package for package in VERSIONS["debian"]["tools"] if not _installed(package)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise UnfitError(
            f"this machine has no apt-get to install {', '.join(missing)} with: use Debian, or "
            "name a cluster of your own with --backend existing"
        )
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    with cache.locked("apt"):
        run("updating the list of Debian packages", ["apt-get", "update"], log, env=env)
        run(f"installing {' '.join(missing)}", install, log, env=env)


def require_program(name: str) -> str:
    """The path of a program that the person at this machine has to bring."""
    found = shutil.which(name)
    if found is None:
        raise UnfitError(f"{name} is not on this machine's PATH: install it, or use --backend bare")
    return found


def can_overlay(folder: Path) -> bool:
    """Whether the folder's file system may lie under an overlay; asks by mounting one."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        layers = [Path(place, name) for name in ("lower", "upper", "work", "merged")]
        for layer in layers:
            layer.mkdir()
        lower, upper, work, merged = layers
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        mount = ["mount", "-t", "overlay", "-o", options, "overlay", str(merged)]
        return _succeeds(["unshare", "--mount", *mount])


def mirror() -> str:
    """The Debian mirror that this machine's own apt uses, as a URL."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(CODENAME) $(SITE)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for line in targets.splitlines():
        words = line.split()
        if words[:2] == ["Debian", "main"] and "-" not in words[2]:
            return words[3]
    raise UnfitError(
        "apt knows no Debian mirror here: use Debian, or name a cluster of your own "
        "with --backend existing"
    )


def _installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    found = subprocess.run(query, capture_output=True, text=True, check=False)
    return found.returncode == 0 and found.stdout == "installed"


def _succeeds(argv: list[str]) -> bool:
    quiet = subprocess.run(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=False
    )
    return quiet.returncode == 0
