"""What a registry of models is asked, and what it answers; and the registries that the operator
knows, as its administrator configures them."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from serinus.api.base import Interval, Type
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
        if any("$(" in value for value in (self.version, self.uri)):
            # Kubernetes would put secrets of the pod there, for whoever may register versions
            return "it must not have $( in its name or URI: register it with another source"
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


RegistryKindName = Literal["MLflow", "OCI"]
AskOutcome = Literal["answered", "unusable", "failed"]
"""answered: with a version; unusable: with something else, such as that there is no such alias;
failed: not at all, or that it cannot answer now, or not these credentials."""
ToldOutcome = Literal["accepted", "repeated", "unauthorized", "elsewhere"]
"""Of a webhook; elsewhere: another replica leads, and asks registries."""

EVERYWHERE: Final = "*"
MOST_REGISTRIES: Final = 16


class Registry(Type):
    """A registry of models. What is secret about it is in files, and never in an error."""

    name: Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$")]
    kind: RegistryKindName
    url: Annotated[str, Field(pattern="^https?://[-A-Za-z0-9._:]+(/[-A-Za-z0-9._~/]*)?$")]
    """Its address; of an OCI registry without a path."""
    namespaces: Annotated[list[str], Field(min_length=1)]
    """Of the ModelDeployments that may follow its models; `*` stands for all."""
    folder: str = ""
    """Directory with the files `token`, or `username` and `password`, and `ca.crt`, all of which
    may be missing; they are read at each use."""
    interval: Interval = "1m"
    """Between two requests for the same alias."""
    token_url: Annotated[str, Field(pattern="^https?://[-A-Za-z0-9._:]+/[-A-Za-z0-9._~/]*$")] = ""
    """Where an OCI registry may have tokens issued, if that is on another host."""
    allow_http: bool = False
    write_back: bool = False
    """Whether it is told what has become of a version, if the spec that follows it wants that."""
    rollback_aliases: list[str] = Field(default_factory=list)
    """The aliases that a spec may have set to a version that was rolled back."""
    webhook: bool = False
    """Whether it may say by webhooks that something has changed; they are signed with a key in the
    file `webhook-key`."""

    @model_validator(mode="after")
    def _addresses(self) -> Self:
        for address in (self.url, self.token_url):
            if address.startswith("http:") and not self.allow_http:
                raise ValueError("must have addresses with https://, or http:// with allowHttp")
        if self.kind == "OCI" and self.url.count("/") > 2:
            raise ValueError("must have a url without a path if it is an OCI registry")
        if self.kind != "OCI" and self.token_url:
            raise ValueError("has a tokenUrl, which only an OCI registry has")
        if self.kind == "OCI" and self.write_back:
            raise ValueError("has writeBack, but an OCI registry has nothing to write into")
        if self.rollback_aliases and not self.write_back:
            raise ValueError("has rollbackAliases, which need writeBack")
        if self.webhook and not self.folder:
            raise ValueError("must have a folder with a webhook-key if it has webhooks")
        return self

    def allows(self, namespace: str) -> bool:
        """Whether ModelDeployments of this namespace may follow its models."""
        return EVERYWHERE in self.namespaces or namespace in self.namespaces
