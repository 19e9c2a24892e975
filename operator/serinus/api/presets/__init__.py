"""What model servers, and the proxies before them, export: a file of data for each.

A preset says which of those metrics stand for the metric contract, in the form of the checks' own
settings. Nothing here knows a server otherwise: a new one is a new file, and its sample a test.
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
        raise ValueError(f"is none of {', '.join(PRESETS)}")
    return name


PRESETS: Final = _read()
"""By name, in the order of the alphabet."""

PresetName = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(PRESETS)})
]
