"""A kind of object, and the kinds that every rollout needs."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object, and its API path."""

    name: str
    api_version: str
    plural: str

    @property
    def group(self) -> str:
        """API group; empty for core."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """Version in the group."""
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """The URL path of an object, of a collection without a name, or of all namespaces without a
        namespace."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{place}/{self.plural}" + (f"/{name}" if name else "") + sub


CONTROLLER_REVISION: Final = Kind("ControllerRevision", "apps/v1", "controllerrevisions")
MODEL_DEPLOYMENT: Final = Kind("ModelDeployment", "serinus.dev/v1alpha1", "modeldeployments")
SERVICE: Final = Kind("Service", "v1", "services")
