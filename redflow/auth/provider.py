"""What an application writes to decide who may do what."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any, Protocol

from redflow.errors import InvalidInput


class AuthProvider(Protocol):
    """Says whether whoever acts may do something; `redflow.auth.current()` tells who acts.

    A resource is `workflow|execution|webhook|schedule|secret:<namespace>:<id>`, with `*` for all of
    them, `namespace:<namespace>` or `system:<namespace>:<part>`; actions are in docs/auth.md. It
    allows by returning None or True and denies by raising AccessDenied, or anything else. A
    provider may set two attributes: `blocking = False` says that a plain function never waits and
    needs no thread of its own, `reads_metadata = False` that it never asks for
    `workflow_metadata()`, which saves reading it.
    """

    def check_access(self, resource: str, action: str) -> Any:
        """Allow or deny; a coroutine function as well. More than 2 seconds is a denial."""


def check_provider(provider: Any) -> AuthProvider | None:
    """Return a provider, or raise InvalidInput for what has no `check_access`."""
    if provider is None or callable(getattr(provider, "check_access", None)):
        checked: AuthProvider | None = provider
        return checked
    raise InvalidInput(
        f"the auth provider is a {type(provider).__name__} without a method check_access",
        field="auth",
        hint="write a class with check_access(self, resource, action), or take RoleProvider()",
    )


def is_asynchronous(provider: AuthProvider) -> bool:
    """Say whether the provider's check is a coroutine function."""
    return iscoroutinefunction(provider.check_access)


def may_wait(provider: AuthProvider) -> bool:
    """Say whether a plain check may take a while, so that it needs a thread."""
    return bool(getattr(provider, "blocking", True))


def wants_metadata(provider: AuthProvider) -> bool:
    """Say whether the provider may ask for the metadata of the workflow."""
    return bool(getattr(provider, "reads_metadata", True))
