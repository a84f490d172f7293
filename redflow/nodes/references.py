"""Where secrets stand in configs: by their names, and nowhere but where they are filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from redflow.errors import InvalidInput, Problem
from redflow.nodes.shaped import wrong
from redflow.secrets.names import check_secret_name
from redflow.secrets.reference import KEY, Secret, children

_BY_NAME = f'a secret stands here by its name, {{"{KEY}": "NAME"}}, and never by its value'


def is_reference(value: object) -> bool:
    """Whether a value stands for a secret."""
    return isinstance(value, Secret) or (isinstance(value, Mapping) and KEY in value)


def reference_problems(value: object, *at: str) -> Iterator[Problem]:
    """Say what is wrong with a value that must be a reference; never shows what is there."""
    if isinstance(value, Secret):
        return
    if not isinstance(value, Mapping) or set(value) != {KEY}:
        yield wrong(_BY_NAME, *at)
        return
    try:
        check_secret_name(value[KEY], field="the name of a secret")
    except InvalidInput as error:
        yield wrong(f"{error}; it cannot be an expression", *at, KEY)


def misplaced_problems(value: object, *at: str) -> Iterator[Problem]:
    """Tell of references where no secret is filled in: there, they would be sent as they stand."""
    if is_reference(value):
        yield wrong("no secret is filled in here; use auth, or a header of its own", *at)
        return
    for key, below in children(value):
        yield from misplaced_problems(below, *at, str(key))
