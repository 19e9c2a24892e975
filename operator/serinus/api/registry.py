"""What a registry of models is asked, and what it answers."""

from dataclasses import dataclass
from typing import Final

from serinus.api.storage import mounted

LONGEST_VERSION: Final = 63
LONGEST_URI: Final = 1024
LONGEST_DIGEST: Final = 128
LONGEST_RUN: Final = 128


@dataclass(frozen=True, slots=True)
class Reference:
    """An alias of a model in a registry, as a spec follows it."""

    registry: str
    """Its name among those that the operator knows."""
    model: str
    alias: str

    def __str__(self) -> str:
        return f"alias {self.alias} of model {self.model} in registry {self.registry}"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model, as a registry describes it."""

    version: str
    """Its name, at most 63 characters."""
    uri: str
    """Where its files are."""
    digest: str
    """Of what never changes of it; two versions with one digest are the same."""
    run: str = ""
    """The run that trained it, if the registry knows it."""
    link: str = ""
    """Where people read about it, a URL."""

    @property
    def problem(self) -> str:
        """Why it cannot be used; empty: it can."""
        for name, value, longest in (
            ("version", self.version, LONGEST_VERSION),
            ("URI", self.uri, LONGEST_URI),
            ("digest", self.digest, LONGEST_DIGEST),
        ):
            if not 0 < len(value) <= longest:
                return f"its {name} has {len(value)} characters, and must have 1 to {longest}"
        try:
            mounted(self.uri)
        except ValueError as error:
            return f"its URI {error}"
        return ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a reference by now."""

    version: Version | None
    """The last that was read; None: none was."""
    at: float
    """When it was read, or asked for in vain, Unix seconds."""
    failing_since: float | None = None
    """Since when it cannot be read, Unix seconds; None: it can."""
    error: str = ""
    """Why, with the remedy; empty: it can be read."""
    refused: bool = False
    """Whether it is not asked at all, because this namespace may not use this registry, or because
    there is none with this name."""
