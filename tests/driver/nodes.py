"""Nodes of a cluster that are written down in advance, by port."""

from typing import Any

from redflow.driver.cluster._async import AsyncCluster
from redflow.driver.cluster._sync import Cluster
from redflow.driver.cluster.node._async import AsyncNode
from redflow.driver.cluster.node._sync import Node
from redflow.driver.cluster.slots import SLOTS, slot_of_key
from redflow.driver.links import Replicas
from tests.driver.kit import AsyncClock, AsyncWire, Clock

HOST = "h"
HALF = SLOTS // 2
LOW, HIGH = "{b}", "{a}"
"""Keys of the lower and of the upper half of the slots."""
assert slot_of_key(LOW) < HALF <= slot_of_key(HIGH)


def slots(*ports: int, replicas: tuple[int, ...] = ()) -> list[Any]:
    """The reply to CLUSTER SLOTS when these nodes own equal shares; a replica for each, or none."""
    share = SLOTS // len(ports)
    found = []
    for at, port in enumerate(ports):
        nodes = [[HOST.encode(), one, b"id"] for one in (port, *replicas[at : at + 1])]
        last = SLOTS - 1 if at == len(ports) - 1 else (at + 1) * share - 1
        found.append([at * share, last, *nodes])
    return found


class Nodes:
    """Wires by port; a wire without answers refuses connections."""

    def __init__(self, kind: Any = AsyncWire, **answers: list[Any]) -> None:
        self.wires = {int(port[1:]): kind(said) for port, said in answers.items()}
        self.kind = kind
        self.made: list[int] = []

    def wire(self, port: int) -> Any:
        if port not in self.wires:
            self.wires[port] = self.kind([])
        return self.wires[port]

    def sent(self, port: int) -> list[bytes]:
        """Commands that a node got."""
        return self.wire(port).commands()

    def cluster(self, *seeds: int, replicas: int = 0) -> AsyncCluster:
        def make(place: Any) -> AsyncNode:
            self.made.append(place[1])
            wire, where = self.wire(place[1]), f"{place[0]}:{place[1]}"
            return AsyncNode(wire, where=where, timer=AsyncClock(), replicas=Replicas(replicas))  # type: ignore[arg-type]

        places = [(HOST, port) for port in seeds]
        return AsyncCluster(make, places, where="here", timer=AsyncClock())  # type: ignore[arg-type]

    def sync_cluster(self, *seeds: int) -> Cluster:
        def make(place: Any) -> Node:
            wire, where = self.wire(place[1]), f"{place[0]}:{place[1]}"
            return Node(wire, where=where, timer=Clock())  # type: ignore[arg-type]

        places = [(HOST, port) for port in seeds]
        return Cluster(make, places, where="here", timer=Clock())  # type: ignore[arg-type]
