"""Three masters and three replicas of a Redis Cluster, whose masters may die and slots may move."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

import redis

from tests.faultkit.servers import LOOK, Server, ServerFailed

SLOTS = 16384
MASTERS = 3
OK_SECONDS = 30.0
AT_ONCE = 100
NODE_TIMEOUT = 2000
"""Milliseconds until a silent node counts as failed; a replica takes its place then."""


class Cluster:
    """Six nodes on loopback; which of them are masters changes as masters die.

    `options` go to every node. Only nodes that run are among `masters` and `replicas`.
    """

    def __init__(
        self, version: str = "7.0", *options: str, node_timeout: int = NODE_TIMEOUT
    ) -> None:
        settings = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout))
        self.nodes = [Server(version, *settings, *options) for _ in range(2 * MASTERS)]
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as started:
            for node in self.nodes:
                started.enter_context(node)
            self._make()
            self._running = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def url(self) -> str:
        """Where clients find it: every node, running or not."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    # --- who is who

    @property
    def masters(self) -> list[Server]:
        """Servers that own slots, by their first slot."""
        running = {node.port: node for node in self.nodes if node.running}
        ports = dict.fromkeys(port for _, _, port in self._map())
        return [running[port] for port in ports if port in running]

    @property
    def replicas(self) -> list[Server]:
        """Servers that follow a master."""
        return [node for node in self.nodes if node.running and not _is_master(node)]

    def owner_of(self, slot: int) -> Server:
        """Return the master that a slot belongs to."""
        ports = {port for first, last, port in self._map() if first <= slot <= last}
        (owner,) = (node for node in self.nodes if node.port in ports)
        return owner

    def _map(self) -> list[tuple[int, int, int]]:
        return _ranges(next(node for node in self.nodes if node.running))

    # --- what is done to it

    def kill_master(self, index: int) -> Server:
        """Kill a master, by the order of first slots, and return it; its replica takes over."""
        victim = self.masters[index]
        victim.kill()
        return victim

    def heal(self) -> None:
        """Start every node that does not run, and wait until all is well again."""
        for node in self.nodes:
            if not node.running:
                node.start()
        self.wait_ok()
        _wait(self._followed, "replicas that have caught up", self)

    def move_slot(self, slot: int, to: Server, pause_at: Callable[[], None] | None = None) -> None:
        """Move a slot and its keys; `pause_at` is called when they have moved, yet no owner has.

        From the first key until then clients meet ASK and TRYAGAIN, and MOVED afterwards.
        """
        source, old, new = self.owner_of(slot), self._id(self.owner_of(slot)), self._id(to)
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", old)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", new)
        self._move_keys(slot, source, to)
        if pause_at:
            pause_at()
            self._move_keys(slot, source, to)
        for node in [to, source, *self.masters]:
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", new)

    def _move_keys(self, slot: int, source: Server, to: Server) -> None:
        with source.client() as client:
            while keys := client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, AT_ONCE):
                client.execute_command("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)

    def wait_ok(self, seconds: float = OK_SECONDS) -> None:
        """Wait until every running node sees every slot with a running master."""
        _wait(self._agreed, "one map of all slots, on running masters", self, seconds)

    def _agreed(self) -> bool:
        running = [node for node in self.nodes if node.running]
        maps = [_ranges(node) for node in running]
        covered = sum(last - first + 1 for first, last, _ in maps[0])
        alive = {port for _, _, port in maps[0]} <= {node.port for node in running}
        states = {_info(node)["cluster_state"] for node in running}
        return states == {"ok"} and covered == SLOTS and alive and all(m == maps[0] for m in maps)

    def _followed(self) -> bool:
        links = [_ask(node, "INFO", "replication") for node in self.replicas]
        return len(links) == MASTERS and all(link["master_link_status"] == "up" for link in links)

    # --- how it is made

    def _make(self) -> None:
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            for other in self.nodes[:number]:
                node.ask("CLUSTER", "MEET", "127.0.0.1", other.port)
        for number, node in enumerate(self.nodes[:MASTERS]):
            first, end = SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS
            node.ask("CLUSTER", "ADDSLOTS", *range(first, end))
        _wait(self._met, "nodes that know one another", self)
        for number, node in enumerate(self.nodes[MASTERS:]):
            node.ask("CLUSTER", "REPLICATE", self._id(self.nodes[number]))
        self.wait_ok()
        _wait(self._followed, "replicas that have caught up", self)

    def _met(self) -> bool:
        said = [node.ask("CLUSTER", "NODES") for node in self.nodes]
        return all(b"handshake" not in text and text.count(b"\n") == 6 for text in said)

    @staticmethod
    def _id(node: Server) -> str:
        return str(node.ask("CLUSTER", "MYID").decode())


def _wait(
    condition: Callable[[], bool], what: str, cluster: Cluster, seconds: float = OK_SECONDS
) -> None:
    end = time.monotonic() + seconds
    while not _holds(condition):
        if time.monotonic() > end:
            said = "\n".join(node.log[-500:] for node in cluster.nodes)
            raise ServerFailed(f"not within {seconds} s: {what}\n{said}")
        time.sleep(LOOK * 5)


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except redis.RedisError:  # a node that loads, or has just been killed
        return False


def _ranges(node: Server) -> list[tuple[int, int, int]]:
    """First slot, last slot and master's port of each range, as a node sees it."""
    return sorted((first, last, of[1]) for first, last, of, *_ in node.ask("CLUSTER", "SLOTS"))


def _is_master(node: Server) -> bool:
    return bool(node.ask("ROLE")[0] == b"master")


def _info(node: Server) -> dict[str, str]:
    lines = node.ask("CLUSTER", "INFO").decode().split()
    return dict(line.split(":", 1) for line in lines)


def _ask(node: Server, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = node.ask(*words)
    return found
