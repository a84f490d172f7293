"""An engine with a payload store in memory, with and without keys."""

from collections.abc import AsyncIterator

import pytest

from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.driver import Connector
from redflow.engine import Engine
from tests.engine.kit import opened
from tests.payloads.kit import Memory


@pytest.fixture
def store() -> Memory:
    return Memory()


@pytest.fixture(params=["clear", "encrypted"])
def crypto(request: pytest.FixtureRequest) -> Crypto | None:
    return Crypto([Key("k1", b"1" * 32)]) if request.param == "encrypted" else None


@pytest.fixture
async def engine(
    connector: Connector, namespace: str, store: Memory, crypto: Crypto | None
) -> AsyncIterator[Engine]:
    async with opened(connector, namespace, store, crypto) as made:
        await made.create_namespace(2)
        yield made
