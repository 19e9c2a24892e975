"""An API server in memory: what is taken, what is refused, and what is told to those who watch."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Final

from pydantic_core import from_json, to_json

from serinus.api.base import rfc3339
from serinus.manifests.routers.rules import FRONTS
from tests.campaign.memory import apply, defaults, json_patch, schema
from tests.campaign.wire import PLURALS, Reply, Request, refusal, reply
from tests.support.task_kinds import SPECS

Manifest = dict[str, Any]
Place = tuple[str, str, str]
"""Kind, namespace and name; no namespace if it is of the cluster."""
Watcher = Callable[[str, Manifest], None]
"""Takes an event: ADDED, MODIFIED or DELETED, and the object."""

_COUNTED: Final = frozenset({"ModelDeployment", "Deployment", "Gateway", *FRONTS})
"""Kinds whose generation grows with their spec."""
_WITH_STATUS: Final = _COUNTED | {"Service", "Pod", "Job", *SPECS}
_BEFORE_SPEC: Final = ("apiVersion", "kind", "metadata", "status")


class RefusedError(Exception):
    """A request that is not granted."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.reply = refusal(status, reason, message)


class MemoryApi:
    """Objects, and the rules by which they are written.

    An object that was stored is never changed in place: whoever has it may keep it.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._objects: dict[Place, Manifest] = {}
        self._owned: dict[Place, dict[tuple[str, str], set[apply.Path]]] = {}
        """By object, manager and subresource, the fields that were applied."""
        self._versions = itertools.count(1000)
        self._uids = itertools.count(1)
        self._version = 1000
        self._continued: dict[str, tuple[str, list[Manifest]]] = {}
        """By continue token, the version of a list and what is left of it."""
        self.watchers: list[Watcher] = []
        self.admit: list[Callable[[Manifest], None]] = []
        """Mutating webhooks: each may change what is about to be stored."""
        self.refuse: list[Callable[[Manifest, Manifest | None], str | None]] = []
        """Admission policies: each may say why what is about to be stored is forbidden."""

    # for those who are part of the cluster

    def find(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object as it is stored."""
        return self._objects.get((kind, namespace, name))

    def all(self, kind: str, namespace: str | None = None) -> list[Manifest]:
        """All objects of a kind."""
        return [
            live
            for (each, where, _), live in self._objects.items()
            if each == kind and namespace in (None, where)
        ]

    def put(self, manifest: Manifest) -> Manifest:
        """Store what a part of the cluster itself writes, unchecked."""
        place = _place(manifest)
        before = self._objects.get(place)
        if before is not None and _same(before, manifest):
            return before
        return self._store(place, copied(manifest), before)

    def set_status(self, live: Manifest, status: Manifest) -> None:
        """Store a status, if the object is still there."""
        now = self._objects.get(_place(live))
        if now is not None and now["metadata"]["uid"] == live["metadata"]["uid"]:
            self.put({**now, "status": status})

    def mirror(self, event: str, live: Manifest) -> None:
        """Take over what another API server has."""
        if event == "DELETED":
            self._objects.pop(_place(live), None)
        else:
            self._objects[_place(live)] = live

    def drop(self, live: Manifest) -> None:
        """An object goes, and all that it owns after it."""
        place = _place(live)
        gone = self._objects.pop(place, None)
        if gone is None:
            return
        self._owned.pop(place, None)
        version = self._next()
        last = {**gone, "metadata": {**gone["metadata"], "resourceVersion": version}}
        self._tell("DELETED", last)

    def compact(self) -> None:
        """Forget what was: lists cannot be continued."""
        self._continued.clear()

    def orphans(self) -> list[Manifest]:
        """Objects of whose owners none is there any more."""
        uids = self._present()
        return [live for live in self._objects.values() if _is_orphan(live, uids)]

    def is_orphan(self, live: Manifest) -> bool:
        """Whether an object has owners, none of which is there."""
        return _is_orphan(live, self._present())

    def _present(self) -> frozenset[str]:
        # an object that a test has put there may have no uid, and then owns nothing
        return frozenset(live["metadata"].get("uid", "") for live in self._objects.values())

    # requests

    def answer(self, request: Request) -> Reply:
        """Grant a request, or refuse it in the API server's words."""
        kind, namespace, name, sub = request.place
        if not kind:
            return refusal(404, "NotFound", "the server could not find the requested resource")
        try:
            if name is None:
                return self._collection(request, kind, namespace)
            return self._object(request, (kind, namespace or "", name), sub)
        except RefusedError as refused:
            return refused.reply

    def _collection(self, request: Request, kind: str, namespace: str | None) -> Reply:
        if request.method == "GET":
            items = [
                live
                for live in self.all(kind, namespace)
                if selected(live, request.query.get("labelSelector", ""))
            ]
            return reply(200, self._page(request, items))
        assert namespace is not None
        if request.method != "POST":
            raise RefusedError(405, "MethodNotAllowed", f"{request.method} {request.path}")
        return reply(201, self._create(request, kind, namespace))

    def _page(self, request: Request, found: list[Manifest]) -> Manifest:
        """Of what is found now, or of the list that a token continues."""
        version, token = str(self._version), request.query.get("continue")
        if token is not None:
            if token not in self._continued:
                told = "The provided continue parameter is too old"
                raise RefusedError(410, "Expired", told)
            version, found = self._continued[token]
        limit = int(request.query.get("limit", 0)) or len(found)
        metadata = {"resourceVersion": version}
        if rest := found[limit:]:
            metadata["continue"] = f"{version}-{len(rest)}"
            self._continued[metadata["continue"]] = version, rest
        return {"metadata": metadata, "items": found[:limit]}

    def _object(self, request: Request, place: Place, sub: str) -> Reply:
        if request.content_type.startswith("application/apply-patch+yaml"):
            return reply(200, self._apply(request, place, sub))
        live = self._objects.get(place)
        if live is None:
            plural = PLURALS[place[0]]
            raise RefusedError(404, "NotFound", f'{plural} "{place[2]}" not found')
        if request.method == "GET":
            return reply(200, live)
        if request.method == "DELETE":
            self._check_delete(request.body or {}, live)
            self._delete(place, live)
            return reply(200, {"kind": "Status", "status": "Success"})
        if request.method == "POST" and (place[0], sub) == ("Pod", "eviction"):
            self._delete(place, live)
            return reply(201, {"kind": "Status", "status": "Success"})
        if request.method == "PUT":
            return reply(200, self._write(place, live, request.body, sub, request))
        if request.method == "PATCH" and "merge-patch" in request.content_type:
            patched = _merge_patched(live, request.body)
            return reply(200, self._write(place, live, patched, sub, request))
        if request.method == "PATCH" and "json-patch" in request.content_type:
            return reply(200, self._write(place, live, _json_patched(request, live), sub, request))
        raise RefusedError(405, "MethodNotAllowed", f"{request.method} {request.path}")

    def _delete(self, place: Place, live: Manifest) -> None:
        """At once, or once its last finalizer is gone."""
        if not live["metadata"].get("finalizers"):
            self.drop(live)
        elif "deletionTimestamp" not in live["metadata"]:
            leaving = {**live["metadata"], "deletionTimestamp": rfc3339(self._now())}
            self._store(place, {**live, "metadata": leaving}, live)

    def _check_delete(self, options: Manifest, live: Manifest) -> None:
        wanted = options.get("preconditions") or {}
        for key in ("uid", "resourceVersion"):
            if wanted.get(key, live["metadata"][key]) != live["metadata"][key]:
                told = f"the {key} in the precondition ({wanted[key]}) does not match"
                raise RefusedError(409, "Conflict", told)

    def _create(self, request: Request, kind: str, namespace: str) -> Manifest:
        manifest = {**request.body}
        place = kind, namespace, manifest["metadata"]["name"]
        if place in self._objects:
            told = f'{PLURALS[kind]} "{place[2]}" already exists'
            raise RefusedError(409, "AlreadyExists", told)
        if kind in _WITH_STATUS:
            manifest.pop("status", None)
        return self._admit(place, manifest, None, request)

    def _apply(self, request: Request, place: Place, sub: str) -> Manifest:
        config, manager = request.body, (request.query["fieldManager"], sub)
        live = self._objects.get(place)
        given = config["metadata"].get("resourceVersion")
        if live is None:
            if sub or given:
                plural = PLURALS[place[0]]
                raise RefusedError(404, "NotFound", f'{plural} "{place[2]}" not found')
        elif given not in (None, live["metadata"]["resourceVersion"]):
            raise _modified(place)
        meant = {k: v for k, v in config.items() if k not in ("apiVersion", "kind", "metadata")}
        meta = {
            k: v
            for k, v in config["metadata"].items()
            if k in ("labels", "annotations", "ownerReferences") and not sub
        }
        meant = {**meant, **({"metadata": meta} if meta else {})}
        owned = dict(self._owned.get(place, {}))
        before, after = owned.get(manager, set()), apply.fields(meant)
        if live is not None and request.query.get("force") != "true":
            self._check_conflicts(live, meant, owned, manager, after)
        owned[manager] = after
        held = apply.leading(set().union(*owned.values()))
        gone = before - held
        base = live or {"apiVersion": config["apiVersion"], "kind": config["kind"]}
        whole = apply.merged(base, meant)
        whole = apply.without(whole, gone, held)
        if live is None:
            whole["metadata"] = {**config["metadata"], **meta}
        stored = (
            self._admit(place, whole, None, request)
            if live is None
            else self._write(place, live, whole, sub, request)
        )
        self._owned[place] = owned
        return stored

    def _check_conflicts(
        self,
        live: Manifest,
        meant: Manifest,
        owned: dict[tuple[str, str], set[apply.Path]],
        manager: tuple[str, str],
        after: set[apply.Path],
    ) -> None:
        for other, paths in owned.items():
            for path in sorted(paths & after, key=str):
                if other != manager and _at(live, path) != _at(meant, path):
                    told = f'Apply failed with 1 conflict: conflict with "{other[0]}": {path}'
                    raise RefusedError(409, "Conflict", told)

    def _write(
        self, place: Place, live: Manifest, manifest: Manifest, sub: str, request: Request
    ) -> Manifest:
        given = manifest["metadata"].get("resourceVersion")
        if given not in (None, live["metadata"]["resourceVersion"]):
            raise _modified(place)
        if manifest["metadata"].get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
            raise RefusedError(409, "Conflict", "Precondition failed: UID in precondition")
        if sub == "status":
            wanted = {**live, "status": manifest.get("status")}
            if wanted["status"] is None:
                wanted.pop("status")
        elif sub == "scale":
            replicas = manifest["spec"]["replicas"]
            wanted = {**live, "spec": {**live["spec"], "replicas": replicas}}
        else:
            wanted = dict(manifest)
            if place[0] in _WITH_STATUS:
                wanted.pop("status", None)
                if "status" in live:
                    wanted["status"] = live["status"]
        return self._admit(place, wanted, live, request)

    def _admit(
        self, place: Place, manifest: Manifest, live: Manifest | None, request: Request
    ) -> Manifest:
        """Default, check and store."""
        kind = place[0]
        manifest = copied(manifest)
        for webhook in self.admit:
            webhook(manifest)
        if kind == "ModelDeployment":
            manifest = self._checked(place, manifest, request)
        else:
            defaults.completed(manifest)
        self._check_immutable(kind, manifest, live)
        metadata = {**manifest["metadata"], "namespace": place[1], "name": place[2]}
        if live is None:
            metadata |= {
                "uid": f"uid-{next(self._uids)}",
                "creationTimestamp": rfc3339(self._now()),
            }
            metadata.pop("resourceVersion", None)
            if kind in _COUNTED:
                metadata["generation"] = 1
        else:
            kept = (
                *("uid", "creationTimestamp", "deletionTimestamp"),
                *("generation", "resourceVersion"),
            )
            metadata |= {key: live["metadata"][key] for key in kept if key in live["metadata"]}
            if kind in _COUNTED and _spec(manifest) != _spec(live):
                metadata["generation"] = live["metadata"].get("generation", 1) + 1
        manifest["metadata"] = metadata
        self._check_policies(place, manifest, live)
        if "dryRun" in request.query:
            return manifest
        if live is not None and _same(live, manifest):
            return live
        stored = self._store(place, manifest, live)
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            self.drop(stored)
        return stored

    def _check_policies(self, place: Place, manifest: Manifest, live: Manifest | None) -> None:
        for policy in self.refuse:
            if why := policy(manifest, live):
                words = f'{PLURALS[place[0]]} "{place[2]}" is forbidden: '
                words += (
                    f"ValidatingAdmissionPolicy 'test' with binding 'test' denied request: {why}"
                )
                raise RefusedError(403, "Forbidden", words + why)

    def _checked(self, place: Place, manifest: Manifest, request: Request) -> Manifest:
        told = schema.model_deployments()
        body = {k: v for k, v in manifest.items() if k in ("spec", "status")}
        if request.query.get("fieldValidation") == "Strict":
            names = list(schema.unknown(body, told))
            if names:
                raise RefusedError(
                    400, "BadRequest", f'strict decoding error: unknown field "{names[0]}"'
                )
        body = schema.completed(body, told)
        wrong = list(schema.wrong(body, told))
        if wrong:
            words = f'ModelDeployment.serinus.dev "{place[2]}" is invalid: {wrong[0]}'
            raise RefusedError(422, "Invalid", words)
        return {**{k: v for k, v in manifest.items() if k not in ("spec", "status")}, **body}

    def _check_immutable(self, kind: str, manifest: Manifest, live: Manifest | None) -> None:
        if live is None:
            return
        path = {"ControllerRevision": ("data",), "Deployment": ("spec", "selector")}.get(kind)
        if path is not None and _at(live, path) != _at(manifest, path):
            told = f"{kind} is invalid: {'.'.join(path)}: field is immutable"
            raise RefusedError(422, "Invalid", told)

    def _store(self, place: Place, manifest: Manifest, before: Manifest | None) -> Manifest:
        metadata = {**manifest["metadata"], "resourceVersion": self._next()}
        if before is None:
            metadata.setdefault("uid", f"uid-{next(self._uids)}")
        stored = {**manifest, "metadata": metadata}
        self._objects[place] = stored
        self._tell("ADDED" if before is None else "MODIFIED", stored)
        return stored

    def _next(self) -> str:
        self._version = next(self._versions)
        return str(self._version)

    def _tell(self, event: str, live: Manifest) -> None:
        for watcher in list(self.watchers):
            watcher(event, live)


