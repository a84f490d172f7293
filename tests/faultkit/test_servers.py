"""Servers of each version: what a test may do to one, and what it keeps."""

import time

import pytest
import redis

from tests.faultkit.programs import VERSIONS, program
from tests.faultkit.servers import Server, ServerFailed

pytestmark = pytest.mark.process

SAYS = {"6.2": "6.2.", "7.0": "7.0.", "valkey": "7.2"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_of_each_version_answers_and_leaves_nothing(version):
    with Server(version) as server:
        with server.client() as client:
            assert client.info("server")["redis_version"].startswith(SAYS[version])
        pid, directory = server.pid, server.directory
    assert not server.running
    assert not directory.exists()
    with pytest.raises(ServerFailed, match="start it"):
        assert server.pid == pid


def test_a_killed_server_keeps_what_its_log_holds():
    with Server("7.0", "--appendonly", "yes", "--appendfsync", "always") as server:
        server.ask("SET", "a", 1)
        pid, url = server.pid, server.url
        server.restart()
        assert server.ask("GET", "a") == b"1"
        assert (server.pid != pid, server.url) == (True, url)
        server.stop()
        with pytest.raises(redis.ConnectionError):
            server.ask("PING")
        server.start()
        assert server.ask("GET", "a") == b"1"


def test_a_paused_server_answers_once_it_goes_on():
    with Server() as server, server.client() as client:
        client.connection_pool.connection_kwargs["socket_timeout"] = 0.1
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        assert server.running
        server.resume()
        assert server.ask("PING")


def test_a_paused_server_is_ended_all_the_same():
    with Server() as server:
        server.pause()
        begun = time.monotonic()
    assert not server.running
    assert time.monotonic() - begun < 5


def test_what_a_server_says_when_it_cannot_start_is_told():
    with (
        pytest.raises(ServerFailed, match="no-such-option"),
        Server("7.0", "--no-such-option", "1"),
    ):
        pass


def test_an_unknown_version_names_those_there_are():
    with pytest.raises(ValueError, match=r"6\.2, 7\.0, valkey"):
        program("5.0")
