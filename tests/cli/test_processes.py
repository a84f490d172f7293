"""The command line as a process: closed pipes, odd locales, Ctrl-C, a terminal, the demo."""

import asyncio
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from redflow.driver import RedisConnector
from redflow.engine import Engine
from tests.cli.kit import ORDER, PROGRAM, SECONDS, Running, environment, in_process, saying
from tests.support.leaks import left_by, remove
from tests.support.tree import ROOT

pytestmark = pytest.mark.process

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def shop(server_url, namespace) -> Iterator[dict[str, str]]:
    """Return the environment of a namespace with a workflow and an execution that nobody runs."""

    async def register():
        async with Engine(RedisConnector(server_url), namespace=namespace) as engine:
            await engine.register_workflow(ORDER, partitions=1)
            await engine.execute("order", {"name": "Zoë →"}, id="e-1", labels={"team": "Zoë"})

    asyncio.run(register())
    yield {"REDFLOW_URL": server_url, "REDFLOW_NAMESPACE": namespace}
    driver = RedisConnector(server_url).driver()
    remove(driver, left_by(driver, namespace))
    driver.close()


def on_terminal(*arguments: str, typed: str = "", **own: str) -> tuple[int, str]:
    """Run a command line whose standard streams are a terminal; return its exit code and output."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=ROOT,
        env=environment(TERM="xterm-256color", COLUMNS="140", LINES="40", **own),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # how Linux says that the other side has closed
            break
        if not part:
            break
        text += part
    os.close(ours)
    return process.wait(SECONDS), text.decode()


# Streams


@pytest.mark.parametrize("line", [("--help",), ("version",), ("execute", "--help")])
def test_a_pipe_that_nobody_reads_is_no_error(line):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PROGRAM, *line],
        cwd=ROOT,
        env=environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=SECONDS,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_errors_into_a_pipe_that_nobody_reads_are_silent():
    reading, writing = os.pipe()
    os.close(reading)
    command = [*PROGRAM, "no-such-command"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), stderr=writing, timeout=SECONDS, check=False
    )
    os.close(writing)
    assert done.returncode == 141


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams_are_no_error(closed):
    command = f'"$0" -m redflow.cli version {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("locale", [ASCII, {"PYTHONIOENCODING": "latin-1"}], ids=["C", "latin-1"])
def test_a_locale_that_is_not_unicode(tmp_path, locale):
    (tmp_path / "bad.json").write_text('{"id": "Zoë", "nodes": {"ä→": {"type": "log"}}}')
    result = in_process("workflow", "validate", "bad.json", cwd=tmp_path, **locale)
    assert result.code == 11
    assert "bad.json:/id  workflow id 'Zo\\xeb'" in result.out
    assert "Traceback" not in result.err
    as_json = in_process("-o", "json", "workflow", "validate", "bad.json", cwd=tmp_path, **locale)
    assert as_json.out.isascii()
    assert any(one["pointer"] == "/nodes/ä→" for one in as_json.json["files"][0]["problems"])
    missing = in_process("workflow", "validate", "ä→.json", cwd=tmp_path, **locale)
    assert missing.code == 2


def test_arguments_that_are_no_text_are_refused():
    command = [os.fsencode(one) for one in [*PROGRAM, "--redis", "redis://x", "execute"]]
    done = subprocess.run(
        [*command, b"or\xffder"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert b"workflow id 'or\\udcffder' is not" in done.stderr


@pytest.mark.server
def test_values_in_a_locale_that_knows_ascii_only(shop):
    result = in_process("execution", "show", "e-1", "--input", **shop, **ASCII)
    assert result.code == 0
    assert 'input\t{"name": "Zo\\u00eb \\u2192"}' in result.out
    table = in_process("execution", "list", "-o", "table", **shop, **ASCII)
    assert table.code == 0


# Ctrl-C


@pytest.mark.server
def test_ctrl_c_while_watching(shop, started):
    watching: Running = started("watch", "e-1", **shop)
    assert watching.process.stdout is not None
    watching.process.stdout.readline()  # the first step, which waits for a worker
    watching.process.send_signal(signal.SIGINT)
    assert watching.ends() == 130
    assert "".join(watching.lines) == (
        "watching stopped; execution e-1 goes on\nhint: redflow watch e-1\n"
    )


@pytest.mark.server
def test_ctrl_c_while_waiting(shop, started):
    waiting: Running = started("execute", "order", "--wait", "--id", "e-2", **shop)
    waiting.wait_for(saying("execution e-2"))
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.ends() == 130
    assert "waiting stopped; execution e-2 goes on" in "".join(waiting.lines)


# A terminal


def test_help_on_a_terminal():
    code, text = on_terminal("--help")
    assert code == 0
    assert "Usage: redflow" in text


@pytest.mark.server
def test_a_table_on_a_terminal(shop):
    code, text = on_terminal("execution", "list", **shop)
    assert code == 0
    assert "WORKFLOW" in text
    assert "\x1b[36mRUNNING" in text
    _, plain = on_terminal("execution", "list", "--no-color", **shop)
    assert "\x1b[36m" not in plain
    _, unset = on_terminal("execution", "list", NO_COLOR="1", **shop)
    assert "\x1b[36m" not in unset


@pytest.mark.server
def test_an_execution_started_on_a_terminal_says_how_to_follow_it(shop):
    code, text = on_terminal("execute", "order", "--id", "e-3", **shop)
    assert code == 0
    assert text.splitlines() == ["e-3", "follow it: redflow watch e-3"]


@pytest.mark.server
def test_a_rerun_on_a_terminal_says_how_to_follow_it(shop):
    in_process("execution", "cancel", "e-1", "--yes", **shop)
    code, text = on_terminal("execution", "rerun", "e-1", **shop)
    assert code == 0
    assert text.splitlines() == ["e-1~r1", "follow it: redflow watch e-1~r1"]


@pytest.mark.server
@pytest.mark.parametrize(("typed", "code"), [("n\n", 130), ("\x04", 130), ("y\n", 0)])
def test_what_cannot_be_taken_back_is_asked_about_on_a_terminal(shop, typed, code):
    line = ("execution", "cancel", "e-1", "--no-color")
    ended, text = on_terminal(*line, typed=typed, **shop)
    assert ended == code
    assert "This cancels execution 'e-1'. Go on? [y/N]:" in text
    assert ("CANCELLED" in text) == (code == 0)


@pytest.mark.server
def test_without_a_terminal_nothing_is_asked(shop):
    result = in_process("execution", "cancel", "e-1", stdin=b"y\n", **shop)
    assert (result.code, result.out) == (2, "")
    assert "hint: add --yes" in result.err


# The demo


@pytest.fixture
def short_home() -> Iterator[Path]:
    """Return a directory whose path a socket's may begin with."""
    home = Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
    yield home
    shutil.rmtree(home)


def processes_of(home: Path) -> list[str]:
    """Return the command lines of processes that name a directory."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(home) in line:
            found.append(line)
    return found


@pytest.mark.server
def test_the_demo_runs_on_a_server_of_its_own_and_leaves_nothing(short_home):
    result = in_process("demo", TMPDIR=str(short_home))
    assert result.code == 0
    assert result.err.startswith("redflow demo on the embedded server\n")
    assert "apologise     1          0       4        1" in result.out
    assert list(short_home.iterdir()) == []
    assert processes_of(short_home) == []


@pytest.mark.server
def test_the_demo_on_a_terminal():
    code, text = on_terminal("demo")
    assert code == 0
    assert "✓ 3x" in text
    assert "Try next" in text


@pytest.mark.server
def test_ctrl_c_in_the_demo_leaves_nothing(short_home, started):
    running: Running = started("demo", TMPDIR=str(short_home))
    running.wait_for(saying("embedded server"))
    assert running.process.stdout is not None
    running.process.stdout.readline()
    running.process.send_signal(signal.SIGINT)
    assert running.ends() == 130
    assert "Traceback" not in "".join(running.lines)
    assert list(short_home.iterdir()) == []
    assert processes_of(short_home) == []
