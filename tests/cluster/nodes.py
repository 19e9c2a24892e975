"""The nodes of a box: each a containerd and a kubelet, with files, addresses and a port of its own.

They share the box's processes, mounts and network: what leads to a pod of one leads there from all.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Node:
    """A node, and where what belongs to it alone is."""

    name: str
    address: str
    pods: str
    """The addresses that its pods get."""
    port: int = 10250
    """Of its kubelet, for the API server."""
    health_port: int = 10248
    mark: str = ""
    """What the names of its files, folders and components end with."""

    @property
    def containerd(self) -> str:
        """The socket of its containerd, as the box sees it."""
        return f"/run/containerd{self.mark}/containerd.sock"

    def cgroup(self, box: str) -> str:
        """Its control group in that of the box."""
        return f"{box}/{self.name}" if self.mark else box


FIRST: Final = Node("node", "10.99.0.1", "10.244.0.0/17")
SECOND: Final = Node("node-2", "10.99.0.2", "10.244.128.0/17", 10260, 10258, "-2")
POD_CIDR: Final = "10.244.0.0/16"
