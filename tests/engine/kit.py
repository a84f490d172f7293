"""Engines with a payload store, and workflows that pass large values, for tests of payloads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redflow.crypto.crypto import Crypto
from redflow.driver import Connector
from redflow.engine import Engine
from redflow.model.outcome import Fail
from redflow.model.workflow import Workflow

CANARY = "canary-7e02"
LARGE = {"text": CANARY * 120_000}
"""More than a value in Redis may have."""


@asynccontextmanager
async def opened(
    connector: Connector, namespace: str, store: Any, crypto: Crypto | None = None
) -> AsyncIterator[Engine]:
    async with Engine(connector, namespace=namespace, crypto=crypto, payloads=store) as made:

        @made.function
        async def echo(value: Any) -> Any:
            return value

        @made.function
        async def fail(value: Any) -> None:
            raise Fail("refused")

        @made.function
        async def size(value: Any) -> int:
            return len(repr(value))

        yield made


def call(builder: Any, node: str, function: str = "echo", **config: Any) -> Any:
    return builder.add_node(node, "function", function=function, **config)


def chain(*functions: str) -> Workflow:
    builder = Workflow.builder("chain")
    for at, function in enumerate(functions):
        call(builder, f"n{at}", function)
        if at:
            builder.connect(f"n{at - 1}", f"n{at}")
    return builder.build()
