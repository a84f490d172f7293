"""The failover of the kit loses what was written, and nothing else."""

import pytest

from tests.faultkit.failover import follow, lossy_failover
from tests.faultkit.servers import Server

pytestmark = pytest.mark.process


@pytest.mark.parametrize("take_port", [False, True])
def test_what_was_written_meanwhile_is_lost(take_port):
    with Server() as primary, Server() as replica:
        primary.ask("SET", "kept", 1)
        follow(replica, primary)
        history = replica.ask("INFO", "replication")["master_replid"]
        lossy_failover(primary, replica, lambda: primary.ask("SET", "lost", 1), take_port=take_port)
        assert not primary.running
        assert (replica.port == primary.port) is take_port
        assert replica.ask("GET", "kept") == b"1"
        assert replica.ask("GET", "lost") is None
        assert replica.ask("SET", "new", 1)
        now = replica.ask("INFO", "replication")
        assert (now["master_replid"] != history, now["master_replid2"]) == (True, history)
