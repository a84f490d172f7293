"""The proxy does what tests of faults rely on, and nothing when it is not asked."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.faultkit.proxy import Proxy, end_of

pytestmark = pytest.mark.server
BOUND = 5.0
"""Longest wait, in seconds, for what must come."""


@pytest.fixture
def proxy(server_url: str) -> Iterator[Proxy]:
    with Proxy(server_url) as made:
        yield made


@pytest.fixture
def client(proxy: Proxy, namespace: str) -> Iterator[redis.Redis]:
    """Return a client behind the proxy that never repeats by itself."""
    made = client_of(proxy)
    made.set(namespace, 0)
    yield made
    proxy.spare()
    proxy.black_hole(False)
    proxy.refuse(False)
    made.delete(namespace)
    made.close()


def client_of(proxy: Proxy, seconds: float = BOUND) -> redis.Redis:
    return redis.Redis.from_url(
        proxy.url, protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=seconds
    )


def has(word: bytes) -> Any:
    return lambda request: word in request


def test_passes_values_of_every_size_on(client: redis.Redis, namespace: str) -> None:
    for size in (0, 1, 100_000, 3_000_000):
        client.set(namespace, b"\r\n" * size)
        assert client.get(namespace) == b"\r\n" * size


def test_passes_pipelines_and_messages_on(
    client: redis.Redis, proxy: Proxy, namespace: str
) -> None:
    pipeline = client.pipeline()
    for _ in range(100):
        pipeline.incr(namespace)
    assert pipeline.execute() == list(range(1, 101))
    with client.pubsub() as heard:
        heard.subscribe(namespace)
        assert heard.get_message(timeout=BOUND)
        client.publish(namespace, "hello")
        message = heard.get_message(timeout=BOUND)
        assert message
        assert message["data"] == b"hello"


def test_cuts_replies_of_requests_that_match_and_were_carried_out(
    client: redis.Redis, proxy: Proxy, namespace: str
) -> None:
    proxy.cut_reply(has(b"INCR"), times=2)
    for number in (1, 2):
        with pytest.raises(redis.ConnectionError):
            client.incr(namespace)
        assert proxy.thrown[-1][1] == b":%d\r\n" % number
    assert client.get(namespace) == b"2"
    assert client.incr(namespace) == 3
    assert proxy.cuts == 2


def test_cuts_one_reply_of_several(client: redis.Redis, proxy: Proxy, namespace: str) -> None:
    proxy.cut_reply(has(b"GET"))
    with socket.create_connection(("127.0.0.1", proxy.port), BOUND) as link:
        name = namespace.encode()
        incr = b"*2\r\n$4\r\nINCR\r\n$%d\r\n%b\r\n" % (len(name), name)
        link.sendall(incr + incr.replace(b"$4\r\nINCR", b"$3\r\nGET") + incr)
        heard = b""
        with suppress(ConnectionResetError):
            while data := link.recv(100):
                heard += data
        assert heard in (b":1\r\n", b"")  # a reset may overtake it
    end = time.monotonic() + BOUND
    while client.get(namespace) != b"2":
        assert time.monotonic() < end


def test_cuts_every_connection(client: redis.Redis, proxy: Proxy, namespace: str) -> None:
    before = proxy.connections
    proxy.cut()  # the client sees it before it sends, and connects anew
    assert client.get(namespace) == b"0"
    assert proxy.connections == before + 1


def test_swallows_everything_until_told_otherwise(
    client: redis.Redis, proxy: Proxy, namespace: str
) -> None:
    with client_of(proxy, 0.1) as hasty:
        hasty.get(namespace)
        proxy.black_hole(True)
        with pytest.raises(redis.TimeoutError):
            hasty.incr(namespace)
        proxy.black_hole(False)
        end = time.monotonic() + BOUND
        while client.get(namespace) != b"1":  # what was held arrives
            assert time.monotonic() < end


def test_delays_what_is_sent(client: redis.Redis, proxy: Proxy, namespace: str) -> None:
    proxy.delay(0.1)
    begun = time.monotonic()
    client.get(namespace)
    assert time.monotonic() - begun >= 0.1
    proxy.delay(0)


def test_refuses_new_connections_only(client: redis.Redis, proxy: Proxy, namespace: str) -> None:
    proxy.refuse(True)
    assert client.get(namespace) == b"0"
    with client_of(proxy) as late, pytest.raises(redis.ConnectionError):
        late.get(namespace)
    proxy.refuse(False)
    with client_of(proxy) as late:
        assert late.get(namespace) == b"0"


@pytest.mark.parametrize(
    "message",
    [
        b"+OK\r\n",
        b":1\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"$3\r\na\r\n\r\n",
        b"*2\r\n*1\r\n$0\r\n\r\n:1\r\n",
    ],
)
def test_finds_the_end_of_a_message(message: bytes) -> None:
    assert end_of(message + b"+OK\r\n") == len(message)
    assert all(end_of(message[:size]) == 0 for size in range(len(message)))
