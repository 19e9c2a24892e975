"""What a kind of registry does, and what is said of one that does not answer with a version."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from serinus.api.quantities import retry_after
from serinus.api.registry import AskOutcome, Reference, Version

_TRY_AGAIN: Final = (408, 409, 425, 429)


class UnreadableError(Exception):
    """A version could not be read; the message says why, and the remedy."""

    def __init__(self, message: str, outcome: AskOutcome = "unusable", asked: float = 0.0) -> None:
        super().__init__(message)
        self.outcome: AskOutcome = outcome
        self.asked = asked
        """Seconds that the registry asks to wait."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, read in full."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def refuse(self, to: str = "read") -> None:
        """Raises UnreadableError for what means the same of every kind; `to`: what the model was
        asked for."""
        said = f"it answers HTTP {self.status}"
        if 300 <= self.status < 400:
            raise UnreadableError(
                f"{said}, a redirect, which is not followed: correct its url", "failed"
            )
        if self.status in (401, 403):
            raise UnreadableError(
                f"{said}: its credentials must be valid, and allow to {to} this model", "failed"
            )
        if self.status in _TRY_AGAIN or self.status >= 500:
            wait = retry_after(self.headers.get("Retry-After", ""), self.headers.get("Date", ""))
            raise UnreadableError(f"{said}: check its state", "failed", wait or 0.0)
        if self.status != 200:
            raise UnreadableError(f"{said}: check its url, its kind and its version")

    def document(self) -> dict[str, Any]:
        """The JSON object in the body. Raises UnreadableError."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):  # also of bytes that are no text
            found = None
        if not isinstance(found, dict):
            raise UnreadableError(
                "its answer is not a JSON object: check its url, and whether something in front "
                "of it answers instead"
            )
        return found


class Connection(Protocol):
    """Sends a request to one registry."""

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        document: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer to a request, with a document in JSON if one is given, and with the
        credentials of the registry, unless the headers have others. Every name in the path must be
        quoted. Raises UnreadableError."""
        ...

    async def ask_for_token(self, address: str, query: Mapping[str, str]) -> Response:
        """The answer of the one that issues tokens for the registry."""
        ...


class RegistryKind(Protocol):
    """A kind of registry: what it is asked. One instance for each registry, while the operator
    leads."""

    async def read(self, reference: Reference, known: Version | None) -> Version:
        """The version that the alias leads to; `known` itself if that is still it. Raises
        UnreadableError, without a request if nothing can have these names."""
        ...


class WritableKind(Protocol):
    """A kind of registry that can be told what has become of a version."""

    async def tag(self, model: str, version: str, tags: Mapping[str, str]) -> None:
        """Set these tags of a version, in this order. Raises UnreadableError."""
        ...

    async def set_alias(self, model: str, alias: str, version: str) -> None:
        """Have an alias lead to a version. Raises UnreadableError."""
        ...


def text(document: Mapping[str, Any], name: str, longest: int, default: str | None = None) -> str:
    """A field that is printable text. Raises UnreadableError."""
    found = document.get(name)
    found = default if found is None else found
    if not isinstance(found, str) or len(found) > longest or not found.isprintable():
        raise UnreadableError(f"its answer has no valid {name}: check its version and its url")
    return found
