"""The part of a pod template's schema that Serinus reads; the API server validates the rest.

Errors in this part are rejected at once, and not only when pods are created.
"""

from typing import Any, Final

LABEL_PREFIX: Final = "serinus.dev/"
"""Prefix of labels that only Serinus sets."""

NO_PORT: Final = (
    "a container must have a TCP port for the traffic: ports: [{name: http, containerPort: 8080}]"
)

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
_ENV: Final = _named(
    "Environment variables of the container. They may refer to $(MODEL_URI) and $(MODEL_VERSION).",
    1000,
    _object(
        "An environment variable.",
        ("name",),
        name=_text("Name of the variable.", 512),
        value=_text("Value of the variable; quote numbers.", 131072, nullable=True),
    ),
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


TEMPLATE_SCHEMA: Final[Schema] = _object(
    "Pod template, as in a Deployment. Serinus adds labels, and if model is set, MODEL_URI and "
    "MODEL_VERSION in each container.",
    ("spec",),
    metadata=_object(
        "Labels and annotations of the pods.",
        labels=_texts(
            "Labels of the pods.",
            **_rule(
                f"!self.exists(key, key.startsWith('{LABEL_PREFIX}'))",
                f"labels that start with {LABEL_PREFIX} are reserved for Serinus",
            ),
        ),
        annotations=_texts("Annotations of the pods."),
    ),
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
