"""A registry of OCI artifacts or images: tags of repositories, by the OCI distribution
specification."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from serinus.api.registry import LONGEST_VERSION, Reference, Registry, Version
from serinus.registries.kind import (
    Connection,
    Response,
    UnreadableError,
    text,
)

_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_.]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[a-f0-9]{64}")
_VERSION: Final = "org.opencontainers.image.version"
_ACCEPT: Final = {
    "Accept": ", ".join(
        (
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        )
    )
}
_ADDRESS: Final = re.compile(r"https?://[-A-Za-z0-9._:]+/[-A-Za-z0-9._~/]*")
_PARAMETER: Final = re.compile(r'([a-z_]+)="([^"\\]*)"')
_USUAL_LIFE: Final = 60.0
"""Seconds that a token is valid which does not say so, as the specification has it."""
_LONGEST_TOKEN: Final = 16384
_LONGEST_NAME: Final = 255


class OCI:
    """One registry. A tag takes a HEAD, and a GET when it has moved: registries that limit pulls
    count only the latter."""

    def __init__(
        self, registry: Registry, connection: Connection, clock: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._connection = connection
        self._clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}
        """By repository, and until when each is valid."""

    async def read(self, reference: Reference, known: Version | None) -> Version:
        """The manifest that has this tag."""
        _check(reference)
        held = {"If-None-Match": f'"{known.digest}"'} if known else {}
        answer = await self._ask("HEAD", reference.model, reference.alias, held)
        if answer.status == 304 and known is not None:
            return known
        _refuse(answer)
        digest = _told(answer)
        if known is not None and digest == known.digest:
            return known
        answer = await self._ask("GET", reference.model, digest or reference.alias, {})
        _refuse(answer)
        digest = _checked(answer, digest)
        host = urlsplit(self._registry.url).netloc
        return Version(
            version=_version(answer, digest),
            uri=f"oci://{host}/{reference.model}@{digest}",
            digest=digest,
        )

    async def _ask(
        self, method: str, repository: str, wanted: str, headers: Mapping[str, str]
    ) -> Response:
        """The answer to a request for a manifest, with a token if the registry wants one."""
        path = f"v2/{repository}/manifests/{wanted}"
        token, until = self._tokens.get(repository, ("", 0.0))
        bearer = {"Authorization": f"Bearer {token}"} if self._clock() < until else {}
        answer = await self._connection.ask(method, path, headers={**_ACCEPT, **headers, **bearer})
        challenge = answer.headers.get("WWW-Authenticate", "")
        if answer.status != 401 or not challenge.lower().startswith("bearer "):
            return answer
        bearer = {"Authorization": f"Bearer {await self._token(repository, challenge)}"}
        return await self._connection.ask(method, path, headers={**_ACCEPT, **headers, **bearer})

    async def _token(self, repository: str, challenge: str) -> str:
        """A token to pull from this repository. The scope is ours, and never the challenge's."""
        # of what nobody follows any more, too
        self._tokens = {of: each for of, each in self._tokens.items() if self._clock() < each[1]}
        self._tokens.pop(repository, None)
        told = dict(_PARAMETER.findall(challenge))
        address, service = self._issuer(told.get("realm", "")), told.get("service", "")
        query = {"scope": f"repository:{repository}:pull"}
        if service and len(service) <= _LONGEST_NAME and service.isprintable():
            query["service"] = service
        answer = await self._connection.ask_for_token(address, query)
        answer.refuse()
        found = answer.document()
        name = "token" if "token" in found else "access_token"
        token, life = text(found, name, _LONGEST_TOKEN), found.get("expires_in")
        if not token or not token.isascii() or " " in token:
            raise UnreadableError("the token that it issues is not valid: check its state")
        if not isinstance(life, int | float) or isinstance(life, bool) or not 0 < life < 86400:
            life = _USUAL_LIFE
        # some of its life is left to the request
        self._tokens[repository] = token, self._clock() + 0.8 * life
        return token

    def _issuer(self, realm: str) -> str:
        """Where a token is asked for: credentials go to no other host than the configured ones."""
        ours = self._registry.url.rstrip("/")
        if not _ADDRESS.fullmatch(realm) or not (
            realm == self._registry.token_url or realm.startswith(f"{ours}/")
        ):
            raise UnreadableError(
                "it wants a token of another host than its own: set its tokenUrl to the address "
                "that issues its tokens, if that is right",
                "failed",
            )
        return realm


def _check(reference: Reference) -> None:
    """Raises UnreadableError for what cannot be names of a repository and a tag."""
    if len(reference.model) > _LONGEST_NAME or not _REPOSITORY.fullmatch(reference.model):
        raise UnreadableError(
            "the model must be a repository such as models/fraud, in lower case: correct "
            "spec.model.registry.model"
        )
    if not _TAG.fullmatch(reference.alias):
        raise UnreadableError(
            "the alias must be a tag, letters, digits and _-., at most 128 of them: correct "
            "spec.model.registry.alias"
        )


def _refuse(answer: Response) -> None:
    if answer.status == 404:
        raise UnreadableError(
            "it has no such repository or tag: push the tag, or correct spec.model.registry"
        )
    answer.refuse()


def _told(answer: Response) -> str:
    """The digest in the headers; empty: there is none."""
    digest = answer.headers.get("Docker-Content-Digest", "")
    if digest and not _DIGEST.fullmatch(digest):
        raise UnreadableError("its digest is not a sha256: push the model with another tool")
    return digest


def _checked(answer: Response, wanted: str) -> str:
    """The digest of the body, which is the one that was wanted and the one that is told."""
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    if any(each and each != digest for each in (wanted, _told(answer))):
        raise UnreadableError(
            "the manifest does not have the digest that it is said to have: check whether "
            "something between the operator and the registry changes it"
        )
    return digest


def _version(answer: Response, digest: str) -> str:
    """The version that whoever pushed it has named; otherwise the beginning of its digest."""
    manifest = answer.document()
    if manifest.get("schemaVersion") != 2:
        raise UnreadableError("its answer is not a manifest: check its url and its kind")
    annotations = manifest.get("annotations")
    named = annotations.get(_VERSION) if isinstance(annotations, dict) else None
    if isinstance(named, str) and re.fullmatch("[A-Za-z0-9][-A-Za-z0-9_.+]*", named):
        return named[:LONGEST_VERSION]
    return digest.removeprefix("sha256:")[:12]
