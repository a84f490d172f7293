"""Makes a struct of something that has attributes of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


def filled(kind: type[T], source: object, changed: Mapping[str, Any]) -> T:
    """Make a struct from the attributes of the same names, but for those that are given."""
    names = kind.__struct_fields__
    return kind(**{n: changed[n] if n in changed else getattr(source, n) for n in names})
