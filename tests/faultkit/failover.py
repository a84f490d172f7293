"""A failover that loses writes: the replica stood still while the primary went on."""

import socket
import time
from collections.abc import Callable

import redis

from tests.faultkit.servers import LOOK, Server, ServerFailed

CAUGHT_UP_SECONDS = 20.0


def follow(replica: Server, primary: Server) -> None:
    """Let a server follow a primary, and wait until it has all that stands there now."""
    replica.ask("REPLICAOF", "127.0.0.1", primary.port)
    end = time.monotonic() + CAUGHT_UP_SECONDS
    while not _has_caught_up(replica, primary):
        if time.monotonic() > end:
            raise ServerFailed(f"the replica did not catch up:\n{replica.log}")
        time.sleep(LOOK)


def detach(replica: Server) -> None:
    """Stop replication: the replica asks a dead port, and keeps the state it has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there, and nobody may while it asks
        replica.ask("REPLICAOF", "127.0.0.1", taken.getsockname()[1])


def lossy_failover(
    primary: Server, replica: Server, write: Callable[[], None], *, take_port: bool = False
) -> None:
    """Lose what `write` does: stop replication, let it write, kill the primary, promote.

    With `take_port` the promoted server listens at the primary's port from then on (Redis 7.0 or
    newer), as behind the name of a managed service; else clients find it at its own.
    """
    detach(replica)
    write()
    promote(primary, replica, take_port=take_port)


def promote(primary: Server, replica: Server, *, take_port: bool = False) -> None:
    """Kill the primary and make the replica one, as far as it got."""
    primary.kill()
    replica.ask("REPLICAOF", "NO", "ONE")
    if take_port:
        replica.ask("CONFIG", "SET", "port", primary.port)
        replica.port = primary.port
        replica.wait_ready()


def _has_caught_up(replica: Server, primary: Server) -> bool:
    try:
        role, *_, state, offset = replica.ask("ROLE")
        return role == b"slave" and state == b"connected" and offset >= primary.ask("ROLE")[1]
    except (redis.RedisError, ValueError):  # it loads, or is a primary still
        return False
