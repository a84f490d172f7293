"""Node types whose configs have a fixed shape: templates stand in values alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.model.checks import pointer
from redflow.nodes.base import NodeType


class WrongConfig(InvalidInput):
    """A config has problems; their pointers start at the config."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)


class ShapedType(NodeType):
    """A type whose config is checked as it is written, before anything is filled in."""

    templated: ClassVar[tuple[str, ...]] = ()
    """The keys whose values may hold `${...}`; a template never stands for such a value's shape."""

    def declared_by(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Check a config; raises InvalidWorkflow with every problem of its shape."""
        try:
            return self.labels_of(self.read_config(config))
        except WrongConfig as error:
            raise InvalidWorkflow(error.problems) from None


def refuse(found: Iterable[Problem]) -> None:
    """Raise WrongConfig if anything was found."""
    problems = list(found)
    if problems:
        raise WrongConfig(problems)


def wrong(message: str, *at: str) -> Problem:
    """Say what is wrong at a place in the config."""
    return Problem(pointer(*at), "bad_config", message)
