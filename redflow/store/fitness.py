"""Whether a server is fit to run on, judged by what its INFO says.

The judgement is pure. What a server does not tell is not judged, so a managed one that hides its
settings, or one whose user may not ask, is never refused for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

OLDEST_REDIS = (6, 2)
OLDEST_VALKEY = (8, 0)
CLOCKS_APART = 1.0

_LINE = re.compile(r"^(\w+):(.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a server that is wrong (`fatal`) or risky: what, why, and the next step."""

    what: str
    why: str
    step: str
    fatal: bool = False
    code: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.why} ({self.step})"


@dataclass(frozen=True, slots=True)
class Clocks:
    """This host's clock in seconds before and after the server was asked."""

    before: float
    after: float


def read_info(reply: bytes) -> dict[str, str]:
    """The fields of INFO."""
    return dict(_LINE.findall(reply.decode(errors="replace")))


def judge(info: Mapping[str, str], clocks: Clocks) -> Iterator[Finding]:
    """What is wrong or risky about a server that says this of itself."""
    yield from _version(info)
    yield from _eviction(info)
    yield from _persistence(info)
    yield from _replicas(info)
    yield from _clock(info, clocks)


def _version(info: Mapping[str, str]) -> Iterator[Finding]:
    valkey = info.get("valkey_version")
    name, oldest = ("Valkey", OLDEST_VALKEY) if valkey else ("Redis", OLDEST_REDIS)
    found = re.match(r"(\d+)\.(\d+)", valkey or info.get("redis_version", ""))
    if found and (int(found[1]), int(found[2])) < oldest:
        yield Finding(
            f"it is {name} {valkey or info['redis_version']}",
            "its scripts lack commands that redflow needs",
            f"run {name} {oldest[0]}.{oldest[1]} or newer",
            fatal=True,
            code="version",
        )


def _eviction(info: Mapping[str, str]) -> Iterator[Finding]:
    policy = info.get("maxmemory_policy", "")
    if info.get("maxmemory", "0") == "0":
        return
    if policy.startswith("allkeys-"):
        yield Finding(
            f"maxmemory-policy is {policy}",
            "at maxmemory it deletes keys of unfinished executions",
            "CONFIG SET maxmemory-policy noeviction, and the same in its configuration",
            fatal=True,
            code="eviction",
        )
    elif policy.startswith("volatile-"):
        yield Finding(
            f"maxmemory-policy is {policy}",
            "at maxmemory it forgets which workers are alive before it refuses new work",
            "CONFIG SET maxmemory-policy noeviction",
            code="eviction",
        )


def _persistence(info: Mapping[str, str]) -> Iterator[Finding]:
    if info.get("aof_enabled") == "0":
        yield Finding(
            "its append-only file is off",
            "a crash loses every execution and step since its last snapshot, or all of them",
            "CONFIG SET appendonly yes",
            code="persistence",
        )


def _replicas(info: Mapping[str, str]) -> Iterator[Finding]:
    # `min_slaves_good_slaves` is told only where min-replicas-to-write is set.
    replicas = info.get("connected_slaves", "0")
    if replicas != "0" and info.get("role") == "master" and "min_slaves_good_slaves" not in info:
        yield Finding(
            f"it has {replicas} replicas, and min-replicas-to-write is 0",
            "a primary that is cut off goes on answering, and a failover loses what it answered",
            "CONFIG SET min-replicas-to-write 1, and min-replicas-max-lag 10",
            code="replicas",
        )


def _clock(info: Mapping[str, str], clocks: Clocks) -> Iterator[Finding]:
    told = info.get("server_time_usec", "")
    if not told.isdigit():
        return
    server = int(told) / 1e6
    apart = max(clocks.before - server, server - clocks.after)
    if apart > CLOCKS_APART:
        yield Finding(
            f"its clock and that of this host are {apart:.1f} s apart",
            "timers go by its clock, timeouts and the times in logs by this host's",
            "synchronize both with NTP",
            code="clock",
        )
