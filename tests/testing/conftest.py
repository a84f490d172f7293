"""An environment for each test, in memory and on a real server."""

from collections.abc import AsyncIterator

import pytest

from redflow.testing import Environment


@pytest.fixture(params=["memory", pytest.param("server", marks=pytest.mark.server)])
async def env(request: pytest.FixtureRequest) -> AsyncIterator[Environment]:
    """Return an environment that knows nothing yet."""
    url = None if request.param == "memory" else request.getfixturevalue("server_url")
    async with Environment(url=url) as made:
        yield made
