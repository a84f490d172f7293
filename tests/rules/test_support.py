"""The suite's own guards guard: network, leaks, declared keys, the real server."""

import os
import socket
from pathlib import Path

import pytest
import redis

from redflow.store import script
from redflow.store.keys import Keys
from tests.support.leaks import belonging_to, leaks
from tests.support.network import Guard, OutsideLoopback, is_local_host
from tests.support.server import started_server

OUTSIDE = "192.0.2.1"  # reserved for documentation: never a host


@pytest.mark.parametrize(
    "leave",
    [
        lambda: socket.create_connection((OUTSIDE, 9), timeout=0.1),
        lambda: socket.getaddrinfo("redis.example", 6379),
        lambda: socket.gethostbyname("redis.example"),
        lambda: socket.socket().bind(("0.0.0.0", 0)),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", (OUTSIDE, 9)),
    ],
    ids=["connect", "getaddrinfo", "gethostbyname", "bind", "sendto"],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_leaving_loopback_is_an_error(leave, network_guard: Guard):
    with pytest.raises(OutsideLoopback):
        leave()
    assert len(network_guard.refused) > 0
    network_guard.refused.clear()


def test_loopback_and_unix_sockets_are_allowed(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(os.path.relpath(tmp_path / "s"))


@pytest.mark.parametrize("host", [None, "localhost", "127.8.9.1", "::1", "::1%lo", b"127.0.0.1"])
def test_local_hosts(host):
    assert is_local_host(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "redis", "localhost.example"])
def test_other_hosts(host):
    assert not is_local_host(host)


def test_keys_of_the_data_model_are_no_leak():
    keys = Keys("shop", 4)
    partition = keys.partition(3)
    left = dict.fromkeys(partition.permanent.values(), -1)
    left |= {partition.execution("a.b~2"): -1, keys.workflows: -1, keys.worker("w"): 5000}
    assert leaks(left, "shop") == []


def test_other_keys_and_wrong_expiries_are_leaks():
    keys = Keys("shop", 4)
    partition = keys.partition(0)
    left = {
        partition.execution("a"): 5000,
        keys.worker("w"): -1,
        partition.prefix + "other": -1,
        "rf:{shop}:live": -1,
    }
    assert len(leaks(left, "shop")) == len(left)


def test_keys_of_other_namespaces_are_nobodys_business():
    names = [b"rf:{shop:0}:live", b"rf:{shop}:workflows", b"rf:{shop2:0}:live", b"shop"]
    assert belonging_to(names, "shop") == ["rf:{shop:0}:live", "rf:{shop}:workflows"]


@pytest.mark.server
def test_a_script_that_touches_another_key_is_refused(server_url: str, namespace: str):
    loaded = script.load_script("put_namespace")
    keys, args = loaded.bind(namespace=f"rf:{{{namespace}}}:namespace", partitions=0, schema=1)
    wrong = loaded.text.replace("'HMGET', namespace", "'HMGET', namespace .. 'x'")
    assert wrong != loaded.text
    with redis.Redis.from_url(server_url) as client:
        assert client.eval(loaded.text, len(keys), *keys, *args) == [0, 0]
        with pytest.raises(redis.ResponseError, match="HMGET of a key that is not declared"):
            client.eval(wrong, len(keys), *keys, *args)


@pytest.mark.server
def test_a_server_of_our_own_ends_with_its_block():
    with started_server() as url, redis.Redis.from_url(url) as client:
        process = client.info("server")["process_id"]
        os.kill(process, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
