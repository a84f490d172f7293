"""kill -9 of the process that leads: another one goes on, and nothing is missed."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from redflow.client import AsyncClient
from tests.events.kit import register
from tests.support.tree import ROOT
from tests.worker.kit import until

pytestmark = [pytest.mark.process, pytest.mark.server]
LEASE = "1.5"


class Leader:
    """A process and the lines it has written."""

    def __init__(self, url: str, namespace: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.events.leader", url, namespace, LEASE],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()
        self._reader.join()


@pytest.fixture
def leaders(server_url: str, namespace: str) -> Iterator[list[Leader]]:
    made: list[Leader] = []
    yield made
    for one in made:
        one.kill()
    for one in made:
        assert one.process.stdout is not None
        one.process.stdout.close()


@pytest.mark.parametrize("connector", ["server"], indirect=True)
async def test_another_process_goes_on(client: AsyncClient, server_url, namespace, leaders):
    await register(client)
    ids = [f"e{number}" for number in range(60)]
    leaders += [Leader(server_url, namespace) for _ in range(3)]
    for at, id in enumerate(ids):
        await client.execute("order", {}, id=id)
        if at in (20, 40):
            leading = await until(lambda: speaking(leaders), 20)
            leading.kill()
    await until(lambda: {line for one in leaders for line in one.lines} == set(ids), 20)


def speaking(leaders: list[Leader]) -> Leader | None:
    """The newest leader that lives and has said something."""
    found = [one for one in leaders if one.process.poll() is None and one.lines]
    return found[0] if found else None
