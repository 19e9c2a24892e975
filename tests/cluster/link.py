"""The one cable between the machine and a box: a veth pair with an address no other box has."""

import json
import subprocess
from dataclasses import dataclass

from tests.cluster import cache
from tests.cluster.node import LINK_IN_BOX

_SLOTS = range(64)


@dataclass(frozen=True)
class Link:
    """A cable; its slot gives both ends their addresses, a /30 of 169.254.77.0/24."""

    slot: int

    @property
    def name(self) -> str:
        """The end that stays on the machine."""
        return f"serinus{self.slot}"

    @property
    def host_address(self) -> str:
        """The machine's address on the cable."""
        return f"169.254.77.{4 * self.slot + 1}"

    @property
    def box_address(self) -> str:
        """The box's address on the cable."""
        return f"169.254.77.{4 * self.slot + 2}"


def lay(pid: int, owner: str) -> Link:
    """Lay a cable from the machine to the network namespace of a process.

    `owner` is written on it, so that a run that was killed half-way can be cleaned up after.
    """
    with cache.locked("links"):
        taken = {link["ifname"] for link in _links()}
        link = next(link for link in map(Link, _SLOTS) if link.name not in taken)
        peer = ["peer", "name", LINK_IN_BOX, "netns", str(pid)]
        _ip("link", "add", link.name, "type", "veth", *peer)
        _ip("link", "set", link.name, "alias", owner)
        _ip("addr", "add", f"{link.host_address}/30", "dev", link.name)
        _ip("link", "set", link.name, "up")
    return link


def of(owner: str) -> Link | None:
    """The owner's cable, or None where it has none."""
    for link in _links():
        if link.get("ifalias") == owner:
            return Link(int(link["ifname"].removeprefix("serinus")))
    return None


def take_up(owner: str) -> None:
    """Remove the owner's cable, which may be going of itself."""
    cable = of(owner)
    if cable is not None:
        tried = subprocess.run(
            ["ip", "link", "delete", cable.name], capture_output=True, text=True, check=False
        )
        if of(owner) is not None:
            raise OSError(f"cannot remove the link {cable.name}: {tried.stderr.strip()}")


def _links() -> list[dict[str, str]]:
    shown = subprocess.run(["ip", "-json", "link", "show"], check=True, capture_output=True)
    links: list[dict[str, str]] = json.loads(shown.stdout)
    return links


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
