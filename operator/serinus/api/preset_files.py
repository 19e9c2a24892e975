"""The files of presets, as they are written. A check names one of them, and they contain checks."""

from importlib.resources import files
from typing import Annotated, Any, Final

import yaml
from pydantic import AfterValidator, Field

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, if PyYAML was built with it: each command reads these files as it starts, and the
other one takes a tenth of a second."""


def _read() -> dict[str, Any]:
    folder = files("serinus.api") / "presets"
    texts = [file.read_text("utf-8") for file in folder.iterdir() if file.name[-5:] == ".yaml"]
    found = [yaml.load(text, _LOADER) for text in texts]
    return {each["name"]: each for each in sorted(found, key=lambda each: each["name"].lower())}


def _known(name: str) -> str:
    if name not in PRESET_FILES:
        raise ValueError(f"must be one of {', '.join(PRESET_FILES)}")
    return name


PRESET_FILES: Final = _read()
"""By name, in alphabetical order."""

PresetName = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(PRESET_FILES)})
]
