"""Four roles, each with the rights of the one before it, and a provider that goes by them."""

from __future__ import annotations

from redflow.auth.principal import EVERY_NAMESPACE, Principal, current
from redflow.errors import AccessDenied, InvalidInput

ROLES = ("viewer", "operator", "author", "admin")
"""From the fewest rights to all of them; all hold within a namespace."""

ANY = "*"
_OWN: dict[str, dict[str, frozenset[str]]] = {
    "viewer": {
        kind: frozenset({"view", "list"})
        for kind in ("workflow", "execution", "schedule", "webhook", "namespace")
    },
    "operator": {
        "workflow": frozenset({"execute", "pause"}),
        "execution": frozenset({"cancel", "signal", "retry", "pause", "edit", "view_payload"}),
        "schedule": frozenset({"execute", "pause"}),
        "namespace": frozenset({"pause"}),
    },
    "author": {
        "workflow": frozenset({"create", "edit", "delete"}),
        "schedule": frozenset({"create", "edit", "delete"}),
        "webhook": frozenset({"create", "edit", "delete"}),
        "secret": frozenset({"list", "use"}),
    },
    "admin": {ANY: frozenset({ANY})},
}
"""What each role adds to the one before it: by kind of resource, the actions."""


def check_role(role: object) -> str:
    """Return the name of a role, or raise InvalidInput."""
    if isinstance(role, str) and role in ROLES:
        return role
    raise InvalidInput(
        f"{str(role)[:80]!r} is no role", field="role", hint=f"roles are {', '.join(ROLES)}"
    )


def allows(role: str, kind: str, action: str) -> bool:
    """Say whether a role may do something with a kind of resource; an unknown role may not."""
    if role not in ROLES:
        return False
    for one in ROLES[: ROLES.index(role) + 1]:
        for known, actions in _OWN[one].items():
            if known in (ANY, kind) and not actions.isdisjoint((ANY, action)):
                return True
    return False


def roles_in(principal: Principal, namespace: str) -> set[str]:
    """Return the roles that a principal has in a namespace."""
    entered = not {namespace, EVERY_NAMESPACE}.isdisjoint(principal.namespaces)
    held = set()
    for role in principal.roles:
        of, parted, name = role.rpartition(":")
        if (parted and of == namespace) or (not parted and entered):
            held.add(name)
    return held


class RoleProvider:
    """Allows what the roles of the principal allow in the namespace that is meant."""

    blocking = False
    reads_metadata = False

    def check_access(self, resource: str, action: str) -> None:
        """Raise AccessDenied, `hidden` for who has no role in the namespace at all."""
        kind, _, rest = resource.partition(":")
        namespace = rest.partition(":")[0]
        principal = current()
        if principal is None:
            raise AccessDenied(
                f"nobody has said who asks, and {action} on {resource} is not for everybody",
                hint="send an API key or a token; in Python: with redflow.identity(...)",
                hidden=True,
            )
        held = roles_in(principal, namespace)
        if any(allows(role, kind, action) for role in held):
            return
        raise AccessDenied(
            f"{principal.subject or 'somebody'} may not {action} on {resource}",
            hint=f"roles here: {', '.join(sorted(held)) or 'none'}; docs/auth.md lists what"
            " each may do",
            hidden=not held,
        )
