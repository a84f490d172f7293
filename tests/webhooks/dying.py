"""A receiver in a process of its own that is killed at a place: url, namespace, path, place."""

import asyncio
import os
import signal
import sys
from typing import Any

from redflow.client import AsyncClient
from redflow.secrets import EnvSecrets
from redflow.webhooks import Receiver
from tests.webhooks.kit import JSON, SECRET, Post, github

BODY = b'{"amount": 42}'


class Mortal:
    """A driver that kills its process before or after a question is asked."""

    def __init__(self, driver: Any, place: str) -> None:
        self._driver = driver
        self._when, self._name = place.split(" ")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def _die(self, when: str, names: list[str]) -> None:
        if when == self._when and self._name in names:
            os.kill(os.getpid(), signal.SIGKILL)

    async def run(self, op: Any, **options: Any) -> Any:
        self._die("before", [op.name])
        answer = await self._driver.run(op, **options)
        self._die("after", [op.name])
        return answer

    async def run_many(self, ops: Any, **options: Any) -> Any:
        names = [op.name for op in ops]
        self._die("before", names)
        answer = await self._driver.run_many(ops, **options)
        self._die("after", names)
        return answer


async def main(url: str, namespace: str, path: str, place: str) -> None:
    variable = f"REDFLOW_SECRET__{namespace.upper().replace('-', '_')}__FIRST"
    async with AsyncClient(url, namespace=namespace) as client:
        driver: Any = Mortal(client._namespace.driver, place)
        client._namespace._driver = driver
        receiver = Receiver(client, secrets=[EnvSecrets({variable: SECRET})])
        await Post(receiver, path, JSON)(BODY, github(BODY, SECRET, 0))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
