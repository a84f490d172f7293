"""A receiver is killed between any two steps and the sender sends again: one execution."""

import signal
import subprocess
import sys

import pytest

from redflow.client import AsyncClient
from redflow.secrets import EnvSecrets
from redflow.webhooks import Receiver
from tests.client.kit import chain
from tests.support.tree import ROOT
from tests.webhooks.dying import BODY
from tests.webhooks.kit import JSON, SECRET, Post, github


@pytest.mark.parametrize(
    ("place", "started"),
    [
        ("before admit_delivery", False),
        ("after admit_delivery", False),
        ("before start_executions", False),
        ("after start_executions", True),
    ],
)
@pytest.mark.fault
@pytest.mark.server
@pytest.mark.process
async def test_killed(server_url: str, namespace: str, place: str, started: bool):
    async with AsyncClient(server_url, namespace=namespace) as client:
        await client.register_workflow(chain("order"), partitions=2)
        made = await client.webhooks.put("hook", workflow="order", scheme="github", secret="first")
        died = subprocess.run(
            [sys.executable, "-m", "tests.webhooks.dying", server_url, namespace, made.path, place],
            cwd=ROOT,
            check=False,
        )
        assert died.returncode == -signal.SIGKILL
        assert len((await client.list_executions()).items) == started
        variable = f"REDFLOW_SECRET__{namespace.upper().replace('-', '_')}__FIRST"
        post = Post(Receiver(client, secrets=[EnvSecrets({variable: SECRET})]), made.path, JSON)
        again = [await post(BODY, github(BODY, SECRET, 0)) for _ in range(2)]
        assert [one.duplicate for one in again] == [started, True]
        (only,) = (await client.list_executions()).items
        assert {one.id for one in again} == {only.id}
