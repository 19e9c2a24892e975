"""A software bill of materials of an image, from what the image itself holds.

Source: CycloneDX 1.6 (ECMA-424); package URLs (ECMA-427).
"""

import tarfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.release.commits import Commit

_DPKG = "var/lib/dpkg/status"
_SYSTEM = "usr/lib/os-release"


@dataclass(frozen=True, order=True)
class Package:
    """An installed package, from PyPI or from the operating system."""

    purl: str
    name: str
    version: str
    license: str = ""

    @property
    def component(self) -> dict[str, Any]:
        """The package as CycloneDX lists it."""
        licenses = {"licenses": [{"expression": self.license}]} if self.license else {}
        named = {"name": self.name, "version": self.version, "purl": self.purl}
        return {"type": "library", "bom-ref": self.purl} | named | licenses


def document(name: str, version: str, commit: Commit, layers: Sequence[Path]) -> dict[str, Any]:
    """The SBOM of the image with these layers: its operating system and all its packages."""
    found = _files(layers)
    system = dict(_assignments(found[_SYSTEM]))
    identity = f"{name}:{version} {commit.id}"
    image = {"type": "container", "bom-ref": name, "name": name, "version": version}
    listed = [package.component for package in sorted({*_python(found), *_debian(found, system)})]
    os = {"type": "operating-system", "bom-ref": "os"}
    named = {"name": system["ID"], "version": system["VERSION_ID"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, identity)}",
        "version": 1,
        "metadata": {"timestamp": commit.time, "component": image},
        "components": [os | named, *listed],
    }


def _files(layers: Sequence[Path]) -> dict[str, bytes]:
    """The files that describe packages, by path; a later layer replaces those of an earlier one."""
    found = {}
    for layer in layers:
        with tarfile.open(layer) as tar:
            for entry in tar:
                path = entry.name.removeprefix("./")
                if path in (_DPKG, _SYSTEM) or path.endswith(".dist-info/METADATA"):
                    content = tar.extractfile(entry)
                    found[path] = content.read() if content else b""
    return found


def _python(found: dict[str, bytes]) -> Iterator[Package]:
    for path, content in found.items():
        if path.endswith(".dist-info/METADATA"):
            about = message_from_bytes(content)
            name, version = about["Name"], about["Version"]
            normal = name.lower().replace("_", "-").replace(".", "-")
            purl = f"pkg:pypi/{normal}@{quote(version)}"
            yield Package(purl, name, version, about.get("License-Expression", ""))


def _debian(found: dict[str, bytes], system: dict[str, str]) -> Iterator[Package]:
    for paragraph in found[_DPKG].split(b"\n\n"):
        about: Message = message_from_bytes(paragraph)
        if about.get("Status", "").endswith(" installed"):
            name, version = about["Package"], about["Version"]
            distro = f"{system['ID']}-{system['VERSION_ID']}"
            place = f"{system['ID']}/{name}@{quote(version, safe=':')}"
            yield Package(
                f"pkg:deb/{place}?arch={about['Architecture']}&distro={distro}", name, version
            )


def _assignments(shell: bytes) -> Iterator[tuple[str, str]]:
    for line in shell.decode().splitlines():
        key, _, value = line.partition("=")
        yield key, value.strip("\"'")
