"""A client with a key, one workflow, and a receiver on a clock that stands still."""

from collections.abc import AsyncIterator

import pytest

from redflow.client import AsyncClient
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.driver import Connector
from redflow.metrics import Metrics
from redflow.secrets import EnvSecrets
from redflow.webhooks import Receiver
from tests.client.kit import chain, set_clock
from tests.webhooks.kit import JSON, NOW, OTHER, SECRET, WHSEC, WHSEC_OTHER, Post, hook

CRYPTO = Crypto([Key.new("k1")])
KEPT = {"first": SECRET, "second": OTHER, "whsec": WHSEC, "whsec-other": WHSEC_OTHER}


@pytest.fixture
async def client(connector: Connector, namespace: str) -> AsyncIterator[AsyncClient]:
    """Return a client of a namespace with the workflow `order`."""
    async with AsyncClient(connector, namespace=namespace, crypto=CRYPTO) as made:
        await made.register_workflow(chain("order"), partitions=2)
        set_clock(made, round(NOW * 1000))
        yield made


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def receiver(client: AsyncClient, metrics: Metrics, namespace: str) -> Receiver:
    """Return a receiver that knows the secrets `first`, `second`, `whsec` and `whsec-other`."""
    prefix = f"REDFLOW_SECRET__{namespace.upper().replace('-', '_')}__"
    variables = {prefix + name.upper().replace("-", "_"): text for name, text in KEPT.items()}
    return Receiver(client, secrets=[EnvSecrets(variables)], metrics=metrics, clock=lambda: NOW)


@pytest.fixture
async def post(client: AsyncClient, receiver: Receiver) -> Post:
    """Return what sends to a webhook of the scheme `github`."""
    return Post(receiver, (await hook(client)).path, JSON)
