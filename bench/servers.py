"""Servers of a benchmark's own: in temporary directories, on loopback, ended with the block."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import redis

from redflow.driver.programs import find_program

START_SECONDS = 20.0
STOP_SECONDS = 10.0
BUS = 10_000
SLOTS = 16384


@contextmanager
def own_server(*options: str) -> Iterator[str]:
    """Start the Redis on PATH, else the Valkey of the wheel, without persistence; yield its URL."""
    with started(*options) as port:
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def own_cluster(masters: int = 3) -> Iterator[str]:
    """Start a cluster of masters without replicas, each with an equal share of the slots."""
    with ExitStack() as stack:
        enabled = ("--cluster-enabled", "yes")
        ports = [stack.enter_context(started(*enabled)) for _ in range(masters)]
        nodes = [stack.enter_context(_client(port)) for port in ports]
        for number, node in enumerate(nodes):
            first, end = SLOTS * number // masters, SLOTS * (number + 1) // masters
            _ask(node, "CLUSTER", "ADDSLOTS", *range(first, end))
            _ask(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for port in ports[1:]:
            _ask(nodes[0], "CLUSTER", "MEET", "127.0.0.1", port)
        _until(lambda: all(_is_whole(node) for node in nodes), "a cluster that is whole")
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


@contextmanager
def started(*options: str) -> Iterator[int]:
    """Start a server; yield its port."""
    directory, port = tempfile.mkdtemp(prefix="redflow-bench-"), _free_port()
    command = [shutil.which("redis-server") or str(find_program()), "--port", str(port)]
    command += ["--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(
        [*command, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches the benchmark, which then ends the server
    )
    try:
        with _client(port) as client:
            _until(lambda: _answers(client), "a server that answers")
        yield port
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _free_port() -> int:
    """A port whose port for a cluster's bus is free too."""
    while True:
        with socket.socket() as probe, socket.socket() as bus:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1] - BUS
            try:
                bus.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _client(port: int) -> redis.Redis:
    return redis.Redis(port=port, protocol=2)


def _ask(client: redis.Redis, *words: str | int) -> bytes:
    reply: bytes = client.execute_command(*words)  # type: ignore[no-untyped-call]
    return reply


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(_ask(client, "PING"))
    except redis.ConnectionError:
        return False


def _is_whole(node: redis.Redis) -> bool:
    said = _text(_ask(node, "CLUSTER", "INFO"))
    return "cluster_state:ok" in said and f"cluster_slots_ok:{SLOTS}" in said


def _text(reply: object) -> str:
    """A reply as text: redis-py parses some of them."""
    if isinstance(reply, dict):
        return "\n".join(f"{name}:{value}" for name, value in reply.items())
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {START_SECONDS:g} s: {what}")
        time.sleep(0.02)
