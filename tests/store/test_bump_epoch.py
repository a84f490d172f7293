"""bump_epoch: which servers have the same history, and what a new epoch leaves behind."""

import msgspec
import pytest
import redis

from redflow.model.event import EventKind
from redflow.store.epoch import Fence, Server, bump_epoch, read_server
from redflow.store.keys import Keys
from redflow.store.space import Space
from tests.store.support import EPOCH, Store
from tests.support.clients import server_client
from tests.support.server import started_server

LEASE = 30_000
FIRST = Server("run-1", "history-1")
RESTARTED = Server("run-2", "history-2")


@pytest.fixture
def prepared(store: Store) -> Store:
    """Return a partition that has met its first server."""
    store.prepare(["default"])
    assert bump(store, FIRST) == ("ok", 1)
    return store


def bump(store: Store, server: Server) -> tuple[str, int]:
    return store.run(bump_epoch(store.space, store.partition, server, lease=LEASE))


def sweeper(store: Store) -> dict[str, str]:
    return {name: value.decode() for name, value in store.hash("sweeper").items()}


def test_the_first_server_is_noted_and_nothing_else(prepared: Store) -> None:
    assert sweeper(prepared) == {"records": "0", "epoch": "1", "server": "run-1 history-1"}
    assert prepared.entries("events") == []


@pytest.mark.parametrize(
    ("server", "answer"),
    [
        (FIRST, ("same", 1)),
        (RESTARTED, ("ok", 2)),
        (Server("run-2", "history-2", "history-1"), ("ok", 2)),
        (Server("run-2", "history-1"), ("same", 1)),
        (Server("run-1", "history-2"), ("same", 1)),
        (Server("run-1", "history-2", "history-9"), ("ok", 2)),
    ],
    ids=["same", "restarted", "promoted", "behind-a-proxy", "first-replica", "followed-another"],
)
def test_what_begins_a_new_epoch(prepared: Store, server: Server, answer: tuple[str, int]) -> None:
    assert bump(prepared, server) == answer
    assert bump(prepared, server) == ("same", answer[1]), "and asking again never does"


def test_a_new_epoch_holds_leases_and_is_told(prepared: Store) -> None:
    prepared.now += 500
    bump(prepared, RESTARTED)
    assert sweeper(prepared) == {
        "records": "1",
        "epoch": "2",
        "server": "run-2 history-2",
        "hold": str(EPOCH + 500 + LEASE),
    }
    ((_, fields),) = prepared.entries("events")
    record = [EventKind.EPOCH_CHANGED, "", 2, None, 2]
    assert (fields["n"], msgspec.msgpack.decode(fields["e"])) == (b"1", [record])


def test_a_server_behind_a_proxy_leaves_no_trace(prepared: Store) -> None:
    before = sweeper(prepared)
    bump(prepared, Server("run-2", "history-1"))
    assert sweeper(prepared) == before


def test_a_renamed_history_is_known_from_then_on(prepared: Store) -> None:
    bump(prepared, Server("run-1", "history-2"))
    assert sweeper(prepared)["server"] == "run-1 history-2"
    assert bump(prepared, Server("run-1", "history-1", "history-2")) == ("ok", 2)
    assert len(prepared.entries("events")) == 1


@pytest.mark.server
def test_a_full_server_still_hears_of_it() -> None:
    """What is restarted at its limit must be drained, and this comes before every other call."""
    with started_server() as url, server_client(url) as client:
        full = Store(client, "full")
        full.prepare(["default"])
        bump(full, FIRST)
        full.command("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            full.command("SET", "any", "x")
        assert bump(full, RESTARTED) == ("ok", 2)


def test_a_fence_asks_every_partition() -> None:
    space = Space(Keys("ns", 3))
    asked = Fence(space, LEASE).questions(FIRST)
    assert [op.name for op in asked] == ["bump_epoch"] * 3
    assert len({op.keys for op in asked}) == 3


@pytest.mark.parametrize(
    ("answers", "changed"),
    [([("ok", 1)], False), ([("same", 4), ("same", 4)], False), ([("same", 4), ("ok", 4)], True)],
)
def test_a_fence_knows_a_change_from_the_first_epoch(
    answers: list[tuple[str, int]], changed: bool
) -> None:
    assert Fence(Space(Keys("ns", 2)), LEASE).has_changed(answers) == changed


INFO = b"# Server\r\nrun_id:abc\r\nx:1\r\n# Replication\r\nmaster_replid:def\r\n"


@pytest.mark.parametrize(
    ("info", "server"),
    [
        (INFO + b"master_replid2:" + b"0" * 40 + b"\r\n", Server("abc", "def")),
        (INFO + b"master_replid2:fed\r\n", Server("abc", "def", "fed")),
        (INFO, Server("abc", "def")),
        (b"run_id:abc\r\n", None),
        (b"master_replid:def\r\n", None),
        (b"\xff", None),
    ],
)
def test_what_info_says_of_a_server(info: bytes, server: Server | None) -> None:
    assert read_server(info) == server
