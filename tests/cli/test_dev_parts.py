"""The parts of `redflow dev`: the folder, the logs, the worker processes."""

import asyncio
import json
import logging
import os
import sys
from types import SimpleNamespace

import pytest

from redflow import logs
from redflow.cli import dev_folder
from redflow.cli.base import State
from redflow.cli.dev_folder import own_server
from redflow.cli.dev_logs import configure
from redflow.cli.dev_process import WorkerProcess
from redflow.cli.dev_reload import Reloader, python_changes
from redflow.errors import Conflict

# The folder


class Server:
    """Stands for the embedded server."""

    url = "unix:///tmp/elsewhere/s"

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture(autouse=True)
def _no_server(monkeypatch):
    monkeypatch.setattr(dev_folder, "EmbeddedServer", Server)


def test_the_url_is_a_link_in_the_folder_that_is_quoted_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(dev_folder, "SOCKET_PATH_LIMIT", 10_000)
    parent = tmp_path / "a b@c"
    parent.mkdir()
    link = parent / ".redflow" / "server.sock"
    with own_server(parent, "shop:engine") as url:
        assert url == f"unix://{tmp_path}/a%20b%40c/.redflow/server.sock"
        assert os.readlink(link) == "/tmp/elsewhere/s"
    assert not os.path.lexists(link)


def test_a_link_that_was_left_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(dev_folder, "SOCKET_PATH_LIMIT", 10_000)
    (tmp_path / ".redflow").mkdir()
    link = tmp_path / ".redflow" / "server.sock"
    link.symlink_to("/tmp/gone")
    with own_server(tmp_path, "shop:engine"):
        assert os.readlink(link) == "/tmp/elsewhere/s"


def test_a_path_that_is_too_long_for_a_socket_has_no_link(tmp_path, monkeypatch):
    monkeypatch.setattr(dev_folder, "SOCKET_PATH_LIMIT", 5)
    with own_server(tmp_path, "shop:engine") as url:
        assert url == Server.url


def test_two_in_one_folder(tmp_path):
    with (
        own_server(tmp_path, "shop:engine") as url,
        pytest.raises(Conflict) as caught,
        own_server(tmp_path, "other:engine"),
    ):
        pass
    assert f"shop:engine, process {os.getpid()}, at {url}" in str(caught.value)
    with own_server(tmp_path, "other:engine"):
        about = json.loads((tmp_path / ".redflow" / "dev").read_text())
    assert about["app"] == "other:engine"


def test_a_second_one_while_the_first_is_starting(tmp_path):
    with (
        dev_folder._claimed(tmp_path / ".redflow"),
        pytest.raises(Conflict, match="just starting"),
        own_server(tmp_path, "shop:engine"),
    ):
        pass


# Logs


def line_of(level: int = logging.INFO, **more: object) -> str:
    record = logging.makeLogRecord({"levelno": level, "levelname": logging.getLevelName(level)})
    vars(record).update({"msg": "work %s", "args": ("began",)} | more)
    return logs.ConsoleFormatter().format(record).partition(" ")[2]  # behind the time


def test_lines_for_a_reader():
    fields = {"execution_id": "e-1", "step_id": "charge"}
    step = SimpleNamespace(log_fields=lambda: fields)
    assert line_of() == "work began"
    assert line_of(logging.WARNING) == "WARNING work began"
    assert line_of(step=step) == "e-1 charge: work began"
    token = logs.current.set(step)
    assert line_of(logging.ERROR) == "ERROR e-1 charge: work began"
    logs.current.reset(token)


def test_an_error_has_its_traceback_below():
    error = ZeroDivisionError("division by zero")
    text = line_of(exc_info=(type(error), error, None))
    assert text.splitlines()[0] == "work began"
    assert text.splitlines()[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("format", "kind"), [(None, logs.ConsoleFormatter), ("json", logs.JsonFormatter)]
)
def test_logs_are_json_when_that_is_wanted(format, kind, monkeypatch):
    root = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(logging, "root", root)
    configure(State(format=format), "DEBUG")
    assert (root.level, [type(one.formatter) for one in root.handlers]) == (logging.DEBUG, [kind])


# Worker processes

READ_LINE = "import os, sys; word = os.read(0, 1); "
SAY_READY = "import os, sys; os.write(int(sys.argv[2]), b'x'); "


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


async def started(text: str) -> WorkerProcess:
    return await WorkerProcess.start(program(text), os.environ)


async def test_a_process_says_when_it_has_loaded_and_waits_for_its_turn():
    process = await started(SAY_READY + READ_LINE + "sys.exit(len(word))")
    assert await process.loaded()
    process.work()
    assert await process.ended() == 1
    process.stop()  # it has ended already
    process.close()


async def test_a_process_that_ends_has_not_loaded():
    process = await started("raise SystemExit(2)")
    assert not await process.loaded()
    assert await process.ended() == 2
    process.work()
    process.close()


async def test_a_process_ends_with_whoever_started_it():
    process = await started(SAY_READY + READ_LINE + "sys.exit(len(word))")
    assert await process.loaded()
    process.close()
    assert await process.ended() == 0


async def test_code_that_takes_no_notice_while_it_loads_is_killed_the_second_time():
    text = "import signal; signal.signal(15, lambda *_: None); "
    process = await started(text + SAY_READY + "signal.pause(); signal.pause()")
    assert await process.loaded()
    process.stop()
    process.stop()
    assert await process.ended() == -9
    process.close()


async def test_a_start_that_fails_leaves_no_pipe():
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError):
        await WorkerProcess.start(["/no/such/program"], os.environ)
    assert os.listdir("/proc/self/fd") == before


async def changes_of(queue: asyncio.Queue):
    while (one := await queue.get()) is not None:
        yield one


async def test_processes_that_load_and_die_are_told_of_and_left_alone(capsys):
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    reloader = Reloader(program(SAY_READY + "os.kill(os.getpid(), 9)"), os.environ)
    running = asyncio.create_task(reloader.run(changes_of(queue)))
    queue.put_nowait("shop.py")
    queue.put_nowait(None)
    assert await running == 1
    said = capsys.readouterr().err
    assert "the next change" in said
    assert "changed: shop.py" in said


async def test_a_process_that_cannot_be_started_ends_the_watch():
    ended = []

    async def changes(stopping):
        await stopping.wait()
        ended.append(True)
        return
        yield

    reloader = Reloader(["/no/such/program"], os.environ)
    with pytest.raises(FileNotFoundError):
        await reloader.run(changes(reloader.stopping))
    assert ended == [True]


async def test_changes_are_those_of_python_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venv").mkdir()
    stopping = asyncio.Event()
    changes = python_changes(tmp_path, stopping)
    upcoming = asyncio.ensure_future(anext(changes, None))
    await asyncio.sleep(0)  # it watches now
    for name in ("notes.txt", ".venv/lib.py", "a.py", "b.py", "c.py", "d.py"):
        (tmp_path / name).write_text("")
    seen = await upcoming
    assert seen is not None
    assert set(seen.replace(" and 1 more", "").split(", ")) <= {"a.py", "b.py", "c.py", "d.py"}
    stopping.set()
    assert await anext(changes, None) is None
