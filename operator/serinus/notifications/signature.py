"""Signatures and headers as the Standard Webhooks specification has them."""

import base64
import hmac
from collections.abc import Iterable
from typing import Final

_PREFIX: Final = "whsec_"
_BYTES: Final = range(24, 65)


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
    content = f"{identifier}.{moment}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(each, content, "sha256")) for each in keys]
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(f"v1,{each.decode()}" for each in signatures),
    }
