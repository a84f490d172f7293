"""Sentinels on written connections: who is asked, and what is refused as no primary."""

from typing import Any

import pytest
import redis
from redis.exceptions import ConnectionError, ReadOnlyError
from redis.exceptions import TimeoutError as NoAnswer

from redflow.driver import AsyncDriver, RedisConnector
from redflow.driver.failures import has_moved
from redflow.driver.sentinel._async import AsyncPrimary, following, met_primary
from redflow.driver.sentinel._sync import Primary
from redflow.driver.single._async import AsyncSingle
from redflow.errors import Unavailable
from tests.driver.kit import AsyncClock, AsyncWire, SyncWire, op_of, refusal

NAMED = [b"10.0.0.1", b"6379"]
CUT = ConnectionError("Connection reset by peer")


def primary(*answers: list[Any]) -> tuple[AsyncPrimary, list[AsyncWire]]:
    wires = [AsyncWire(said) for said in answers]
    places = {("s", number): wire for number, wire in enumerate(wires, 1)}
    return AsyncPrimary(places, "main"), wires  # type: ignore[arg-type]


# --- who is asked


async def test_the_first_sentinel_that_answers_names_the_primary():
    found, (wire,) = primary([NAMED])
    assert await found.find() == ("10.0.0.1", 6379)
    assert wire.sent == [[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", b"main"]]
    assert (wire.released, wire.closed) == (1, 1), "on a connection of its own, which is closed"


@pytest.mark.parametrize("said", [CUT, None, refusal("NOAUTH Authentication required.")])
async def test_another_is_asked_when_one_does_not_know(said: Any):
    found, wires = primary([said], [NAMED, NAMED])
    assert await found.find() == ("10.0.0.1", 6379)
    assert await found.find() == ("10.0.0.1", 6379)
    assert [len(wire.sent) for wire in wires] == [1, 2], "who knew is asked first"


async def test_when_none_knows_each_is_named_with_its_reason():
    found, _ = primary([CUT], [None])
    with pytest.raises(ConnectionError, match=r"s:1: Connection reset.*; s:2 knows no service"):
        await found.find()


def test_the_synchronous_twin():
    wires = {("s", 1): SyncWire([CUT]), ("s", 2): SyncWire([NAMED])}
    assert Primary(wires, "main").find() == ("10.0.0.1", 6379)  # type: ignore[arg-type]


# --- connections


class Plain:
    """What a connection of redis-py is to the one that follows."""

    host, port = "nowhere", 0

    def __init__(self, *answers: Any) -> None:
        self.wire = AsyncWire(list(answers))
        self.connected: list[Any] = []
        self.greeted: object = "of the link before"

    async def _connect(self) -> None:
        self.connected.append((self.host, self.port))

    async def on_connect(self) -> None:
        self.wire.take([b"*1\r\n$5\r\nHELLO\r\n"])

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        self.wire.take(command)

    async def read_response(self) -> Any:
        return self.wire.answer()


async def test_each_connection_asks_where_to_go():
    found, _ = primary([NAMED, [b"10.0.0.2", b"7000"]])
    connection = following(Plain, found.find)()
    await connection._connect()
    await connection._connect()
    assert connection.connected == [("10.0.0.1", 6379), ("10.0.0.2", 7000)]


async def test_a_primary_is_met_after_logging_in():
    connection = Plain([b"master", 0, []])
    await met_primary(connection)
    assert connection.wire.commands() == [b"HELLO", b"ROLE"]
    assert connection.greeted is None


async def test_who_is_no_primary_is_refused():
    with pytest.raises(ReadOnlyError, match="name nowhere:0, whose role is slave"):
        await met_primary(Plain([b"slave", b"h", 1, b"connected", 0]))


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_url_makes_connections_that_follow(scheme: str):
    connector = RedisConnector(f"{scheme}+sentinel://a:1,b:2/main/3")
    kinds: dict[str, Any] = {"redis": redis.asyncio.Connection, "rediss": redis.SSLConnection}
    driver: Any = connector.async_driver() if scheme == "redis" else connector.driver()
    connection = driver._pool.make_connection()
    assert isinstance(connection, kinds[scheme])
    assert type(connection).__name__ == "Following"
    assert connection.db == 3
    assert connection.retry.get_retries() == 0


# --- failures


@pytest.mark.parametrize(
    ("error", "follows", "alone"),
    [
        (refusal("READONLY You can't write"), True, True),
        (refusal("MASTERDOWN Link with MASTER is down"), True, True),
        (refusal("UNBLOCKED force unblock"), True, True),
        (refusal("NOREPLICAS Not enough good replicas"), True, False),
        (CUT, True, False),
        (NoAnswer("no answer within 5 s"), True, False),
        (refusal("LOADING Redis is loading"), True, False),
        (refusal("WRONGTYPE Operation"), False, False),
    ],
)
def test_what_makes_all_connections_be_made_anew(error: Any, follows: bool, alone: bool):
    assert (has_moved(error, or_lost=True), has_moved(error)) == (follows, alone)


def driver_of(wire: AsyncWire, *, follows: bool) -> AsyncDriver:
    return AsyncSingle(wire, where="here", follows=follows, timer=AsyncClock())  # type: ignore[arg-type]


@pytest.mark.parametrize(("follows", "dropped"), [(True, 1), (False, 0)])
async def test_a_lost_connection_drops_the_idle_ones(follows: bool, dropped: int):
    wire = AsyncWire([CUT, 1])
    assert await driver_of(wire, follows=follows).run(op_of("return 1")) == 1
    assert wire.dropped_idle == dropped


async def test_a_refused_connection_drops_the_idle_ones():
    wire = AsyncWire([1], refuse=[CUT])
    assert await driver_of(wire, follows=True).run(op_of("return 1")) == 1
    assert wire.dropped_idle == 1


async def test_without_any_sentinel_the_error_names_them_all():
    url = "redis+sentinel://127.0.0.1:1,127.0.0.1:2/main"
    driver = RedisConnector(url).async_driver()
    with pytest.raises(Unavailable) as caught:
        await driver.run(op_of("return 1"), deadline=None)
    await driver.close()
    text = str(caught.value)
    assert "main/0 of sentinels 127.0.0.1:1,127.0.0.1:2 cannot be reached" in text
    assert "no sentinel names the primary" in text
    assert not caught.value.ambiguous
