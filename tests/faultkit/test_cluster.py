"""A cluster of the kit: it covers all slots, loses a master and gets it back, and moves slots."""

from collections.abc import Iterator

import pytest
import redis

from tests.faultkit.cluster import SLOTS, Cluster

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as one:
        yield one


def test_it_has_three_masters_three_replicas_and_all_slots(cluster):
    assert (len(cluster.masters), len(cluster.replicas)) == (3, 3)
    owners = [cluster.owner_of(slot) for slot in (0, SLOTS - 1)]
    assert owners == [cluster.masters[0], cluster.masters[-1]]
    nodes = cluster.url.removeprefix("redis+cluster://").split(",")
    assert len(nodes) == 6


def test_a_slot_moves_with_its_keys_and_clients_are_told_where_to(cluster):
    slot = cluster.nodes[0].ask("CLUSTER", "KEYSLOT", "{a}")
    source = cluster.owner_of(slot)
    target = next(node for node in cluster.masters if node is not source)
    for number in range(250):
        source.ask("SET", f"{{a}}{number}", number)
    asked = []

    def look() -> None:
        with pytest.raises(redis.exceptions.AskError):
            source.ask("GET", "{a}7")
        asked.append(target.ask("CLUSTER", "COUNTKEYSINSLOT", slot))

    cluster.move_slot(slot, target, look)
    assert asked == [250]
    assert cluster.owner_of(slot) is target
    assert target.ask("GET", "{a}7") == b"7"
    with pytest.raises(redis.exceptions.MovedError):
        source.ask("GET", "{a}7")
    cluster.wait_ok()


def test_a_replica_takes_the_place_of_a_killed_master_and_it_returns_as_a_replica(cluster):
    second, slot = cluster.masters[1], SLOTS // 2
    assert cluster.owner_of(slot) is second
    assert cluster.kill_master(1) is second
    cluster.wait_ok()
    assert cluster.owner_of(slot) is not second
    assert second not in cluster.masters
    cluster.heal()
    assert second in cluster.replicas
    assert len(cluster.masters) == 3
