"""Requests to the API server, bounded in time and number, counted, with the server's error
messages."""

import asyncio
import contextlib
import copy
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes import aio

from serinus.api.quantities import retry_after
from serinus.manifests.kinds import KINDS, Kind
from serinus.manifests.owner import Manifest

Manifests = list[Manifest]

FIELD_MANAGER: Final = "serinus"
PAGE: Final = 250
"""Maximum number of objects per request of a list."""
NOTE_BYTES: Final = 1024
"""Maximum length of an Event's note in the API server."""
# with its charset the client takes the body as text, and without it writes JSON of its own
_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"
_JSON: Final = "application/json"
_MERGE: Final = "application/merge-patch+json"
_YAML: Final = "application/yaml"
_OF_THE_POD: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_CONCURRENT: Final = 32
_CONCURRENT_URGENT: Final = 8
_WRITES: Final = frozenset({"create", "update", "apply", "merge", "delete", "evict"})


class ApiError(Exception):
    """The API server rejected a request or could not be reached; the message is the server's."""

    def __init__(
        self, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {reason}: {message}" if status else message)
        self.status = status
        """HTTP status; 0 without a response."""
        self.reason = reason
        self.retry_after = retry_after
        """The server's Retry-After in seconds, if there is one."""

    @property
    def absent(self) -> bool:
        """The object or its kind does not exist."""
        return self.status == 404

    @property
    def conflict(self) -> bool:
        """The object has changed, or exists already."""
        return self.status == 409

    @property
    def expired(self) -> bool:
        """The requested resourceVersion is too old."""
        return self.status == 410

    @property
    def refused(self) -> bool:
        """The request is invalid or forbidden, and would be rejected again."""
        # server-side apply tells as its own fault of a field that is unknown, of no such value, and
        # of two entries with one key
        unreadable = (
            "failed to create typed patch object",
            "failed to convert new object",
            "duplicate entries for key",
        )
        misread = self.status == 500 and any(words in str(self) for words in unreadable)
        return misread or self.status in (400, 403, 413, 415, 422)


class Cluster:
    """The part of the Kubernetes API that Serinus uses."""

    def __init__(self, api: aio.client.ApiClient, timeout: float = 15.0) -> None:
        self._api = api
        self._timeout = timeout
        self._turns = asyncio.Semaphore(_CONCURRENT)
        self.requests: Counter[tuple[str, str]] = Counter()
        """Requests so far by (verb, kind); verbs are get, list, create, update, apply, merge,
        delete, evict, dry-run."""
        self._allowed: dict[tuple[str, str], Kind] = {}
        self.refused_writes: Counter[str] = Counter()
        """Rejected writes by kind, which would be rejected again."""

    @cached_property
    def urgent(self) -> "Cluster":
        """The same API server, for requests that must not wait for others."""
        found = copy.copy(self)
        found._turns = asyncio.Semaphore(_CONCURRENT_URGENT)
        return found

    def allow(self, kinds: Iterable[Kind]) -> None:
        """Other kinds that may be found, created and deleted from now on."""
        self._allowed.update({(each.api_version, each.name): each for each in kinds})

    def _kind(self, manifest: Manifest) -> Kind:
        kind = manifest["kind"]
        return self._allowed.get((manifest.get("apiVersion", ""), kind)) or KINDS[kind]

    async def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """One object. Raises ApiError, `absent` if there is none."""
        return await self._call("get", kind, "GET", KINDS[kind].path(namespace, name))

    async def find(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """One object, None if there is none."""
        try:
            return await self.get(kind, namespace, name)
        except ApiError as error:
            if error.absent:
                return None
            raise

    async def find_like(self, manifest: Manifest) -> Manifest | None:
        """The object of this kind and name, None if there is none."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        path = self._kind(manifest).path(metadata["namespace"], metadata["name"])
        try:
            return await self._call("get", kind, "GET", path)
        except ApiError as error:
            if error.absent:
                return None
            raise

    async def list(
        self, kind: str, namespace: str | None = None, selector: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, in one namespace or in all, that match the label selector; for
        kinds with few objects."""
        return (await self._list(kind, namespace, selector))[0]

    async def pages(
        self, kind: str, namespace: str | None = None, selector: str = ""
    ) -> AsyncIterator[tuple[Manifests, int]]:
        """The same, PAGE objects at a time, for any number of objects.

        Each page has the resourceVersion of the list, which is the same for all pages. Raises
        ApiError, `expired` if the API server has discarded that version.
        """
        token: str | None = ""
        while token is not None:
            query = [("limit", str(PAGE)), *([("continue", token)] if token else [])]
            found, metadata = await self._list(kind, namespace, selector, query)
            token = metadata.get("continue") or None
            yield found, int(metadata["resourceVersion"])
            del found  # frees its memory before the next page is read

    async def _list(
        self,
        kind: str,
        namespace: str | None,
        selector: str,
        query: Iterable[tuple[str, str]] = (),
    ) -> tuple[Manifests, Manifest]:
        """Items, and the metadata of the list.

        Items have kind and apiVersion, which the API server omits in lists.
        """
        query = [*query, *([("labelSelector", selector)] if selector else [])]
        found = await self._call("list", kind, "GET", KINDS[kind].path(namespace), query=query)
        head = {"apiVersion": KINDS[kind].api_version, "kind": kind}
        return [{**head, **item} for item in found["items"]], found["metadata"]

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object. Raises ApiError, `conflict` if it exists."""
        kind, namespace = manifest["kind"], manifest["metadata"]["namespace"]
        path, query = self._kind(manifest).path(namespace), [("fieldManager", FIELD_MANAGER)]
        # A ControllerRevision's data is kept byte for byte as it came in JSON, spaces and all, and
        # each later patch writes it anew as Go does: to the server that is a change of what must
        # not change. From YAML, which JSON is too, it writes it as Go does at once.
        form = _YAML if kind == "ControllerRevision" else _JSON
        return await self._call("create", kind, "POST", path, manifest, query, form)

    async def update(self, manifest: Manifest) -> Manifest:
        """Replace an object if its resourceVersion is still the one given."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        path = KINDS[kind].path(metadata["namespace"], metadata["name"])
        return await self._call("update", kind, "PUT", path, manifest)

    async def apply(self, manifest: Manifest, *, force: bool = True) -> Manifest:
        """Server-side apply: the given fields become ours. Without force, raises ApiError with
        `conflict` if another manager has a different value."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        path = KINDS[kind].path(metadata["namespace"], metadata["name"])
        forced = ("force", "true" if force else "false")
        query = [("fieldManager", FIELD_MANAGER), forced, ("fieldValidation", "Strict")]
        return await self._call("apply", kind, "PATCH", path, manifest, query, _APPLY)

    async def merge(self, live: Manifest, changes: Manifest) -> Manifest:
        """Change these fields, replacing lists, if the object is still the given one (`conflict` if
        not)."""
        kind, metadata = live["kind"], live["metadata"]
        path = KINDS[kind].path(metadata["namespace"], metadata["name"])
        same = {"resourceVersion": metadata["resourceVersion"]}
        wanted = {**changes, "metadata": {**changes.get("metadata", {}), **same}}
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]
        return await self._call("merge", kind, "PATCH", path, wanted, query, _MERGE)

    async def update_status(self, live: Manifest, status: Mapping[str, Any]) -> Manifest:
        """Replace the whole status if the object is still the given one (`conflict` if not).

        Not by server-side apply, which turns a map of ours that has become empty into null.
        """
        return await self._put_status(live, status, "update")

    async def _put_status(
        self,
        live: Manifest,
        status: Mapping[str, Any],
        verb: str,
        options: Iterable[tuple[str, str]] = (),
    ) -> Manifest:
        kind, metadata = live["kind"], live["metadata"]
        kept = ("name", "namespace", "uid", "resourceVersion")
        manifest = {
            "apiVersion": live["apiVersion"],
            "kind": kind,
            "metadata": {key: metadata[key] for key in kept},
            "status": dict(status),
        }
        path = KINDS[kind].path(metadata["namespace"], metadata["name"], "/status")
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"), *options]
        return await self._call(verb, kind, "PUT", path, manifest, query)

    async def refusal_of_status(self, live: Manifest, status: Mapping[str, Any]) -> str | None:
        """Why the API server would refuse this status, which is not written; None if it would not.
        Raises ApiError if it does not answer that."""
        try:
            await self._put_status(live, status, "dry-run", [("dryRun", "All")])
        except ApiError as error:
            if error.refused:
                return str(error)
            raise
        return None

    async def served_schema(self, kind: str) -> Mapping[str, Any]:
        """The schema of a kind as the API server describes it; empty if it does not."""
        group, version = KINDS[kind].api_version.split("/")
        path = f"/openapi/v3/apis/{group}/{version}"
        found = await self._call("get", kind, "GET", path)
        this = {"group": group, "version": version, "kind": kind}
        for schema in found.get("components", {}).get("schemas", {}).values():
            if this in schema.get("x-kubernetes-group-version-kind", ()):
                return dict(schema)
        return {}

    async def delete(self, live: Manifest) -> None:
        """Delete this object (not another with its name); not an error if it is already gone."""
        kind, metadata = live["kind"], live["metadata"]
        path = self._kind(live).path(metadata["namespace"], metadata["name"])
        options = {
            "propagationPolicy": "Background",
            "preconditions": {"uid": metadata["uid"]},
        }
        try:
            await self._call("delete", kind, "DELETE", path, options)
        except ApiError as error:
            if not (error.absent or error.conflict):
                raise

    async def evict(self, namespace: str, pod: str) -> None:
        """Delete a pod unless a PodDisruptionBudget forbids it, which is told as 429."""
        manifest = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
        }
        path = KINDS["Pod"].path(namespace, pod, "/eviction")
        await self._call("evict", "Pod", "POST", path, manifest)

    async def create_event(
        self, live: Manifest, reason: str, note: str, *, warning: bool = False
    ) -> None:
        """Create an event about an object; `kubectl describe` shows it."""
        metadata, moment = live["metadata"], datetime.now(UTC)
        now = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        regarding = {
            "apiVersion": live["apiVersion"],
            "kind": live["kind"],
            **{key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion")},
        }
        event = {
            "apiVersion": KINDS["Event"].api_version,
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{secrets.token_hex(8)}",
                "namespace": metadata["namespace"],
            },
            "eventTime": now,
            "reportingController": "serinus.dev/operator",
            "reportingInstance": os.environ.get("HOSTNAME", "serinus")[:128],
            "action": reason,
            "reason": reason,
            "regarding": regarding,
            "note": note.encode()[:NOTE_BYTES].decode(errors="ignore"),
            "type": "Warning" if warning else "Normal",
        }
        await self.create(event)

    async def _call(
        self,
        verb: str,
        kind: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Iterable[tuple[str, str]] = (),
        content_type: str = _JSON,
    ) -> Manifest:
        self.requests[(verb, kind)] += 1
        sent = _as_yaml(body) if content_type in (_YAML, _APPLY) else body
        headers = {"Accept": _JSON, "Content-Type": content_type}
        try:
            # this reads the token again once it is old
            request = await self._api.param_serialize(
                method,
                path,
                query_params=list(query),
                body=sent,
                auth_settings=["BearerToken"],
                header_params=headers,
            )
            async with self._turns:
                answer = await self._api.call_api(*request, _request_timeout=self._timeout)
                raw = await answer.read()
                wait = _retry_after(answer.status, answer.headers)
        except (aiohttp.ClientError, aio.config.ConfigException, OSError) as error:
            message = str(error) or type(error).__name__
            raise ApiError(0, "", f"API server: {method} {path}: {message}") from error
        try:
            return _read(answer.status, raw, wait)
        except ApiError as error:
            if verb in _WRITES and error.refused:
                self.refused_writes[kind] += 1
            raise


def _retry_after(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds; None if the answer asks for no wait."""
    if status not in (429, 503):
        return None
    return retry_after(headers.get("Retry-After", ""), headers.get("Date", ""))


def _as_yaml(body: Mapping[str, Any] | None) -> str:
    """JSON that YAML parsers read identically. YAML has no surrogate pairs, and treats some
    characters as line breaks or rejects them: characters beyond 16 bits are written as they are,
    and all others beyond ASCII by their number."""
    text = json.dumps(body, ensure_ascii=False)
    return re.sub("[\x7f-\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _read(status: int, raw: bytes, retry_after: float | None = None) -> Manifest:
    try:
        found = dict(json.loads(raw or b"{}"))
    except (TypeError, ValueError):
        found = {"message": raw.decode(errors="replace")[:300], "reason": "NotJson"}
        status = status if status >= 400 else 500  # an unknown group is reported in plain text
    except RecursionError:
        # as deep as the API server takes is deeper than some versions of Python read
        raise ApiError(500, "NotJson", "the answer is nested too deep to be read") from None
    if status >= 400:
        reason, message = str(found.get("reason", "")), str(found.get("message", found))
        raise ApiError(status, reason, message, retry_after)
    return found


@asynccontextmanager
async def connect(timeout: float = 15.0) -> AsyncIterator[Cluster]:
    """A Cluster by the service account of the pod, otherwise by KUBECONFIG or ~/.kube/config.

    Raises ApiError if there is neither.
    """
    configuration = aio.client.Configuration()
    # otherwise ~/.netrc and the proxies of the environment are read for each request
    configuration.client_session_kwargs = {"trust_env": False}
    try:
        aio.config.load_incluster_config(configuration)
    except aio.config.ConfigException as pod:
        await _load_kubeconfig(configuration, pod)
    async with aio.client.ApiClient(configuration) as api:
        yield Cluster(api, timeout)


async def _load_kubeconfig(configuration: aio.client.Configuration, pod: Exception) -> None:
    # the client's own default is read once, at import
    path = os.environ.get("KUBECONFIG")
    try:
        await aio.config.load_kube_config(
            path, client_configuration=configuration, persist_config=False
        )
    except Exception as error:  # the client may raise anything for an invalid file
        message = (
            f"no API server is configured: no kubeconfig at {path or '~/.kube/config'} ({error}), "
        )
        raise ApiError(0, "", f"{message}and no service account ({pod})") from error


def current_namespace() -> str:
    """The namespace of the pod's service account, else of the kubeconfig's current context, else
    default."""
    with contextlib.suppress(OSError):
        return _OF_THE_POD.read_text(encoding="utf-8").strip()
    try:
        _, current = aio.config.list_kube_config_contexts(os.environ.get("KUBECONFIG"))
        namespace: str = current["context"].get("namespace") or "default"
    except Exception:  # `connect` reports errors of the kubeconfig
        return "default"
    return namespace
