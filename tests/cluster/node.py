"""Process 1 of the box that a bare cluster lives in: it makes the room, then keeps it running.

Started by box.py as `unshare … python -m tests.cluster.node FOLDER` with a plan on its standard
input. Everything it mounts, links and starts is inside its own namespaces and ends with it.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SERVICE_CIDR = "10.96.0.0/16"
LINK_IN_BOX = "host"
_START_SECONDS = 180.0
_RESTART_SECONDS = 1.0

# The kubelet sets these for the whole machine; here it finds files that already say so.
_KUBELET_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}

_NETWORK_SYSCTLS = {
    "ip_forward": "1",
    # A killed box's connections would keep its links for minutes, knocking at pods that are gone.
    "tcp_orphan_retries": "1",
    "tcp_fin_timeout": "1",
}


def main() -> None:
    """Make the room that the plan describes and run its components until killed."""
    folder = Path(sys.argv[1])
    plan = json.load(sys.stdin)
    make_mounts(folder, plan["parts"])
    make_links(plan["address"], plan["nodes"])
    supervise(plan["components"])


def make_mounts(folder: Path, parts: dict[str, str]) -> None:
    """Give the box its own /proc, /run and /var, and every part at /run/parts/NAME."""
    _mount("-t", "proc", "proc", "/proc")
    _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    for name, path in parts.items():
        target = Path("/run/parts") / name
        target.mkdir(parents=True)
        _mount("--bind", path, str(target))
    Path("/run/resolv.conf").touch()
    _mount("--rbind", str(folder / "var"), "/var")
    for name, value in _KUBELET_SYSCTLS.items():
        stand_in = Path("/run/sysctl") / name
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(value + "\n", encoding="utf-8")
        _mount("--bind", str(stand_in), f"/proc/sys/{name}")


def make_links(address: str, nodes: list[str]) -> None:
    """Give the nodes their addresses on a bridge without ports, and the host's link its own."""
    for name, value in _NETWORK_SYSCTLS.items():
        Path("/proc/sys/net/ipv4", name).write_text(value, encoding="utf-8")
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "node", "type", "bridge")
    for each in nodes:
        _ip("addr", "add", f"{each}/32", "dev", "node")
    _ip("link", "set", "node", "up")
    _ip("route", "add", SERVICE_CIDR, "dev", "node", "src", nodes[0])
    _ip("addr", "add", f"{address}/30", "dev", LINK_IN_BOX)
    _ip("link", "set", LINK_IN_BOX, "up")


def supervise(components: list[dict[str, Any]]) -> None:
    """Start the components in order, then start again each one that ends, for ever."""
    running: dict[int, dict[str, Any]] = {}
    for component in components:
        running[_start(component)] = component
        if component["port"]:
            _wait_for(component["name"], component["port"])
    while True:
        pid, status = os.wait()
        if pid in running:
            component = running.pop(pid)
            print(f"{component['name']} ended with {status}; starting it again", flush=True)
            time.sleep(_RESTART_SECONDS)
            running[_start(component)] = component


def _start(component: dict[str, Any]) -> int:
    """Start one component, its output appended to /var/log/NAME.log, and return its pid."""
    environment = os.environ | component["environment"]
    with Path(f"/var/log/{component['name']}.log").open("ab") as log:
        process = subprocess.Popen(
            component["argv"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process.pid


def _wait_for(name: str, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{name} did not open port {port} within {_START_SECONDS:.0f} s")


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


if __name__ == "__main__":
    main()
