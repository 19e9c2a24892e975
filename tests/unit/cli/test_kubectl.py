"""What kubectl says when the dashboard cannot read."""

from pathlib import Path

import pytest

from serinus.cli.kubectl import Kubectl

FORBIDDEN = (
    "Error from server (Forbidden): modeldeployments.serinus.dev is forbidden: User ann cannot "
    "list resource modeldeployments"
)
REFUSED = "The connection to the server localhost:8080 was refused"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            FORBIDDEN,
            f"kubectl: {FORBIDDEN}. Ask for the right to get, list and watch "
            "modeldeployments.serinus.dev.",
        ),
        (REFUSED, ""),
    ],
    ids=["forbidden", "refused"],
)
def test_a_missing_right_is_named_and_a_lost_connection_is_not_taken_for_one(
    error: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\necho '{error}' >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert next(Kubectl().every_change()) == told
