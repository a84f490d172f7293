"""Finds the node types that installed packages offer as entry points of `redflow.nodes`."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from redflow.errors import InvalidInput
from redflow.nodes.base import NodeType

ENTRY_POINTS = "redflow.nodes"


@cache
def installed() -> tuple[EntryPoint, ...]:
    """Return the entry points of all packages; reading every package takes a while."""
    return tuple(entry_points(group=ENTRY_POINTS))


def distribution_of(entry: EntryPoint) -> str:
    """Name the distribution that has an entry point."""
    return entry.dist.name if entry.dist is not None else "an unnamed distribution"


def load(entry: EntryPoint) -> NodeType:
    """Import a node type and make one; raises InvalidInput that names the distribution.

    An entry point names a subclass of NodeType that is made without arguments.
    """
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:
        raise refused(entry, f"importing it raised {type(error).__name__}: {error}") from error
    if not isinstance(found, type) or not issubclass(found, NodeType):
        what = found.__name__ if isinstance(found, type) else f"a {type(found).__name__}"
        raise refused(entry, f"it names {what}, not a subclass of redflow.NodeType")
    try:
        return found()
    except Exception as error:
        cause = f"{found.__name__}() raised {type(error).__name__}: {error}"
        raise refused(entry, cause) from error


def refused(entry: EntryPoint, cause: object) -> InvalidInput:
    """Say why an entry point cannot be used, whose it is, and what to do about it."""
    owner = distribution_of(entry)
    return InvalidInput(
        f"entry point {entry.name!r} ({entry.value}) of distribution {owner!r},"
        f" group {ENTRY_POINTS!r}: {cause}",
        hint=f"upgrade {owner}, or uninstall it",
    )
