"""versions.toml, read once."""

import tomllib
from pathlib import Path
from typing import Any

VERSIONS: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("versions.toml").read_text(encoding="utf-8")
)
