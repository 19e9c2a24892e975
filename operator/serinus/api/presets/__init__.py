"""Metrics of model servers and proxies: a data file for each.

A preset says which metrics replace the default ones, as settings of the checks. There is no other
code for a server: a new one needs a file, and a sample for the tests.
"""

from typing import Final

from pydantic import Field

from serinus.api.checks import Check, ServerMetrics
from serinus.api.preset_files import PRESET_FILES


class Preset(ServerMetrics):
    """The metrics of a server, as defaults of the checks."""

    sources: list[str] = Field(description="Addresses of what says so.")
    checks: list[Check] = Field(description="What is checked if users name no checks.")


PRESETS: Final = {name: Preset.model_validate(written) for name, written in PRESET_FILES.items()}
"""By name, in alphabetical order."""
