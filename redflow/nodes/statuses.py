"""Which statuses a step expects: 200, "2xx", or a list of such."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from redflow.errors import Problem
from redflow.model.checks import shown
from redflow.nodes.shaped import wrong

SUCCESS = "2xx"

_CLASS = re.compile(r"[1-5]xx")
_NUMBER = re.compile(r"[1-5][0-9][0-9]")


def is_expected(status: int, expect: Any) -> bool:
    """Whether a status is one of those that were asked for."""
    return any(str(one) in (str(status), f"{status // 100}xx") for one in _listed(expect))


def expect_problems(expect: Any) -> Iterator[Problem]:
    """Say what is wrong with a field `expect`."""
    listed = _listed(expect)
    if not listed:
        yield wrong("the list is empty; name a status, or leave expect out", "expect")
    for index, one in enumerate(listed):
        at = ("expect", str(index)) if listed is expect else ("expect",)
        if not _is_status(one):
            yield wrong(f'{shown(one)} is no status; write 200, "2xx" or [200, 404]', *at)


def _listed(expect: Any) -> Sequence[Any]:
    return expect if isinstance(expect, (list, tuple)) else (expect,)


def _is_status(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return _NUMBER.fullmatch(str(value)) is not None
    return isinstance(value, str) and bool(_CLASS.fullmatch(value) or _NUMBER.fullmatch(value))
