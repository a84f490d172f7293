"""What a worker answers to probes, and that none of it needs Redis."""

import asyncio
import json
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any

import pytest

from redflow.metrics import Metrics
from redflow.worker.health import Health
from redflow.worker.probes import Probes
from tests.worker.kit import Bench, until

LIMIT, BEAT = 17.0, 10.0


def probes_of(health: Health | None) -> Probes:
    probes = Probes(Metrics())
    if health is not None:
        probes.worker = SimpleNamespace(  # type: ignore[assignment]
            id="w1",
            health=lambda: health,
            watchdog=SimpleNamespace(limit=LIMIT),
            settings=SimpleNamespace(beat=BEAT),
        )
    return probes


@pytest.mark.parametrize(
    ("health", "live", "ready"),
    [
        (None, 200, 503),
        (Health(), 200, 503),
        (Health(loop_age=0.1), 200, 503),
        (Health(ready=True, loop_age=0.1, reader_age=1.0), 200, 200),
        (Health(ready=True, loop_age=0.1, reader_age=1.0, outage=300.0), 200, 200),
        (Health(loop_age=BEAT * 3 + 0.1, reader_age=1.0), 503, 503),
        (Health(loop_age=0.1, reader_age=LIMIT + 0.1), 503, 503),
    ],
    ids=["none", "starting", "before a beat", "works", "outage", "loop", "reader"],
)
def test_states(health, live, ready):
    probes = probes_of(health)
    assert probes.answer("/livez")[0] == live
    assert probes.answer("/readyz")[0] == ready
    status, _, body = probes.answer("/healthz")
    state = json.loads(body)
    assert (status, state["live"], state["ready"]) == (live, live == 200, ready == 200)


def test_healthz_tells_of_an_outage():
    body = probes_of(Health(ready=True, loop_age=0.1, outage=3.5)).answer("/healthz")[2]
    assert json.loads(body)["outage"] == 3.5


def get(port: int, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status, dict(reply.headers), reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_paths_by_http():
    probes = probes_of(Health(ready=True, loop_age=0.1, reader_age=0.1))
    with probes.listening("127.0.0.1", 0) as listening:
        assert get(listening.port, "/livez")[::2] == (200, b"ok\n")
        assert get(listening.port, "/readyz?verbose")[0] == 200
        status, headers, text = get(listening.port, "/metrics")
        assert (status, headers["Server"]) == (200, "redflow ")
        assert headers["Content-Type"].startswith("text/plain; version=")
        assert b"redflow_build_info{" in text
        assert get(listening.port, "/secrets")[0] == 404
        assert get(listening.port, "/livez", "HEAD")[::2] == (200, b"")
        assert get(listening.port, "/livez", "POST")[0] == 501


async def test_a_worker_is_ready_while_it_works_and_lives_on_when_it_is_told_to_stop(bench: Bench):
    probes = Probes(bench.metrics)
    async with bench.working() as worker:
        probes.worker = worker
        await until(lambda: probes.ready)
        worker.pump.accepting = False
        assert (probes.live, probes.ready) == (True, False)


async def test_a_loop_that_stands_still_is_not_alive(bench: Bench):
    probes = Probes(bench.metrics)
    async with bench.working(lease=0.3, beat=0.05) as worker:
        probes.worker = worker
        await until(lambda: probes.ready)
        worker.heartbeat.ticked -= 1.0  # as if it had hung since then
        assert await answered(probes, "/livez") == 503
        await until(lambda: probes.live)


async def answered(probes: Probes, path: str) -> Any:
    await asyncio.sleep(0)
    return probes.answer(path)[0]
