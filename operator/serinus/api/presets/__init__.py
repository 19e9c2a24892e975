"""Metrics of model servers and proxies: a data file for each.

A preset says which metrics replace the default ones, as settings of the checks. There is no other
code for a server: a new one needs a file, and a sample for the tests.
"""

from importlib.resources import files
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, Field

from serinus.api.checks import Check, ServerMetrics


class Preset(ServerMetrics):
    """The metrics of a server, as defaults of the checks."""

    sources: list[str] = Field(description="Addresses of what says so.")
    checks: list[Check] = Field(description="What is checked if users name no checks.")


def _read() -> dict[str, Preset]:
    texts = [
        file.read_text("utf-8") for file in files(__name__).iterdir() if file.name[-5:] == ".yaml"
    ]
    found = [Preset.model_validate(yaml.safe_load(text)) for text in texts]
    return {preset.name: preset for preset in sorted(found, key=lambda preset: preset.name.lower())}


def _known(name: str) -> str:
    if name not in PRESETS:
        raise ValueError(f"must be one of {', '.join(PRESETS)}")
    return name


PRESETS: Final = _read()
"""By name, in alphabetical order."""

PresetName = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(PRESETS)})
]
