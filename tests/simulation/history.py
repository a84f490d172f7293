"""What happened, line by line; the ids of streams come of the virtual clock, so nothing differs."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

HIDDEN = {"put_worker"}
"""Scripts whose words name this process: only their replies are told."""


class History:
    """Lines of one run; with `keep` unset nothing is written, and the run is faster."""

    def __init__(self, *, keep: bool) -> None:
        self.keep = keep
        self.lines: list[str] = []

    def tell(self, ms: int, pod: str, what: str) -> None:
        """Write a line."""
        if self.keep:
            self.lines.append(f"{ms:>8} {pod or '-':<4} {what}")

    def call(self, ms: int, pod: str, name: str, words: Sequence[bytes], reply: Any) -> None:
        """Write a call that reached the server; long ones by their digest."""
        if self.keep:
            asked = "" if name in HIDDEN else _short(repr(words))
            answer = str(reply) if isinstance(reply, Exception) else repr(reply)
            self.lines.append(f"{ms:>8} {pod or '-':<4} {name} {asked} -> {_short(answer)}")

    @property
    def digest(self) -> str:
        """Stands for all lines."""
        return sha256("\n".join(self.lines).encode()).hexdigest()


def _short(text: str) -> str:
    if len(text) <= 160:
        return text
    return f"{text[:120]}...{sha256(text.encode()).hexdigest()[:12]}"
