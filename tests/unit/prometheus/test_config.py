"""Which settings are refused, and in which words."""

from pathlib import Path
from typing import Any

import pytest

from serinus.prometheus import Config, Header

FILE = Path("/etc/serinus/secret")


@pytest.mark.parametrize(
    "url",
    [
        "http://prometheus:9090",
        "https://prometheus.example.com/prefix/",
        "http://[::1]:9090",
        "http://127.0.0.1",
    ],
)
def test_an_address_of_http_or_https_is_taken(url: str) -> None:
    assert Config(url).base == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "url must look like http://prometheus:9090"),
        ("prometheus:9090", "url must look like"),
        ("file:///etc/passwd", "url must look like"),
        ("ftp://prometheus", "url must look like"),
        ("http://", "url must look like"),
        ("http://prometheus:port", "url is invalid"),
        ("http://prometheus:99999", "url is invalid"),
        ("http://[::1", "url is invalid"),
        ("http://prometheus:0", "url must end with the port or a path"),
        ("http://prometheus/?a=b", "url must end with the port or a path"),
        ("http://prometheus/#a", "url must end with the port or a path"),
        (" http://prometheus", "url must"),
        ("http://user:x9q8@prometheus", "use username_file and password_file"),
        ("http://user:x9q8", "url is invalid"),
        ("http://prometheus /", "url must end with the port or a path"),
        ("http://x9q8@prometheus", "use username_file and password_file"),
    ],
)
def test_another_address_is_refused_and_no_password_is_shown(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        Config(url)
    assert "x9q8" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"username_file": FILE}, "set both username_file and password_file, or neither"),
        ({"password_file": FILE}, "set both username_file and password_file, or neither"),
        (
            {"token_file": FILE, "username_file": FILE, "password_file": FILE},
            "set either token_file or username_file",
        ),
        ({"ca_file": FILE}, "ca_file requires an https:// address"),
        ({"timeout": 0}, "timeout must be above 0"),
        ({"timeout": 600}, "at most 120 seconds"),
        ({"timeout": float("nan")}, "timeout must be above 0"),
        ({"concurrency": 0}, "concurrency must be from 1 to 64"),
        ({"max_response_bytes": 0}, "max_response_bytes must be at least 1048576"),
        ({"read_offset": -1}, "read_offset must be from 0 to 300 seconds"),
        ({"read_offset": float("nan")}, "read_offset must be from 0 to 300 seconds"),
        ({"headers": (Header("A", "b"), Header("a", "c"))}, "the header a is given twice"),
        (
            {"headers": (Header("authorization", "b"),), "token_file": FILE},
            "the header Authorization cannot be set together",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Config("http://prometheus:9090", **settings)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("", "a", "is not a valid header name"),
        ("X Scope", "a", "is not a valid header name"),
        ("X-Scope\r\nHost", "a", "is not a valid header name"),
        ("Host", "a", "the header Host is set by the operator"),
        ("content-length", "a", "the header content-length is set by the operator"),
        ("X-Scope-OrgID", "", "the value of the header X-Scope-OrgID is empty"),
        ("X-Scope-OrgID", "x9q8\r\nHost: b", "contains invalid characters"),
        ("X-Scope-OrgID", "x9q8 ", "contains invalid characters"),
        ("X-Scope-OrgID", "x9q8\u00ef", "contains invalid characters"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_and_its_value_never_shown(
    name: str, value: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        Header(name, value)
    assert "x9q8" not in str(refused.value)


def test_the_value_of_a_header_is_in_no_text_of_the_settings() -> None:
    assert "x9q8" not in repr(Config("http://prometheus", headers=(Header("X-A", "x9q8"),)))
