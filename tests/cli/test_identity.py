"""What the command line starts says who that was: whoever has the password of Redis."""

import asyncio

from redflow.auth import Principal
from redflow.client import AsyncClient
from redflow.client.actor import actor
from redflow.model.headers import PRINCIPAL, decode_headers
from redflow.store.steps import read_fields


def test_an_execution_says_who_started_it(console):
    console.register()
    assert console("execute", "order", "{}", "--id", "one").code == 0

    async def read():
        async with AsyncClient(console.connector, namespace=console.namespace) as client:
            partition = await client._namespace.partition_of("one")
            return await client._namespace.driver.run(read_fields(partition, "one", ("headers",)))

    (headers,) = asyncio.run(read())
    found = Principal.from_stored(decode_headers(headers)[PRINCIPAL])
    assert found == Principal(actor(), "", ("*",), ("admin",), "cli")
