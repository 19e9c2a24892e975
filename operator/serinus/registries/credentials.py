"""Reads what is secret about a registry, at each use, so that a rotation works at once.

No message contains what is in a file.
"""

import base64
from pathlib import Path
from typing import Final

from serinus.api.registry import Registry
from serinus.registries.kind import UnreadableError

TOKEN: Final = "token"
USERNAME: Final = "username"
PASSWORD: Final = "password"
CERTIFICATES: Final = "ca.crt"


def authorization(registry: Registry) -> str | None:
    """The value of the header; None: the registry is asked without credentials. Raises
    UnreadableError."""
    token, name, password = (_line(registry, each) for each in (TOKEN, USERNAME, PASSWORD))
    if token is not None and (name, password) != (None, None):
        raise _wrong(registry, TOKEN, "leave out either the token, or the user and password")
    if token is not None:
        return f"Bearer {token}"
    if name is None and password is None:
        return None
    if name is None or password is None:
        missing = USERNAME if name is None else PASSWORD
        raise _wrong(registry, missing, "is missing: a user and a password belong together")
    if ":" in name:
        raise _wrong(registry, USERNAME, "must not have a colon")
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def certificates(registry: Registry) -> bytes | None:
    """The CA certificates of the registry in PEM; None: those of the system. Raises
    UnreadableError."""
    found = _content(registry, CERTIFICATES)
    if found == b"":
        raise _wrong(registry, CERTIFICATES, "is empty: leave it out to trust those of the system")
    return found


def _line(registry: Registry, name: str) -> str | None:
    found = _content(registry, name)
    if found is None:
        return None
    try:
        line = found.decode("ascii").strip()
    except UnicodeDecodeError:
        line = ""
    if not line or not line.isprintable():
        raise _wrong(registry, name, "must be one line of printable ASCII")
    return line


def _content(registry: Registry, name: str) -> bytes | None:
    if not registry.folder:
        return None
    try:
        return Path(registry.folder, name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _wrong(registry, name, f"cannot be read ({type(error).__name__})") from None


def _wrong(registry: Registry, name: str, why: str) -> UnreadableError:
    return UnreadableError(f"{Path(registry.folder, name)} {why}", "failed")
