"""Packages of extras: imported when first needed, and told how to get."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from redflow.errors import Misconfigured


def extra(module: str, name: str, purpose: str) -> Any:
    """Import a module of an extra; raises Misconfigured with the line that installs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise  # the module is there, and something that it needs is not
        raise Misconfigured(
            f"{purpose} needs the package {module!r}, which is not installed",
            hint=f'pip install "redflow-engine[{name}]"',
        ) from error
