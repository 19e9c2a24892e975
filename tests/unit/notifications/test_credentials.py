"""Files with addresses and keys: what is taken, and that no error repeats them."""

import base64
from pathlib import Path

import pytest

from serinus.api.notifications import Endpoint
from serinus.notifications.credentials import CredentialError, keys, url

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def endpoint(folder: Path, **more: object) -> Endpoint:
    given = {"name": "ops", "form": "CloudEvents", "folder": str(folder), **more}
    return Endpoint.model_validate(given)


def test_files_are_read_at_each_use(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://example.com/a\n")
    assert url(endpoint(tmp_path)) == "https://example.com/a"
    (tmp_path / "url").write_text("https://example.com/b")
    assert url(endpoint(tmp_path)) == "https://example.com/b"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "http://example.com/SECRET",
        "example.com/SECRET",
        "https:///SECRET",
        "https://[SECRET",
        "https://example.com:port/SECRET",
        "https://example.com/a b SECRET",
        "https://example.com/SECRET\nhttps://example.com/SECRET",
        "file:///SECRET",
    ],
)
def test_another_address_is_refused_without_being_repeated(tmp_path: Path, written: str) -> None:
    (tmp_path / "url").write_text(written)
    with pytest.raises(CredentialError) as raised:
        url(endpoint(tmp_path))
    assert str(tmp_path / "url") in str(raised.value)
    assert "SECRET" not in str(raised.value)


def test_plain_http_is_taken_where_it_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://receiver.ops:8080/hook")
    assert url(endpoint(tmp_path, allowHttp=True)) == "http://receiver.ops:8080/hook"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match="FileNotFoundError"):
        url(endpoint(tmp_path))


def test_keys_are_lines_and_only_cloud_events_are_signed(tmp_path: Path) -> None:
    (tmp_path / "signing-key").write_text(f"{KEY}\n{KEY}\n")
    assert keys(endpoint(tmp_path)) == [bytes(range(32))] * 2
    assert keys(endpoint(tmp_path, form="Slack")) == []
    for written in ("", "SECRET", f"{KEY}\nSECRET"):
        (tmp_path / "signing-key").write_text(written)
        with pytest.raises(CredentialError) as raised:
            keys(endpoint(tmp_path))
        assert "SECRET" not in str(raised.value) and KEY not in str(raised.value)
