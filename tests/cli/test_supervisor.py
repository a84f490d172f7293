"""Several processes: kept running, stopped together, and not restarted in vain."""

import asyncio
import logging
import os
import signal
import sys

import pytest

from redflow.cli.supervisor import Supervisor

WAIT = "import sys; sys.stdin.read(); sys.exit(0)"


def program(text):
    return [sys.executable, "-c", text]


class Told(logging.Handler):
    """Puts every message into a queue."""

    def __init__(self, lines):
        super().__init__()
        self.lines = lines

    def emit(self, record):
        self.lines.put_nowait(record.getMessage())


@pytest.fixture
def starts():
    """Return a queue of the log lines of the supervisor."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    handler = Told(lines)
    logger = logging.getLogger("redflow.cli")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


async def next_start(lines):
    while not (line := await lines.get()).startswith("process") or "started" not in line:
        pass
    return int(line.rpartition(" ")[2])


async def test_a_process_that_dies_is_started_again_and_all_stop_together(starts):
    supervisor = Supervisor([program(WAIT)] * 2, os.environ, first_wait=0.0)
    running = asyncio.create_task(supervisor.run())
    first = {await next_start(starts), await next_start(starts)}
    os.kill(min(first), signal.SIGKILL)
    again = await next_start(starts)
    assert again not in first
    supervisor.stop()
    assert await running == 0
    for pid in (*first, again):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_waiting_for_the_next_start_ends_at_once_when_stopped(starts):
    supervisor = Supervisor([program("raise SystemExit(1)")], os.environ, first_wait=1000.0)
    running = asyncio.create_task(supervisor.run())
    await next_start(starts)
    while "starts again in 1000 s" not in await starts.get():
        pass
    supervisor.stop()
    assert await running == 0


@pytest.mark.parametrize("code", [2, 3])
async def test_what_would_only_fail_again_ends_all(code, starts):
    commands = [program(WAIT), program(f"raise SystemExit({code})")]
    assert await Supervisor(commands, os.environ).run() == code


async def test_a_process_that_fails_while_stopping_is_reported(tmp_path):
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    text = (
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(7));"
        "open(sys.argv[1], 'w').close(); signal.pause()"
    )
    supervisor = Supervisor([[*program(text), str(ready)]], os.environ)
    running = asyncio.create_task(supervisor.run())
    await asyncio.to_thread(ready.read_bytes)
    supervisor.stop()
    assert await running == 7


async def test_a_signal_stops_all(starts):
    running = asyncio.create_task(Supervisor([program(WAIT)], os.environ).run())
    await next_start(starts)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


async def test_a_process_that_ended_a_moment_ago_is_no_error(starts, monkeypatch):
    """Its end is not heard of yet when all are told to stop."""

    def gone(process):
        raise ProcessLookupError

    supervisor = Supervisor([program("import time; time.sleep(0.2)")], os.environ)
    running = asyncio.create_task(supervisor.run())
    await next_start(starts)
    monkeypatch.setattr(asyncio.subprocess.Process, "terminate", gone)
    supervisor.stop()
    assert await running == 0
