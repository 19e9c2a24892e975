"""The controller of Jobs, and the kubelets that run their pods."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from serinus.api.base import rfc3339
from serinus.manifests.task import JOB_NAME_LABEL
from tests.campaign.memory.api import MemoryApi

Manifest = dict[str, Any]

JOB_TAKES: Final = 60.0
"""Seconds after which a Job ends that runs."""
STARTS_AFTER: Final = 2.0
CODES: Final = {"succeeds": 0, "rejects": 1, "cannot say": 3}
"""Exit codes of its container, by how it ends."""
NO_POD: Final = "gets no pod"
UNPULLED: Final = "is not pulled"
ENDLESS: Final = "never ends"


@dataclass
class _Run:
    """A Job that has not ended."""

    job: Manifest
    pod: Manifest | None = None
    number: int = 0
    """Counts its pods: what was to happen in an earlier one happens no more."""


class Jobs:
    """One pod for each Job; one that its node loses is replaced."""

    def __init__(self, api: MemoryApi, now: Callable[[], float]) -> None:
        self._api = api
        self._now = now
        self._runs: dict[str, _Run] = {}
        self.later: Callable[[float, Callable[[], object]], None]
        self.how = "succeeds"
        """How those end that end from now on; one of CODES, NO_POD, UNPULLED or ENDLESS."""
        self.said = ""
        """What they leave."""
        self.pods_are_deleted = False
        """Whether the pods of those that have ended are gone at once."""

    def become(self, how: str) -> None:
        """From now on they do so, also those that wait."""
        self.how = how
        for run in list(self._runs.values()):
            if run.pod is None or "waiting" in _state(run.pod):
                self._start(run)

    def lose_nodes(self) -> None:
        """The nodes of all their pods are gone."""
        for run in list(self._runs.values()):
            self._start(run)

    def seen(self, event: str, live: Manifest) -> None:
        """Something was written."""
        if live["kind"] != "Job":
            return
        uid = live["metadata"]["uid"]
        if event == "ADDED":
            run = self._runs[uid] = _Run(live)
            self._start(run)
            too_late = partial(self._end, run, "Failed", "DeadlineExceeded")
            self.later(live["spec"]["activeDeadlineSeconds"], too_late)
        elif event == "DELETED":
            self._runs.pop(uid, None)

    def _start(self, run: _Run) -> None:
        if run.pod is not None:
            self._api.drop(run.pod)
        run.number, run.pod = run.number + 1, None
        if self.how == NO_POD:
            self._report(run, active=0)
            return
        run.pod = self._pod(run)
        self._tell(run, "Pending", {"waiting": {"reason": "ContainerCreating"}})
        self._report(run, active=1)
        self.later(STARTS_AFTER, partial(self._pull, run, run.number))

    def _pull(self, run: _Run, number: int) -> None:
        if not self._goes_on(run, number):
            return
        if self.how == UNPULLED:
            why = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
            self._tell(run, "Pending", {"waiting": why})
            return
        self._tell(run, "Running", {"running": {}})
        self._report(run, active=1, ready=1)
        self.later(JOB_TAKES, partial(self._exit, run, number))

    def _exit(self, run: _Run, number: int) -> None:
        if not self._goes_on(run, number):
            return
        if self.how == ENDLESS:
            self.later(JOB_TAKES, partial(self._exit, run, number))
            return
        code = CODES.get(self.how, 0)
        ended = {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "message": "7 of 90 differ" if code else self.said,
            "finishedAt": rfc3339(self._now()),
        }
        self._tell(run, "Failed" if code else "Succeeded", {"terminated": ended})
        self._end(run, "Failed" if code else "Complete", "BackoffLimitExceeded" if code else "")
        if self.pods_are_deleted and run.pod is not None:
            self._api.drop(run.pod)

    def _end(self, run: _Run, how: str, why: str) -> None:
        uid = run.job["metadata"]["uid"]
        if self._runs.get(uid) is not run:
            return
        del self._runs[uid]
        if why == "DeadlineExceeded" and run.pod is not None:
            self._api.drop(run.pod)
        told = {"type": how, "status": "True", **({"reason": why, "message": why} if why else {})}
        self._api.set_status(run.job, {"conditions": [told]})
        self.later(run.job["spec"]["ttlSecondsAfterFinished"], partial(self._api.drop, run.job))

    def _goes_on(self, run: _Run, number: int) -> bool:
        return self._runs.get(run.job["metadata"]["uid"]) is run and run.number == number

    def _report(self, run: _Run, active: int, ready: int = 0) -> None:
        self._api.set_status(run.job, {"active": active, "ready": ready})

    def _pod(self, run: _Run) -> Manifest:
        metadata, template = run.job["metadata"], run.job["spec"]["template"]
        name = f"{metadata['name']}-{run.number:05}"
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"]}
        labels = template["metadata"]["labels"] | {JOB_NAME_LABEL: metadata["name"]}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "uid": f"{metadata['uid']}-{run.number}",
                "creationTimestamp": rfc3339(self._now()),
                "labels": labels,
                "ownerReferences": [{**owner, "uid": metadata["uid"], "controller": True}],
            },
            "spec": template["spec"],
        }

    def _tell(self, run: _Run, phase: str, state: Manifest) -> None:
        assert run.pod is not None
        name = run.pod["spec"]["containers"][0]["name"]
        told = {"name": name, "ready": "running" in state, "restartCount": 0, "state": state}
        status = {"phase": phase, "containerStatuses": [told]}
        run.pod = self._api.put({**run.pod, "status": status})


def _state(pod: Manifest) -> Manifest:
    found: Manifest = pod["status"]["containerStatuses"][0]["state"]
    return found
