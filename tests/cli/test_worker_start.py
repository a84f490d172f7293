"""`redflow worker start` as a process: it works, drains, gives back, restarts, and says why not."""

import asyncio
import json
import os
import signal
import socket
import urllib.request
from collections.abc import Callable

import pytest

from redflow.driver import RedisConnector
from redflow.engine import Engine
from redflow.model.status import ExecutionStatus, StepStatus
from redflow.model.workflow import Workflow
from tests.cli.kit import SECONDS, Running, in_process, saying
from tests.support.leaks import left_by, remove

pytestmark = pytest.mark.server

APP = """
import asyncio, threading
from redflow import Engine

engine = Engine()

@engine.function
async def work(ctx, seconds):
    ctx.logger.info("work began")
    await asyncio.sleep(seconds)
    return "done"

@engine.function(timeout=0.2)
def hang(ctx, seconds):
    threading.Event().wait(5)
"""


class Shop:
    """An application in a directory, its server and namespace, and worker processes on it."""

    def __init__(self, url, namespace, start):
        self.url, self.namespace = url, namespace
        self.start = start

    def __call__(self, *arguments):
        return in_process(*arguments, REDFLOW_URL=self.url, REDFLOW_NAMESPACE=self.namespace)

    def worker(self, *arguments) -> Running:
        """Start `redflow worker start` and wait until it claims."""
        line = ("worker", "start", "-A", "shop:engine", *arguments)
        own = {"REDFLOW_URL": self.url, "REDFLOW_NAMESPACE": self.namespace}
        running: Running = self.start(*line, **own)
        running.wait_for(saying(" started: namespace "))
        return running

    def engine(self) -> Engine:
        return Engine(RedisConnector(self.url), namespace=self.namespace)

    def execute(self, workflow, input) -> str:
        async def execute():
            async with self.engine() as engine:
                return (await engine.execute(workflow, input)).id

        return asyncio.run(execute())

    def result(self, execution):
        async def result():
            async with self.engine() as engine:
                return await engine.handle(execution).result(SECONDS)

        return asyncio.run(result())

    def look(self, execution):
        """Return an execution and its only step."""

        async def look():
            async with self.engine() as engine:
                handle = engine.handle(execution)
                return await handle.execution(), (await handle.steps())[0]

        return asyncio.run(look())


@pytest.fixture
def shop(server_url, namespace, started: Callable[..., Running], tmp_path):
    (tmp_path / "shop.py").write_text(APP)
    made = Shop(server_url, namespace, started)
    flows = {}
    for name in ("work", "hang"):
        flows[name] = Workflow.builder(name).add_node(name, "function", function=name).build()

    async def register():
        async with made.engine() as engine:
            for one in flows.values():
                await engine.register_workflow(one, partitions=2)

    asyncio.run(register())
    yield made
    driver = RedisConnector(server_url).driver()
    remove(driver, left_by(driver, namespace))
    driver.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pids(worker: Running, count: int) -> list[int]:
    """Wait for so many starts of processes and return their ids."""
    lines = worker.wait_for(lambda lines: len(saying("pid ")(lines)) >= count and lines)
    return [int(json.loads(line)["event"].rpartition(" ")[2]) for line in saying("pid ")(lines)]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_runs_steps_and_logs_json(shop):
    worker = shop.worker("-c", "5", "-q", "default", "-q", "gpu", "--lease", "15s")
    assert shop.result(shop.execute("work", 0)) == "done"
    worker.process.send_signal(signal.SIGTERM)
    assert worker.ends() == 0
    lines = [json.loads(line) for line in worker.lines]
    assert {"ts", "level", "logger", "event"} <= set(lines[0])
    assert any("queues default, gpu, 5 slots" in line["event"] for line in lines)
    assert [line["step_id"] for line in lines if line["event"] == "work began"] == ["work"]
    assert worker.process.stdout is not None
    assert worker.process.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(shop, number):
    worker = shop.worker()
    execution = shop.execute("work", 1.0)
    worker.wait_for(saying("work began"))
    worker.process.send_signal(number)
    assert worker.ends() == 0
    found, step = shop.look(execution)
    assert found.status is ExecutionStatus.COMPLETED
    assert (step.attempt, step.releases) == (1, 0)


@pytest.mark.row(39)
@pytest.mark.parametrize("how", ["a second signal", "the end of the drain"])
def test_what_is_not_finished_is_given_back_uncharged(shop, how):
    drain = [] if how == "a second signal" else ["--drain-timeout", "100ms"]
    worker = shop.worker(*drain)
    execution = shop.execute("work", 60.0)
    worker.wait_for(saying("work began"))
    worker.process.send_signal(signal.SIGTERM)
    worker.wait_for(saying("stopping: "))
    if not drain:
        worker.process.send_signal(signal.SIGTERM)
    assert worker.ends() == 0
    found, step = shop.look(execution)
    assert found.status is ExecutionStatus.RUNNING
    assert (step.status, step.attempt, step.deliveries) == (StepStatus.PENDING, 1, 0)
    assert step.releases == 1


