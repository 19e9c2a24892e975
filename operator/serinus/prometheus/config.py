"""Where Prometheus is, how to log in, and how much to ask of it."""

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
"""Headers that say how a request is sent."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header of every request; the tenant of a Mimir or Thanos, mostly.

    Raises ValueError with a sentence that shows its name, and never its value.
    """

    name: str
    value: str | Path = field(repr=False)
    """A Path: read from this file at each request."""

    def __post_init__(self) -> None:
        if not _HEADER.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a header")
        if self.name.lower() in _OURS:
            raise ValueError(f"the header {self.name} is set by the operator")
        if isinstance(self.value, str) and not is_header_value(self.value):
            raise ValueError(
                f"the value of the header {self.name} is empty, or holds what a header cannot: "
                "one line of printable ASCII is expected"
            )


def is_header_value(text: str) -> bool:
    """Whether a header can hold it, whatever stands between."""
    return bool(text) and text.isascii() and text.isprintable() and text == text.strip()


@dataclass(frozen=True, slots=True)
class Config:
    """The operator's settings for Prometheus; users have no say in them.

    Raises ValueError with a sentence that names the setting. Secrets are files, read at each
    use, so that a rotated one works at once and none lies in a log or a listing of processes.
    """

    url: str
    """http:// or https://, with a path where Prometheus is served below one."""
    ca_file: Path | None = None
    """Certificate authorities that sign Prometheus's certificate; the public ones if left out."""
    token_file: Path | None = None
    """A bearer token."""
    username_file: Path | None = None
    password_file: Path | None = None
    headers: tuple[Header, ...] = ()
    """Of every request."""
    labelling: Labelling = USUAL
    read_offset: float = 0.0
    """Seconds before now up to which samples are read; for series that arrive late."""
    timeout: float = 10.0
    """Seconds that a query may take, with its wait for a turn."""
    concurrency: int = 4
    """Queries that run at one time: of counters, of thresholds, and of tenants that wait alone."""
    max_response_bytes: int = 32 * MEBIBYTE
    """Size of an answer, unpacked."""

    def __post_init__(self) -> None:
        self._check_address()
        if (self.username_file is None) != (self.password_file is None):
            raise ValueError("username_file and password_file go together: set both or none")
        if self.token_file and self.username_file:
            raise ValueError("set either token_file or username_file and password_file, not both")
        if self.ca_file and not self.url.startswith("https:"):
            raise ValueError("ca_file needs an address that starts with https://")
        names = [header.name.lower() for header in self.headers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the header {twice[0]} is given twice")
        if "authorization" in names and (self.token_file or self.username_file):
            raise ValueError("the header Authorization is what the token or the password makes")
        if not 0 <= self.read_offset <= 300:
            raise ValueError("read_offset must be from 0 to 300 seconds")
        if not 0 < self.timeout <= 120:
            raise ValueError("timeout must be above 0 and at most 120 seconds")
        if not 1 <= self.concurrency <= 64:
            raise ValueError("concurrency must be from 1 to 64")
        if self.max_response_bytes < MEBIBYTE:
            raise ValueError(f"max_response_bytes must be at least {MEBIBYTE}")

    def _check_address(self) -> None:
        """What is wrong with it is said without showing it, since it may hold a password."""
        try:
            parts = urlsplit(self.url)
            ends_well = parts.port != 0 and not parts.query and not parts.fragment
        except ValueError:
            raise ValueError("url is no address: its host or port cannot be read") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must look like http://prometheus:9090 or https://prometheus")
        if "@" in parts.netloc:
            raise ValueError(
                "url must not hold a user name or password: use username_file and password_file"
            )
        if not ends_well or re.search(r"\s", self.url):
            raise ValueError("url must end with the port or a path, without ?, # or blanks")

    @property
    def base(self) -> str:
        """The address without a slash at its end."""
        return self.url.rstrip("/")
