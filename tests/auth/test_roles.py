"""Roles: what each may do, in which namespace, and that nobody may do anything."""

import pytest

from redflow.auth import ROLES, Principal, RoleProvider, identity
from redflow.auth.actions import RULES, rules_of
from redflow.auth.roles import check_role
from redflow.cli import api_keys
from redflow.errors import AccessDenied, InvalidInput

ACTIONS = "view list create edit delete execute cancel signal retry pause use view_payload".split()
KINDS = "workflow execution webhook schedule secret namespace system".split()
# By role: what may be done with workflow, execution, webhook, schedule, secret, namespace, system.
MATRIX = {
    "viewer": ("view list", "view list", "view list", "view list", "", "view list", ""),
    "operator": (
        "view list execute pause",
        "view list cancel signal retry pause edit view_payload",
        "view list",
        "view list execute pause",
        "",
        "view list pause",
        "",
    ),
    "author": (
        "view list execute pause create edit delete",
        "view list cancel signal retry pause edit view_payload",
        "view list create edit delete",
        "view list execute pause create edit delete",
        "list use",
        "view list pause",
        "",
    ),
    "admin": (" ".join(ACTIONS),) * len(KINDS),
}


def allowed(principal, resource, action):
    with identity(principal):
        try:
            RoleProvider().check_access(resource, action)
        except AccessDenied:
            return False
        return True


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_matrix(role, kind):
    principal = Principal("alice", namespaces=("shop",), roles=(role,))
    resource = "namespace:shop" if kind == "namespace" else f"{kind}:shop:one"
    found = {one for one in ACTIONS if allowed(principal, resource, one)}
    assert found == set(MATRIX[role][KINDS.index(kind)].split())


@pytest.mark.parametrize(
    ("namespaces", "roles", "expected"),
    [
        (("shop",), ("admin",), {"shop"}),
        (("*",), ("viewer",), {"shop", "shop1"}),
        (("shop", "shop1"), ("viewer",), {"shop", "shop1"}),
        (("shop",), ("shop1:viewer",), {"shop1"}),
        ((), ("shop:viewer",), {"shop"}),
        ((), ("admin",), set()),
        (("shop",), (), set()),
        (("shop",), ("root",), set()),
        (("shop",), ("*",), set()),
        (("sho", "shop:"), ("admin",), set()),
    ],
)
def test_a_role_holds_where_it_was_given(namespaces, roles, expected):
    principal = Principal("alice", namespaces=namespaces, roles=roles)
    found = {one for one in ("shop", "shop1") if allowed(principal, f"workflow:{one}:a", "view")}
    assert found == expected


def test_nobody_and_strangers_learn_nothing():
    with pytest.raises(AccessDenied) as nobody:
        RoleProvider().check_access("workflow:shop:order", "view")
    eve = Principal("eve", namespaces=("other",), roles=("admin",))
    with identity(eve), pytest.raises(AccessDenied) as stranger:
        RoleProvider().check_access("workflow:shop:order", "view")
    bob = Principal("bob", namespaces=("shop",), roles=("viewer",))
    with identity(bob), pytest.raises(AccessDenied) as member:
        RoleProvider().check_access("workflow:shop:order", "execute")
    found = [one.value.hidden for one in (nobody, stranger, member)]
    assert found == [True, True, False]
    assert str(member.value).startswith("bob may not execute on workflow:shop:order")


def test_roles_are_checked_and_the_command_line_knows_them():
    assert [check_role(one) for one in ROLES] == list(ROLES) == list(api_keys.ROLES)
    with pytest.raises(InvalidInput, match="'root' is no role"):
        check_role("root")


def test_every_rule_asks_for_a_known_kind_and_action():
    asked = [rule for call in RULES for rule in rules_of(call)]
    assert {rule.action for rule in asked} <= set(ACTIONS)
    assert {rule.resource.partition(":")[0] for rule in asked} <= set(KINDS)
