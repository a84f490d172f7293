"""Whether a server takes writes, and has room for them, by what its INFO says."""

from collections.abc import Mapping
from dataclasses import dataclass

from redflow.store.fitness import read_info


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
    told = read_info(info)

    def number(name: str) -> int:
        text = told.get(name, "")
        return int(text) if text.isdigit() else 0

    used = number("used_memory") - number("mem_not_counted_for_evict")
    return ServerState(_refusal(told), used, number("maxmemory"))


def _refusal(told: Mapping[str, str]) -> str:
    if told.get("loading") == "1":
        return "loading"
    if told.get("role") == "slave":
        return "replica"
    writing = ("rdb_last_bgsave_status", "aof_last_write_status")
    if any(told.get(name) == "err" for name in writing):
        return "disk"
    # Told only where min-replicas-to-write is set, which is at least one.
    return "replicas" if told.get("min_slaves_good_slaves") == "0" else ""
