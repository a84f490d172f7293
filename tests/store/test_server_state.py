"""What INFO says of a server that takes no writes, or has no room for them."""

import pytest

from redflow.store.server_state import ServerState, read_state


@pytest.mark.parametrize(
    ("told", "refuses"),
    [
        ("role:master", ""),
        ("role:slave", "replica"),
        ("loading:1\r\nrole:slave", "loading"),
        ("loading:0\r\naof_last_write_status:err", "disk"),
        ("rdb_last_bgsave_status:err\r\naof_last_write_status:ok", "disk"),
        ("rdb_last_bgsave_status:ok", ""),
        ("min_slaves_good_slaves:0", "replicas"),
        ("min_slaves_good_slaves:1", ""),
        ("", ""),
        ("no info\r\nat all", ""),
    ],
)
def test_what_refuses_writes(told: str, refuses: str) -> None:
    assert read_state(f"# Section\r\n{told}\r\n".encode()).refuses == refuses


@pytest.mark.parametrize(
    ("used", "buffers", "limit", "full"),
    [(100, 0, 0, False), (99, 0, 100, False), (100, 0, 100, True), (120, 21, 100, False)],
)
def test_buffers_of_replicas_do_not_count_against_the_limit(
    used: int, buffers: int, limit: int, full: bool
) -> None:
    info = f"used_memory:{used}\r\nmem_not_counted_for_evict:{buffers}\r\nmaxmemory:{limit}\r\n"
    state = read_state(info.encode())
    assert state == ServerState("", used - buffers, limit)
    assert state.full is full
