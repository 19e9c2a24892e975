"""A reader's shell: what the documents tell to type, typed."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Self

from tests.integration.conftest import ROOT, kubectl
from tests.support.inprocess import Operator


class Shell:
    """bash in a folder, with kubectl and serinus, in a namespace."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder

    @classmethod
    def of(cls, environment: dict[str, str], namespace: str, scratch: Path, folder: Path) -> Self:
        """`scratch` gets a kubeconfig of the namespace, and the command serinus."""
        config = scratch / "kubeconfig"
        config.write_text(Path(environment["KUBECONFIG"]).read_text("utf-8"))
        there = (f"--namespace={namespace}", f"--kubeconfig={config}")
        kubectl("config", "set-context", "--current", *there)
        command = scratch / "serinus"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m serinus.cli "$@"\n')
        command.chmod(0o755)
        found = {
            "KUBECONFIG": str(config),
            "PATH": f"{scratch}:{environment['PATH']}",
            "PYTHONPATH": str(ROOT / "operator"),
        }
        return cls({**os.environ, **found}, folder)

    async def type(self, command: str, operator: Operator, moving: float = 0.0) -> tuple[int, str]:
        """The exit code and all output; meanwhile the operator's time moves, by so much at once."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", command),
            cwd=self._folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told = asyncio.create_task(process.communicate())
        while not (await asyncio.wait([told], timeout=0.03))[0]:
            if moving:
                operator.move(moving)
        assert process.returncode is not None
        return process.returncode, (await told)[0].decode()

    async def succeed(self, command: str, operator: Operator, moving: float = 0.0) -> str:
        """The output of a command that must not fail."""
        code, told = await self.type(command, operator, moving)
        assert code == 0, f"{command}: {told}"
        return told
