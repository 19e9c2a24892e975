"""Settings of the Prometheus client: address, authentication, limits."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from serinus.metrics.labelling import USUAL, Labelling

MEBIBYTE = 1 << 20
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS: Final = frozenset(
    (
        *("accept-encoding", "connection", "content-encoding", "content-length", "content-type"),
        *("host", "transfer-encoding"),
    )
)
"""Headers that the HTTP client sets."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header added to every request, such as the tenant of a Mimir or Thanos.

    Raises ValueError with a message that contains the name, and never the value.
    """

    name: str
    value: str | Path = field(repr=False)
    """A Path is read at each request."""

    def __post_init__(self) -> None:
        if not _HEADER.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a valid header name")
        if self.name.lower() in _OURS:
            raise ValueError(f"the header {self.name} is set by the operator")
        if isinstance(self.value, str) and not is_header_value(self.value):
            raise ValueError(
                f"the value of the header {self.name} is empty or contains invalid characters: "
                "it must be one line of printable ASCII"
            )


def is_header_value(text: str) -> bool:
    """Whether it is a valid header value."""
    return bool(text) and text.isascii() and text.isprintable() and text == text.strip()


@dataclass(frozen=True, slots=True)
class Config:
    """The operator's settings for Prometheus; users cannot change them.

    Raises ValueError with a message that names the setting. Secrets are files that are read at
    each use, so that rotation works at once and no secret appears in a log or process list.
    """

    url: str
    """http:// or https://, with the path prefix of Prometheus if it has one."""
    ca_file: Path | None = None
    """CA certificates for Prometheus; defaults to those of the system."""
    token_file: Path | None = None
    """A bearer token."""
    username_file: Path | None = None
    password_file: Path | None = None
    headers: tuple[Header, ...] = ()
    """Added to every request."""
    labelling: Labelling = USUAL
    read_offset: float = 0.0
    """Seconds before now up to which samples are read; for series that arrive late."""
    timeout: float = 10.0
    """Timeout of a query in seconds, including its wait for a slot."""
    concurrency: int = 4
    """Concurrent queries, separately for counters, thresholds, and tenants queried separately."""
    max_response_bytes: int = 32 * MEBIBYTE
    """Limit of a response, uncompressed."""

    def __post_init__(self) -> None:
        self._check_address()
        if (self.username_file is None) != (self.password_file is None):
            raise ValueError("set both username_file and password_file, or neither")
        if self.token_file and self.username_file:
            raise ValueError("set either token_file or username_file and password_file, not both")
        if self.ca_file and not self.url.startswith("https:"):
            raise ValueError("ca_file requires an https:// address")
        names = [header.name.lower() for header in self.headers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the header {twice[0]} is given twice")
        if "authorization" in names and (self.token_file or self.username_file):
            raise ValueError(
                "the header Authorization cannot be set together with a token or a password"
            )
        if not 0 <= self.read_offset <= 300:
            raise ValueError("read_offset must be from 0 to 300 seconds")
        if not 0 < self.timeout <= 120:
            raise ValueError("timeout must be above 0 and at most 120 seconds")
        if not 1 <= self.concurrency <= 64:
            raise ValueError("concurrency must be from 1 to 64")
        if self.max_response_bytes < MEBIBYTE:
            raise ValueError(f"max_response_bytes must be at least {MEBIBYTE}")

    def _check_address(self) -> None:
        """Errors do not contain the address, because it may contain a password."""
        try:
            parts = urlsplit(self.url)
            ends_well = parts.port != 0 and not parts.query and not parts.fragment
        except ValueError:
            raise ValueError("url is invalid: its host or port cannot be parsed") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must look like http://prometheus:9090 or https://prometheus")
        if "@" in parts.netloc:
            raise ValueError(
                "url must not contain a user name or password: use username_file and password_file"
            )
        if not ends_well or re.search(r"\s", self.url):
            raise ValueError("url must end with the port or a path, without ?, # or whitespace")

    @property
    def base(self) -> str:
        """The address without a slash at its end."""
        return self.url.rstrip("/")
