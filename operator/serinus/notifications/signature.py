"""Signatures and headers as the Standard Webhooks specification has them."""

import base64
import hmac
from collections.abc import Iterable
from typing import Final

_PREFIX: Final = "whsec_"
_BYTES: Final = range(24, 65)
_MOST_SIGNATURES: Final = 8


def key(text: str) -> bytes:
    """A key in its serialized form. Raises ValueError with a message that does not contain it."""
    try:
        found = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:  # not base64
        found = b""
    if not text.startswith(_PREFIX) or len(found) not in _BYTES:
        raise ValueError("a signing key is whsec_ followed by 24 to 64 bytes in base64")
    return found


def signed(keys: Iterable[bytes], identifier: str, moment: int, body: bytes) -> dict[str, str]:
    """The headers of a request: with a signature by each key, so that keys can be rotated."""
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(_signatures(keys, identifier, moment, body)),
    }


def verified(keys: Iterable[bytes], identifier: str, moment: int, body: bytes, given: str) -> bool:
    """Whether one of the given signatures, separated by spaces, is of one of the keys."""
    expected = [each.encode() for each in _signatures(keys, identifier, moment, body)]
    found = [each.encode(errors="replace") for each in given.split()[:_MOST_SIGNATURES]]
    return any(hmac.compare_digest(one, other) for one in expected for other in found)


def _signatures(keys: Iterable[bytes], identifier: str, moment: int, body: bytes) -> list[str]:
    content = f"{identifier}.{moment}.".encode(errors="replace") + body
    digests = (hmac.digest(each, content, "sha256") for each in keys)
    return [f"v1,{base64.b64encode(each).decode()}" for each in digests]
