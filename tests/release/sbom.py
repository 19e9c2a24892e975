"""A software bill of materials of an image, from what the image itself holds.

Source: CycloneDX 1.6 (ECMA-424); package URLs (ECMA-427).
"""

import re
import tarfile
import uuid
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.release.commits import Commit

_DPKG = "var/lib/dpkg/status"
_SYSTEM = "usr/lib/os-release"

Component = dict[str, Any]


def document(name: str, version: str, commit: Commit, layers: Sequence[Path]) -> dict[str, Any]:
    """The SBOM of the image with these layers: its operating system and all its packages."""
    found = _files(layers)
    system = dict(_assignments(found[_SYSTEM]))
    identity = f"{name}:{version} {commit.id}"
    image = {"type": "container", "bom-ref": name, "name": name, "version": version}
    packages = {each["bom-ref"]: each for each in (*_python(found), *_debian(found, system))}
    os = {"type": "operating-system", "bom-ref": "os"}
    named = {"name": system["ID"], "version": system["VERSION_ID"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, identity)}",
        "version": 1,
        "metadata": {"timestamp": commit.time, "component": image},
        "components": [os | named, *(packages[ref] for ref in sorted(packages))],
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


def _python(found: dict[str, bytes]) -> Iterator[Component]:
    for path, content in found.items():
        if path.endswith(".dist-info/METADATA"):
            about = message_from_bytes(content)
            name, version = about["Name"], about["Version"]
            purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{quote(version)}"
            yield _library(purl, name, version) | _licenses(about)


def _licenses(about: Message) -> Component:
    """The licence of a Python package, if its metadata name one: texts of licences are left out."""
    if expression := about.get("License-Expression"):
        return {"licenses": [{"expression": expression}]}
    name = about.get("License", "").strip()
    return {"licenses": [{"license": {"name": name}}]} if name and "\n" not in name else {}


def _debian(found: dict[str, bytes], system: dict[str, str]) -> Iterator[Component]:
    distro = f"{system['ID']}-{system['VERSION_ID']}"
    for paragraph in found[_DPKG].split(b"\n\n"):
        about = message_from_bytes(paragraph)
        if about.get("Status", "").endswith(" installed"):
            name, version = about["Package"], about["Version"]
            place = f"{system['ID']}/{name}@{quote(version, safe=':')}"
            purl = f"pkg:deb/{place}?arch={about['Architecture']}&distro={distro}"
            yield _library(purl, name, version)


def _library(purl: str, name: str, version: str) -> Component:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _assignments(shell: bytes) -> Iterator[tuple[str, str]]:
    for line in shell.decode().splitlines():
        key, _, value = line.partition("=")
        yield key, value.strip("\"'")
