"""A question on its way to whichever node answers it."""

from dataclasses import dataclass

from redflow.store.script import Script


@dataclass(frozen=True, slots=True)
class Question:
    """A packed command, its script if it has one, and how long it waits if it is a read."""

    name: str
    packed: bytes
    script: Script | None = None
    block_ms: int | None = None