def test_several_processes_and_one_that_dies(shop):
    worker = shop.worker("--processes", "2")
    first = pids(worker, 2)
    worker.wait_for(lambda lines: len(saying(" started: namespace ")(lines)) == 2)
    os.kill(first[0], signal.SIGKILL)
    third = pids(worker, 3)[2]
    worker.wait_for(lambda lines: len(saying(" started: namespace ")(lines)) == 3)
    assert shop.result(shop.execute("work", 0)) == "done"
    worker.process.send_signal(signal.SIGTERM)
    assert worker.ends() == 0
    assert len(saying(" stopped")(worker.lines)) == 2
    assert all(map(is_gone, (*first, third)))
    assert all(map(json.loads, worker.lines))


def test_children_end_when_their_supervisor_is_killed(shop):
    worker = shop.worker("--processes", "2")
    worker.wait_for(lambda lines: len(saying(" started: namespace ")(lines)) == 2)
    worker.process.kill()
    worker.ends()  # standard error is over when the last child has gone
    assert len(saying(" stopped")(worker.lines)) == 2


def test_metrics_are_served(shop):
    port = free_port()
    worker = shop.worker("--metrics-port", str(port))
    assert shop.result(shop.execute("work", 0)) == "done"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=SECONDS) as page:
        text = page.read().decode()
    assert 'redflow_steps_processed_total{namespace="' in text
    worker.process.terminate()
    assert worker.ends() == 0


def test_a_worker_that_cannot_go_on_names_the_functions(shop):
    worker = shop.worker("--threads", "1", "--drain-timeout", "100ms")
    shop.execute("hang", 0)
    assert worker.ends() == 1
    assert "hang" in worker.lines[-2]
    assert worker.lines[-2].startswith("error: ")
    assert 'hint: make these functions return, or run them with run="process"' in worker.lines[-1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-A", "shop:engin"], 2, "hint: write shop:engine"),
        (["-A", "shoop:engine"], 2, "there is no module 'shoop'"),
        (["-A", "shop:engine", "-c", "0"], 2, "concurrency is 0"),
        (["-A", "shop:engine", "--lease", "0"], 2, "lease"),
        (["-A", "shop:engine", "-q", "a b"], 2, "queue 'a b'"),
        (["-A", "shop:engine", "--processes", "0"], 2, "--processes"),
        (["-A", "shop:engine", "-n", "no-such"], 3, "namespace 'no-such' does not exist"),
        (["-A", "shop:engine", "-n", "no-such", "--processes", "2"], 3, "does not exist"),
        (["-A", "shop:engine", "--processes", "2", "--metrics-port", "65535"], 2, "65536"),
    ],
)
def test_what_is_wrong_is_said_at_the_start(shop, tmp_path, arguments, code, said):
    own = {"REDFLOW_URL": shop.url, "REDFLOW_NAMESPACE": shop.namespace}
    result = in_process("worker", "start", *arguments, cwd=tmp_path, **own)
    assert (result.code, result.out) == (code, ""), result.err
    assert said in result.err
    assert "Traceback" not in result.err


def test_a_port_that_is_taken_is_said(shop, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        own = {"REDFLOW_URL": shop.url, "REDFLOW_NAMESPACE": shop.namespace}
        line = ("worker", "-A", "shop:engine", "--metrics-port", port)
        result = in_process(*line, cwd=tmp_path, **own)
    assert result.code == 2
    assert f"port {port} cannot be served" in result.err


def test_probes_and_metrics_share_a_port_and_logs_are_lines(shop):
    port = str(free_port())
    line = ("--health-port", port, "--metrics-port", port, "--log-format", "console")
    worker = shop.worker(*line)
    assert shop.result(shop.execute("work", 0)) == "done"
    answers = {}
    for path in ("livez", "readyz", "metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as reply:
            answers[path] = reply.read().decode()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.ends() == 0
    assert (answers["livez"], answers["readyz"]) == ("ok\n", "ok\n")
    assert "redflow_worker_slots" in answers["metrics"]
    assert any(" work: work began" in text for text in worker.lines)


def test_without_a_url_it_says_so(shop, tmp_path):
    result = in_process("worker", "-A", "shop:engine", cwd=tmp_path)
    assert result.code == 2
    assert "no Redis URL" in result.err
