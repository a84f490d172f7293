"""The clock of the kit: a server tells the time it is given, at once."""

import time

import pytest

from tests.faultkit.clock import FakeClock
from tests.faultkit.servers import Server

pytestmark = pytest.mark.process


@pytest.mark.parametrize("version", ["6.2", "valkey"])
def test_a_server_tells_the_time_it_is_given(version):
    with FakeClock() as clock, Server(version, clock=clock) as server:
        for offset in (0, 3600, -3600, 0):
            clock.set(offset)
            seconds, _ = server.ask("TIME")
            assert abs(int(seconds) - time.time() - offset) < 2


def test_one_clock_is_for_all_its_servers_and_for_no_other():
    with FakeClock() as clock, Server("6.2", clock=clock) as one, Server("6.2") as other:
        clock.set(-7200)
        assert int(other.ask("TIME")[0]) - int(one.ask("TIME")[0]) >= 7199