def selected(live: Manifest, selector: str) -> bool:
    """Whether an object's labels meet a selector of `key=value` and `key`."""
    labels = live["metadata"].get("labels") or {}
    wanted = [part.partition("=") for part in selector.split(",") if part]
    return all(
        labels.get(key) == value if equals else key in labels for key, equals, value in wanted
    )


def copied(live: Manifest) -> Manifest:
    """As it comes over the wire."""
    found: Manifest = from_json(to_json(live))
    return found


def _is_orphan(live: Manifest, uids: frozenset[str]) -> bool:
    owners = live["metadata"].get("ownerReferences")
    return bool(owners) and uids.isdisjoint(owner["uid"] for owner in owners)


def _place(manifest: Manifest) -> Place:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def _modified(place: Place) -> RefusedError:
    told = f'Operation cannot be fulfilled on {PLURALS[place[0]]} "{place[2]}": '
    told += "the object has been modified; please apply your changes to the latest version"
    return RefusedError(409, "Conflict", told)


def _spec(manifest: Manifest) -> Manifest:
    return {key: value for key, value in manifest.items() if key not in _BEFORE_SPEC}


def _same(one: Manifest, other: Manifest) -> bool:
    return _without_version(one) == _without_version(other)


def _without_version(manifest: Manifest) -> Manifest:
    metadata = {k: v for k, v in manifest["metadata"].items() if k != "resourceVersion"}
    return {**manifest, "metadata": metadata}


def _json_patched(request: Request, live: Manifest) -> Manifest:
    try:
        found: Manifest = json_patch.patched(live, request.body)
    except LookupError:
        told = "the server rejected our request due to an error in our request"
        raise RefusedError(422, "Invalid", told) from None
    return found


def _merge_patched(live: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    base = dict(live) if isinstance(live, dict) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = _merge_patched(base.get(key), value)
    return base


def _at(value: Any, path: Iterable[Any]) -> Any:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
