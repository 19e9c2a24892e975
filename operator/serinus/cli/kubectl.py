"""Runs kubectl, which knows every kubeconfig, login plugin and proxy of its user."""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

from serinus.api.crd import GROUP, PLURAL
from serinus.api.nesting import allow_deep_nesting
from serinus.cli.files import InputError
from serinus.manifests.owner import Manifest

MODEL_DEPLOYMENTS: Final = f"{PLURAL}.{GROUP}"
_PATIENCE: Final = "--request-timeout=15s"
_TICK: Final = 1.0
"""Seconds between two turns of a watch in which nothing has changed."""
_END: Final = None
_LOGGED: Final = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+:\d+\] ")
"""How a line begins that kubectl logs, such as each try to reach the API server."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the options of the user."""

    options: tuple[str, ...] = ()
    """Such as --context and --namespace."""

    def __post_init__(self) -> None:
        allow_deep_nesting()

    def get(self, kind: str, name: str) -> Manifest:
        """One object. Raises InputError with kubectl's message, as all of these do."""
        return self._json("get", of=(kind, name))

    def every(self, kind: str, selector: str = "") -> list[Manifest]:
        """All objects of a kind that match the label selector."""
        found: list[Manifest] = self._json("get", f"--selector={selector}", of=(kind,))["items"]
        return found

    def user(self) -> str:
        """Name of the user, as the API server knows it."""
        name: str = self._json("auth", "whoami", of=())["status"]["userInfo"]["username"]
        return name

    def annotate(self, name: str, annotation: str, value: str) -> None:
        """Set an annotation of a ModelDeployment."""
        of = (MODEL_DEPLOYMENTS, name, f"{annotation}={value}")
        self._json("annotate", "--overwrite", of=of)

    def merge(self, name: str, changes: dict[str, Any]) -> Manifest:
        """Change these fields of a ModelDeployment."""
        patch = f"--patch={json.dumps(changes)}"
        return self._json("patch", "--type=merge", patch, of=(MODEL_DEPLOYMENTS, name))

    def watch(self, name: str) -> Iterator[Manifest | None]:
        """A ModelDeployment now and after each change; None every second without one.

        A broken connection is opened again. Raises InputError if the object cannot be read at
        first, or is deleted.
        """
        found: Manifest | None = None
        while True:
            watch = _Watch(self._watch_command(name))
            try:
                for event in watch.events():
                    if event and event["type"] == "ERROR":
                        break  # the API server has ended the watch, for example as too old
                    if event and event["type"] == "DELETED":
                        raise InputError(f"{name} was deleted")
                    found = event["object"] if event else found
                    yield event["object"] if event else None
            finally:
                error = watch.stop()
            if found is None or "(NotFound)" in error:
                raise InputError(_said(error))
            time.sleep(_TICK)
            yield None

    def every_change(self) -> Iterator[list[Manifest] | tuple[str, Manifest] | str]:
        """Each change of any ModelDeployment as the type of its event and the object, and now and
        then all of them, since a watch that was broken has missed some. A text: they cannot be
        read, until all of them follow; it says which right is missing, or is empty."""
        while True:
            watch = _Watch(self._watch_command())
            found: list[Manifest] | str = ""
            try:
                for event in watch.events():
                    if event is None and isinstance(found, str):
                        # read after the watch has begun, so that nothing falls between the two
                        found = self._all()
                        yield found
                    elif event and event["type"] == "ERROR":
                        break
                    elif event:
                        yield event["type"], event["object"]
            finally:
                error = watch.stop()
            if isinstance(found, str):
                yield found or _missing_right(error)
            time.sleep(_TICK)

    def _all(self) -> list[Manifest] | str:
        try:
            return self.every(MODEL_DEPLOYMENTS)
        except InputError as error:
            return _missing_right(str(error))

    def changes(self, name: str, within: float) -> Iterator[Manifest]:
        """A ModelDeployment now and after each change, for so many seconds at most."""
        deadline = time.monotonic() + within
        for changed in self.watch(name):
            if changed:
                yield changed
            if time.monotonic() > deadline:
                return

    def _watch_command(self, *names: str) -> list[str]:
        how = ("--watch", "--output-watch-events", "--output=json")
        return ["kubectl", "get", *how, *self.options, "--", MODEL_DEPLOYMENTS, *names]

    def _json(self, verb: str, *flags: str, of: Sequence[str]) -> Manifest:
        """What kubectl prints. A name that begins with a dash is no flag."""
        flags = *flags, "--output=json", _PATIENCE, *self.options
        command = ["kubectl", verb, *flags, "--", *of]
        try:
            done = subprocess.run(command, text=True, capture_output=True, check=False)
        except OSError as error:
            raise _not_installed(error) from None
        if done.returncode:
            raise InputError(_said(done.stderr))
        return dict(json.loads(done.stdout))


class _Watch:
    """A running kubectl get --watch."""

    def __init__(self, command: list[str]) -> None:
        try:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        except OSError as error:
            raise _not_installed(error) from None
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def events(self) -> Iterator[dict[str, Any] | None]:
        """What kubectl prints, until it ends; None if it prints nothing for a second."""
        document = ""
        while True:
            try:
                line = self._lines.get(timeout=_TICK)
            except Empty:
                yield None
                continue
            if line is _END:
                return
            document += line
            # the last line of an event, or its only one; those within are indented
            if not line[0].isspace() and line.rstrip().endswith("}"):
                yield json.loads(document)
                document = ""

    def stop(self) -> str:
        """End kubectl; what it printed as errors."""
        self._process.kill()
        self._reader.join()
        return self._process.communicate()[1]

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(_END)


def _missing_right(error: str) -> str:
    """What the API server forbids, and the remedy; empty if that is not the error."""
    if "(Forbidden)" not in error:
        return ""
    said = _said(error.removeprefix("kubectl: ")).rstrip(".")
    return f"{said}. Ask for the right to get, list and watch {MODEL_DEPLOYMENTS}."


def _said(error: str) -> str:
    """What kubectl printed, without its log if there is more."""
    said = "\n".join(line for line in error.strip().splitlines() if not _LOGGED.match(line))
    return f"kubectl: {said or error.strip() or 'failed without a message'}"


def _not_installed(error: OSError) -> InputError:
    return InputError(
        f"kubectl cannot be run ({error.strerror}): install it, or give the output of "
        "kubectl get -o yaml with -f"
    )
