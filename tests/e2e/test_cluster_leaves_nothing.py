"""The bare cluster: killed, started again, ended, and no trace of it on the machine.

Runs beside other clusters, also such as begin, end or are killed meanwhile: what is theirs is left
out of the comparison.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import cache, cgroups, description
from tests.cluster.box import Box
from tests.cluster.kubectl import Kubectl
from tests.stage.deadline import until

NAME = "leaves-nothing"
ROOT = Path(__file__).parents[2]
PLACES = (  # what a kubelet, a container runtime or a network plugin might leave on the machine
    "/etc/cni/net.d",
    "/etc/kubernetes",
    "/run/containerd",
    "/run/netns",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)
SETTINGS = (  # and what they might set
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "net/ipv4/tcp_orphan_retries",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)


@dataclass(frozen=True)
class Traces:
    """What is on this machine that is not another cluster's."""

    mounts: frozenset[str]
    links: frozenset[str]
    nftables: str
    control_groups: frozenset[str]
    places: frozenset[str]
    settings: tuple[str, ...]


@pytest.fixture
def box() -> Iterator[Box]:
    """The box of a cluster that no other test knows, gone before and after."""
    run("down")
    yield Box(description.folder_of(NAME))
    run("down")


if os.geteuid() == 0:

    @pytest.mark.live
    @pytest.mark.parametrize(
        "options", [(), ("--second-node",)], ids=["of one node", "of two nodes"]
    )
    def test_a_killed_cluster_comes_back_as_it_was_and_once_ended_leaves_nothing(
        box: Box, options: tuple[str, ...]
    ) -> None:
        before = traces()
        run("up", "--backend=bare", *options)
        kubectl(box).call("create", "configmap", "kept", "--from-literal=since=before")
        spaces = process_namespaces(box)

        os.kill(holder(box), signal.SIGKILL)
        run("up", "--backend=bare", *options)

        assert kubectl(box).get("configmap", "kept")["data"] == {"since": "before"}
        spaces += process_namespaces(box)
        run("down")
        assert processes_in(spaces) == []
        assert_nothing_is_left(box, before)

    def test_a_control_cluster_leaves_nothing(box: Box) -> None:
        before = traces()
        run("up", "--backend=bare", "--profile=control")
        spaces = process_namespaces(box)
        run("down")
        assert processes_in(spaces) == []
        assert_nothing_is_left(box, before)

else:

    def test_one_sentence_says_that_a_bare_cluster_needs_root() -> None:
        up = [sys.executable, "-m", "tests.cluster", "up", "--backend=bare", f"--name={NAME}"]
        tried = subprocess.run(up, cwd=ROOT, capture_output=True, text=True, check=False)
        assert tried.returncode == 3
        assert "needs root" in tried.stderr
        assert len(tried.stderr.splitlines()) == 1


def run(command: str, *options: str) -> None:
    """Run a command of the cluster tool on this test's own cluster."""
    tool = [sys.executable, "-m", "tests.cluster", command, f"--name={NAME}", *options]
    subprocess.run(tool, cwd=ROOT, check=True)


def kubectl(box: Box) -> Kubectl:
    """The kubectl that the cluster's own description names."""
    cluster = description.read(box.folder)
    assert cluster is not None
    return Kubectl(Path(cluster["tools"]["kubectl"]), Path(cluster["kubeconfig"]))


def holder(box: Box) -> int:
    """The process whose end is the box's."""
    (found,) = (pid for pid, is_first in box.processes().items() if not is_first)
    return found


def process_namespaces(box: Box) -> list[int]:
    """The process namespaces of the box and of every pod in it, held open.

    Every process of a box is in one of them. An open one keeps its number; the number of one
    that is gone may be given to a pod of another cluster.
    """
    (first,) = (pid for pid, is_first in box.processes().items() if is_first)
    parents = {pid: parent(pid) for pid in processes()}
    inside = {first}
    while more := {pid for pid, above in parents.items() if above in inside} - inside:
        inside |= more
    spaces = {space: pid for pid in inside if (space := process_namespace(pid))}
    return [os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY) for pid in spaces.values()]


def processes_in(spaces: list[int]) -> list[int]:
    """The processes that live in any of these namespaces, which are closed."""
    numbers = {os.fstat(space).st_ino for space in spaces}
    found = [pid for pid in processes() if process_namespace(pid) in numbers]
    for space in spaces:
        os.close(space)
    return [pid for pid in found if lives(pid)]


def processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def lives(pid: int) -> bool:
    """Whether a process is more than an exit code that the machine's first has yet to read."""
    return (stat(pid) or ["Z"])[0] != "Z"


def parent(pid: int) -> int | None:
    words = stat(pid)
    return int(words[1]) if words else None


def stat(pid: int) -> list[str]:
    """The words of /proc/PID/stat from the state on; none if it ended while we looked."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def process_namespace(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None  # it ended while we looked, or is one that no child of ours can be


def assert_nothing_is_left(box: Box, before: Traces) -> None:
    """What bears the box's name is gone at once; the machine looks as before as soon as others have
    taken back what they, too, use for a while."""
    assert not box.folder.exists()
    assert box.link() is None
    assert not [tree for tree in cgroups.trees() if (tree / box.name).exists()]
    until(
        "the machine is as before", lambda: traces() == before, 60, seen=lambda: (before, traces())
    )


def traces() -> Traces:
    """Look at everything that a cluster could change on this machine."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    links = json.loads(output("ip", "-json", "link", "show"))
    ours = Box(description.folder_of(NAME)).name
    groups = [path for tree in cgroups.trees() for path in cgroups.below(tree)]
    return Traces(
        mounts=frozenset(path for path in mounts if not path.startswith(str(cache.root()))),
        links=frozenset(link["ifname"] for link in links if not is_anothers_cable(link, ours)),
        nftables=output("nft", "list", "ruleset"),
        control_groups=frozenset(str(path) for path in groups if not is_of_another(path, ours)),
        places=frozenset(place for place in PLACES if Path(place).exists()),
        settings=tuple(Path("/proc/sys", name).read_text() for name in SETTINGS),
    )


def is_anothers_cable(link: dict[str, str], ours: str) -> bool:
    """Whether a link leads to another cluster; a moment long it has a name and not yet an owner."""
    return link["ifname"].startswith("serinus") and link.get("ifalias") != ours


def is_of_another(group: Path, ours: str) -> bool:
    """Whether a control group belongs to another cluster."""
    return any(part.startswith("serinus-") and part != ours for part in group.parts)


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
