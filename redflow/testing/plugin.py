"""The fixtures for pytest: `redflow_env`, and what it is made of, to be overridden."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from redflow.testing.environment import Environment


@pytest.fixture
def redflow_app() -> Any:
    """Override it to return your engine or registry: its functions and node types are used."""
    return None


@pytest.fixture
def redflow_workflows() -> Iterable[Any]:
    """Override it to return the workflows that every environment knows."""
    return ()


@pytest.fixture
def redflow_env(redflow_app: Any, redflow_workflows: Iterable[Any]) -> Environment:
    """An environment of this test's own; it closes with the event loop of the test.

    A plain fixture: it works with every plugin that runs coroutines, in any mode.
    """
    from redflow.testing.environment import Environment  # noqa: PLC0415 - pytest loads this always

    return Environment(redflow_app, workflows=redflow_workflows)
