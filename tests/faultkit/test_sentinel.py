"""Three sentinels of the kit: they replace a primary that was killed."""

import pytest
from redis.sentinel import Sentinel

from tests.faultkit.sentinel import SentinelTrio

pytestmark = pytest.mark.fault


@pytest.mark.timeout(120)
def test_sentinels_name_a_new_primary_and_the_old_one_comes_back_as_a_replica():
    with SentinelTrio() as trio:
        old = trio.primary()
        hosts = [("127.0.0.1", sentinel.port) for sentinel in trio.sentinels]
        asked = Sentinel(hosts, sentinel_kwargs={"protocol": 2}, protocol=2)
        assert asked.discover_master(trio.service) == ("127.0.0.1", old.port)
        old.ask("SET", "a", 1)
        assert old.ask("WAIT", 2, 5000) == 2
        for _ in range(2):
            old = trio.primary()
            new = trio.failover()
            assert new is not old
            assert asked.discover_master(trio.service) == ("127.0.0.1", new.port)
            assert new.ask("GET", "a") == b"1"
            trio.heal()
            assert old in trio.replicas()
            assert old.ask("GET", "a") == b"1"
        for client in asked.sentinels:
            client.close()
    assert not any(one.running for one in [*trio.servers, *trio.sentinels])


def test_the_url_names_every_sentinel_and_the_service():
    trio = SentinelTrio()
    hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in trio.sentinels)
    assert trio.url == f"redis+sentinel://{hosts}/{trio.service}/0"
