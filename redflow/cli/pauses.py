"""Pauses as the command line shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redflow.cli.output import human

if TYPE_CHECKING:
    from redflow.model.operations import Pause


def pause_text(one: Pause) -> str:
    """Say since when, by whom and why, as far as that is known."""
    said = ["paused"]
    if one.since is not None:
        said.append(human(one.since))
    if one.by:
        said.append(f"by {one.by}")
    return " ".join(said) + (f": {one.reason}" if one.reason else "")


def pause_document(one: Pause) -> dict[str, Any]:
    """Return a pause as JSON shows it."""
    return {"by": one.by, "reason": one.reason, "since": one.since}
