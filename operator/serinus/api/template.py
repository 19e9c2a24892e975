"""The part of a pod template's schema that Serinus reads; the API server validates the rest.

Errors in this part are rejected at once, and not only when pods are created.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from serinus.api.problem import Problem

LABEL_PREFIX: Final = "serinus.dev/"
"""Prefix of labels that only Serinus sets."""
_RESERVED: Final = f"labels that start with {LABEL_PREFIX} are reserved for Serinus"

NO_PORT: Final = (
    "a container must have a TCP port for the traffic: ports: [{name: http, containerPort: 8080}]"
)

_JSON_TYPES: Final = {"object": dict, "array": list, "string": str, "integer": int}
_LEAST: Final = ("minimum", "minLength", "minItems")
_MOST: Final = ("maximum", "maxLength", "maxItems", "maxProperties")

Schema = dict[str, Any]


def _object(description: str, required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """An object with some typed fields; any other field may be set."""
    return {
        "description": description,
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        **({"required": list(required)} if required else {}),
        **({"properties": properties} if properties else {}),
    }


def _named(description: str, most: int, items: Schema, **more: Any) -> Schema:
    """A list whose items differ by name."""
    return {
        "description": description,
        "type": "array",
        "maxItems": most,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": items,
        **more,
    }


def _text(description: str, longest: int, **more: Any) -> Schema:
    return {"description": description, "type": "string", "maxLength": longest, **more}


def _rule(rule: str, message: str) -> Schema:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message}]}


_NAME: Final = _text(
    "Name of the container.",
    63,
    minLength=1,
    **_rule(
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "a container's name must consist of lower-case letters, digits and -",
    ),
)
_IMAGE: Final = _text("Image of the container.", 1024, minLength=1)
_PORT: Final = _object(
    "A port of the container.",
    ("containerPort",),
    name=_text("Name of the port.", 15),
    protocol=_text("Protocol of the port; defaults to TCP.", 8),
    containerPort={
        "description": "Number of the port.",
        "type": "integer",
        "minimum": 1,
        "maximum": 65535,
    },
)
_PORTS: Final = {
    "description": "Ports that the container listens on.",
    "type": "array",
    "maxItems": 32,
    "items": _PORT,
}
VARIABLE_SCHEMA: Final = _object(
    "An environment variable.",
    ("name",),
    name=_text("Name of the variable.", 512),
    value=_text("Value of the variable; quote numbers.", 131072, nullable=True),
)
SOURCE_SCHEMA: Final = _object("A ConfigMap or Secret whose keys become environment variables.")
_ENV: Final = _named(
    "Environment variables of the container. They may refer to $(MODEL_URI) and $(MODEL_VERSION).",
    1000,
    VARIABLE_SCHEMA,
    nullable=True,
)
_MOUNTS: Final = {
    "description": "Volumes mounted into the container.",
    "type": "array",
    "maxItems": 200,
    "nullable": True,
    "items": _object(
        "A mount.", ("mountPath",), mountPath=_text("Mount path in the container.", 4096)
    ),
}


def _container(description: str) -> Schema:
    return _object(
        description,
        ("name", "image"),
        name=_NAME,
        image=_IMAGE,
        ports=_PORTS,
        env=_ENV,
        volumeMounts=_MOUNTS,
    )


def _texts(description: str, **more: Any) -> Schema:
    return {
        "description": description,
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 65536},
        **more,
    }


_METADATA: Final = _object(
    "Labels and annotations of the pods.",
    labels=_texts(
        "Labels of the pods.",
        **_rule(f"!self.exists(key, key.startsWith('{LABEL_PREFIX}'))", _RESERVED),
    ),
    annotations=_texts("Annotations of the pods."),
)

TEMPLATE_SCHEMA: Final[Schema] = _object(
    "Pod template, as in a Deployment. Serinus adds labels, and if model is set, MODEL_URI and "
    "MODEL_VERSION in each container.",
    ("spec",),
    metadata=_METADATA,
    spec={
        **_object(
            "Spec of the pods, as in a Deployment.",
            ("containers",),
            containers=_named(
                "Containers of a pod. Traffic goes to the port named http, otherwise to the first "
                "TCP port.",
                32,
                _container("A container."),
                minItems=1,
            ),
            initContainers=_named(
                "Init containers and sidecars.",
                32,
                _container("A container."),
                nullable=True,
            ),
            volumes=_named(
                "Volumes that containers can mount.",
                200,
                _object("A volume.", ("name",), name=_text("Name of the volume.", 63)),
                nullable=True,
            ),
            restartPolicy=_text("Must be Always.", 16, enum=["Always"]),
        ),
        **_rule(
            "self.containers.exists(c, has(c.ports) && "
            "c.ports.exists(p, !has(p.protocol) || p.protocol == 'TCP'))",
            NO_PORT,
        ),
    },
)

_TASK_CONTAINER: Final = _object(
    "A container.",
    ("name", "image"),
    name=_NAME,
    image=_IMAGE,
    env=_ENV,
    securityContext={**_object("What the container may do."), "nullable": True},
)
TASK_SCHEMA: Final[Schema] = _object(
    "Pod template, as in a Job. Serinus adds labels, and to each container: CANDIDATE_SERVICE and "
    "STABLE_SERVICE, host:port of the Services of both revisions; CANDIDATE_PODS, host:port of a "
    "name that stands for the addresses of the candidate's ready pods; CANDIDATE_REVISION and "
    "STABLE_REVISION; MODEL_DEPLOYMENT, its name; STEP, the step's number from 1; WEIGHT, the "
    "candidate's percentage; and if model is set, MODEL_URI and MODEL_VERSION. Unless the template "
    "says otherwise, a pod gets no token of a ServiceAccount, and runs as the restricted Pod "
    "Security Standard requires.",
    ("spec",),
    metadata=_METADATA,
    spec=_object(
        "Spec of the pods, as in a Job.",
        ("containers",),
        containers=_named(
            "Containers of a pod.",
            32,
            _TASK_CONTAINER,
            minItems=1,
        ),
        initContainers=_named("Init containers.", 32, _TASK_CONTAINER, nullable=True),
        securityContext={**_object("What the pod may do."), "nullable": True},
        restartPolicy=_text("Must be Never.", 16, enum=["Never"]),
    ),
)

RETRAINING_SCHEMA: Final[Schema] = {
    **TASK_SCHEMA,
    "description": "Pod template, as in a Job. Serinus adds labels, and to each container: "
    "RETRAINING, a JSON object that says what is beyond its reference or limit, by how much and "
    "since when; MODEL_DEPLOYMENT, its name; STABLE_REVISION and STABLE_SERVICE, host:port; and if "
    "model is set, MODEL_URI and MODEL_VERSION of stable. Unless the template says otherwise, a "
    "pod gets no token of a ServiceAccount, and runs as the restricted Pod Security Standard "
    "requires.",
}


ANY_SPEC: Final[Schema] = _object(
    "Spec of the object, without the name of a ServiceAccount. Serinus adds annotations to the "
    "object: serinus.dev/retraining, a JSON object that says what is beyond its reference or "
    "limit, by how much and since when; serinus.dev/model-deployment, serinus.dev/stable-revision, "
    "serinus.dev/stable-service; and if model is set, serinus.dev/model-uri and "
    "serinus.dev/model-version of stable."
)


def of_template(template: Any, field: str) -> Iterator[Problem]:
    """What the API server would reject in the pod template of a revision."""
    found = list(of_task(template, field, TEMPLATE_SCHEMA))
    yield from found
    if not found and not any(_has_tcp_port(each) for each in template["spec"]["containers"]):
        yield Problem(f"{field}.spec.containers", NO_PORT)


def of_task(template: Any, field: str, schema: Schema = TASK_SCHEMA) -> Iterator[Problem]:
    """What the API server would reject in the pod template of a Job."""
    found = list(of_schema(schema, template, field))
    yield from found
    if not found and any(key.startswith(LABEL_PREFIX) for key in _labels(template)):
        yield Problem(f"{field}.metadata.labels", _RESERVED)


def _labels(template: dict[str, Any]) -> dict[str, str]:
    return (template.get("metadata") or {}).get("labels") or {}


def _has_tcp_port(container: dict[str, Any]) -> bool:
    return any(port.get("protocol", "TCP") == "TCP" for port in container.get("ports") or [])


def of_schema(schema: dict[str, Any], value: Any, field: str) -> Iterator[Problem]:
    """What the API server would reject by a structural schema, without CEL rules."""
    if value is None and schema.get("nullable"):
        return
    if not isinstance(value, _JSON_TYPES[schema["type"]]) or isinstance(value, bool):
        yield Problem(field, f"must be of type {schema['type']}")
        return
    yield from _out_of_bounds(schema, value, field)
    if isinstance(value, dict):
        for key in schema.get("required", ()):
            if key not in value:
                yield Problem(f"{field}.{key}", "is required")
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if inner:
                yield from of_schema(inner, item, f"{field}.{key}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from of_schema(schema["items"], item, f"{field}[{index}]")
        yield from _alike(schema.get("x-kubernetes-list-map-keys", ()), value, field)


def _out_of_bounds(schema: dict[str, Any], value: Any, field: str) -> Iterator[Problem]:
    size = value if isinstance(value, int) else len(value)
    least = next((schema[key] for key in _LEAST if key in schema), size)
    most = next((schema[key] for key in _MOST if key in schema), size)
    if not least <= size <= most:
        what = "must be" if isinstance(value, int) else "must have a size of"
        bounds = f"at least {least}" if size < least else f"at most {most}"
        yield Problem(field, f"{what} {bounds}")
    if value not in schema.get("enum", [value]):
        yield Problem(field, f"must be {' or '.join(schema['enum'])}")


def _alike(keys: Sequence[str], items: list[Any], field: str) -> Iterator[Problem]:
    """Items of a list that should differ by these keys."""
    known = [tuple(each.get(key) for key in keys) for each in items if isinstance(each, dict)]
    for index, key in enumerate(known) if keys else ():
        if key in known[:index]:
            yield Problem(f"{field}[{index}]", f"another item is also named {key[0]}")
