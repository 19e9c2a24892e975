"""Samples sent to a Prometheus by remote write 1.0: protobuf in a snappy block of literals.

https://prometheus.io/docs/specs/prw/remote_write_spec/
"""

import struct
import urllib.request
from collections.abc import Mapping, Sequence

LONGEST_LITERAL = 1 << 16


def write(url: str, labels: Mapping[str, str], samples: Sequence[tuple[float, float]]) -> None:
    """Send samples (Unix seconds, value) of one series. Raises OSError where they are refused."""
    series = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in sorted(labels.items())
    )
    for at, value in samples:
        sample = b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(round(at * 1000))
        series += _field(2, sample)
    request = urllib.request.Request(
        f"{url}/api/v1/write",
        data=_snappy(_field(1, series)),
        headers={
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        },
    )
    with urllib.request.urlopen(request, timeout=10):
        pass


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _snappy(content: bytes) -> bytes:
    found = _varint(len(content))
    for start in range(0, len(content), LONGEST_LITERAL):
        part = content[start : start + LONGEST_LITERAL]
        found += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return found
