"""Disks of the kit: what a cut takes, what a server says without space, and that it recovers."""

from random import Random

import pytest
import redis

from tests.faultkit.disk import aof_of, small_disk, torn_aof
from tests.faultkit.programs import VERSIONS
from tests.faultkit.servers import Server

WRITES = 200


@pytest.mark.process
@pytest.mark.parametrize("version", VERSIONS)
def test_a_cut_takes_the_last_writes_and_no_others(version):
    with Server(version, "--appendonly", "yes", "--appendfsync", "no") as server:
        with server.client() as client:
            for number in range(WRITES):
                client.set(f"k{number}", number)
        size = aof_of(server.directory).stat().st_size
        cut = torn_aof(server, Random(1), most=2000)
        assert not server.running
        assert 0 < cut <= 2000
        assert aof_of(server.directory).stat().st_size == size - cut
        server.start()
        left = int(server.ask("DBSIZE"))
        assert 0 < left < WRITES
        assert server.ask("EXISTS", *[f"k{number}" for number in range(left)]) == left


@pytest.mark.fault
def test_a_full_disk_refuses_writes_until_it_grows():
    with (
        small_disk(6) as disk,
        Server("7.0", "--appendonly", "yes", directory=disk.directory) as server,
        server.client() as client,
    ):
        disk.fill(leave=1 << 17)
        acknowledged = 0
        with pytest.raises(redis.ResponseError, match="MISCONF"):
            while True:
                client.set(f"k{acknowledged}", "x" * 1000)
                acknowledged += 1
        disk.grow(12)
        server.wait_ready()
        while True:
            try:
                client.ping()
                break
            except redis.ResponseError:
                assert disk.free() > 0
        assert client.set("after", 1)
        server.restart()
        assert server.ask("DBSIZE") == acknowledged + 1
    assert not disk.directory.exists()
