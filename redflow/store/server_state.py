"""Whether a server takes writes, and has room for them, by what its INFO says."""

import re
from dataclasses import dataclass

_FIELD = re.compile(rb"^(\w+):([^\r\n]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ServerState:
    """What stands in the way of every write; `refuses` is "" when nothing does.

    The other words: `replica`, `disk` (it cannot save), `replicas` (too few are connected), and
    `loading`. Bytes `used` are those that count against `limit`, 0 for no limit.
    """

    refuses: str = ""
    used: int = 0
    limit: int = 0

    @property
    def full(self) -> bool:
        """Whether what takes memory is refused."""
        return 0 < self.limit <= self.used


def read_state(info: bytes) -> ServerState:
    """Read the sections memory, persistence and replication; what is not told is no obstacle."""
    told = dict(_FIELD.findall(info))

    def number(name: bytes) -> int:
        text = told.get(name, b"")
        return int(text) if text.isdigit() else 0

    used = number(b"used_memory") - number(b"mem_not_counted_for_evict")
    return ServerState(_refusal(told), used, number(b"maxmemory"))


def _refusal(told: dict[bytes, bytes]) -> str:
    if told.get(b"loading") == b"1":
        return "loading"
    if told.get(b"role") == b"slave":
        return "replica"
    writing = (b"rdb_last_bgsave_status", b"aof_last_write_status")
    if any(told.get(name) == b"err" for name in writing):
        return "disk"
    # Told only where min-replicas-to-write is set, which is at least one.
    return "replicas" if told.get(b"min_slaves_good_slaves") == b"0" else ""
