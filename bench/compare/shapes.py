"""The graphs that are run: what follows on a step, and how many steps it waits for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A graph by its kind and size; steps are numbered from 0, parents first."""

    kind: str
    size: int = 1

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Read what `str` made of a shape."""
        kind, _, size = text.partition(":")
        return cls(kind, int(size))

    def __str__(self) -> str:
        return f"{self.kind}:{self.size}"

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return self.size + 2 if self.kind == "fan" else self.size

    def after(self, step: int) -> range:
        """The steps that follow on a step."""
        last = self.steps - 1
        if step == last:
            return range(0)
        if self.kind == "chain":
            return range(step + 1, step + 2)
        return range(1, last) if step == 0 else range(last, last + 1)

    def needs(self, step: int) -> int:
        """How many steps a step follows on."""
        if step == 0:
            return 0
        return self.size if self.kind == "fan" and step == self.steps - 1 else 1


def chain(length: int) -> Shape:
    """Steps one after another."""
    return Shape("chain", length)


def fan(width: int) -> Shape:
    """One step, then so many beside each other, then one that waits for all of them."""
    return Shape("fan", width)


SINGLE = chain(1)
DIAMOND = fan(2)
