"""A provider for several customers: isolation first, then roles, owners, teams, the organisation.

Everything it goes by is metadata of the workflow, under names of your own choice, and the identity
of whoever asks.
"""

from collections.abc import Mapping
from typing import Any

from redflow import AccessDenied
from redflow.auth import current, workflow_metadata

READING = ("view", "list")
USING = (*READING, "execute", "signal", "view_payload")


class MultiTenantAuth:
    """Customers never see each other; within one, roles and visibility decide.

    An admin may do everything, the owner of a workflow everything with it. A user may use what is
    visible to the organisation or to a team of theirs, and create workflows of their own; a viewer
    may look at it.
    """

    blocking = False  # it waits for nothing

    def check_access(self, resource: str, action: str) -> None:
        """Return to allow, raise to deny."""
        who = current()
        claims = {} if who is None else who.claims
        customer = claims.get("customer_id")
        if not customer:
            raise AccessDenied("nobody is logged in", hidden=True)
        workflow = workflow_metadata()
        if not workflow:
            return self._without_a_workflow(claims.get("role"), resource, action)
        if workflow.get("customer_id") != customer:
            raise AccessDenied(f"{resource} is another customer's", hidden=True)
        if claims.get("role") == "admin" or workflow.get("owner_id") == claims.get("user_id"):
            return None
        if self._is_visible(workflow, claims) and action in self._actions(claims.get("role")):
            return None
        raise AccessDenied(f"{claims.get('user_id')} may not {action} on {resource}")

    def _is_visible(self, workflow: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
        visibility = workflow.get("visibility", "private")
        if visibility == "team":
            return workflow.get("team_id") in claims.get("teams", ())
        return bool(visibility == "organization")

    def _actions(self, role: str | None) -> tuple[str, ...]:
        return {"user": USING, "viewer": READING}.get(role or "", ())

    def _without_a_workflow(self, role: str | None, resource: str, action: str) -> None:
        """Lists over all customers and the namespace itself are nobody's: operators use the CLI."""
        raise AccessDenied(f"{role} may not {action} on {resource}", hidden=True)
