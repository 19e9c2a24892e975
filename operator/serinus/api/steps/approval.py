"""A step that waits for a person with the right to approve."""

from serinus.api.base import Type


class Approval(Type):
    """A wait at the current weight until somebody approves the candidate. Who may do so is decided
    by the RBAC verb approve on this ModelDeployment; serinus approve does it."""
