"""Between the operator and an API server: requests are noted, refused or cut off here.

`Wire` stands where the client of kubernetes stands below `Cluster`, so that all of the
operator's own code runs, the reading of errors included.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import to_json

from serinus.manifests.allowed_task import as_kind
from serinus.manifests.kinds import KINDS
from tests.support.task_kinds import TASK_KINDS

Manifest = dict[str, Any]

_PLURALS: Final = {
    (kind.api_version, kind.plural): kind.name
    for kind in (*KINDS.values(), *map(as_kind, TASK_KINDS))
}
PLURALS: Final = {name: plural for (_, plural), name in _PLURALS.items()}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to the API server."""

    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    body: Any = None
    raw: Any = None
    """The body as it was given: some is text already."""

    @property
    def place(self) -> tuple[str, str | None, str | None, str]:
        """Kind, namespace, name and subresource; the kind is empty where it is not ours."""
        parts = self.path.strip("/").split("/")
        version, rest = (parts[1], parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), None)
        rest = parts[3:] if rest is None else rest
        namespace = None
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        kind = _PLURALS.get((version, rest[0]), "") if rest else ""
        name = rest[1] if len(rest) > 1 else None
        return kind, namespace, name, rest[2] if len(rest) > 2 else ""

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Reply:
    """What comes back, with the face of the client's own answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    async def read(self) -> bytes:
        """The body."""
        return self.body

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """One header."""
        return self.headers.get(name, default)


def reply(status: int, body: Manifest, **headers: str) -> Reply:
    """An answer in JSON."""
    return Reply(status, to_json(body), {k.replace("_", "-"): v for k, v in headers.items()})


def refusal(status: int, reason: str, message: str, **headers: str) -> Reply:
    """An answer that refuses, in the API server's form."""
    told = {"kind": "Status", "status": "Failure", "reason": reason, "message": message}
    return reply(status, {**told, "code": status}, **headers)


@dataclass(frozen=True, slots=True)
class Fault:
    """Requests that are answered otherwise than by the API server."""

    name: str
    matches: Callable[[Request], bool]
    answer: Callable[[Request], Reply]


Send = Callable[[Request], Awaitable[Reply]]
Note = Callable[[Request, Reply], None]


class Wire:
    """What `Cluster` takes for the client of an API server."""

    def __init__(self, send: Send, note: Note | None = None) -> None:
        self._send = send
        self._note = note
        self.faults: dict[str, Fault] = {}
        """In force now, by name."""
        self._cut = False

    def cut(self) -> None:
        """Nothing gets through any more, as when the process behind it was killed."""
        self._cut = True

    async def param_serialize(
        self,
        method: str,
        path: str,
        *,
        query_params: list[tuple[str, str]] | None = None,
        body: Any = None,
        header_params: Mapping[str, str] | None = None,
        **_: Any,
    ) -> tuple[Request]:
        """As the client's: what is to be given to `call_api`."""
        headers = header_params or {}
        content = headers.get("Content-Type", "application/json")
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        sent = json.loads(text)
        return (Request(method, path, dict(query_params or ()), content, sent, body),)

    async def call_api(self, request: Request, _request_timeout: float | None = None) -> Reply:
        """As the client's: send it, and return the answer."""
        if self._cut:
            await asyncio.Event().wait()
        fault = next((each for each in self.faults.values() if each.matches(request)), None)
        answer = fault.answer(request) if fault else await self._send(request)
        if self._cut:
            await asyncio.Event().wait()
        if self._note is not None:
            self._note(request, answer)
        return answer
