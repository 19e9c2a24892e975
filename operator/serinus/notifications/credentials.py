"""Reads what is secret about an endpoint, at each use, so that a rotation works at once.

No message contains an address or a key.
"""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from serinus.api.notifications import Endpoint
from serinus.notifications.signature import key

URL: Final = "url"
SIGNING_KEY: Final = "signing-key"


class CredentialError(Exception):
    """A file is missing or invalid; the message names it and the remedy."""


def url(endpoint: Endpoint) -> str:
    """The address."""
    found = _read(endpoint, URL)
    schemes = ("http", "https") if endpoint.allow_http else ("https",)
    try:
        parts = urlsplit(found)
        valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not found.isprintable() or " " in found:
        also = "" if endpoint.allow_http else ", or http:// with allowHttp"
        raise CredentialError(f"{_file(endpoint, URL)} must have one address with https://{also}")
    return found


def keys(endpoint: Endpoint) -> list[bytes]:
    """The signing keys, one a line; none for forms that are not signed."""
    if endpoint.form != "CloudEvents":
        return []
    lines = _read(endpoint, SIGNING_KEY).split()
    try:
        found = [key(line) for line in lines]
    except ValueError as error:
        raise CredentialError(f"{_file(endpoint, SIGNING_KEY)}: {error}") from None
    if not found:
        raise CredentialError(f"{_file(endpoint, SIGNING_KEY)} is empty")
    return found


def _file(endpoint: Endpoint, name: str) -> Path:
    return Path(endpoint.folder, name)


def _read(endpoint: Endpoint, name: str) -> str:
    try:
        return _file(endpoint, name).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialError(f"{_file(endpoint, name)}: {type(error).__name__}") from None
