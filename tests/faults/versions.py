"""Runs the tests on other servers: `python -m tests.faults.versions [VERSION...]`.

The tests that need a server (scripts, client, worker, driver), each version in its turn, and then
on a `cluster` of six nodes and behind `sentinel`s, without those marked `single`. Exits with 1 when
one of them failed.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faultkit.cluster import Cluster
from tests.faultkit.programs import VERSIONS
from tests.faultkit.sentinel import SentinelTrio
from tests.faultkit.servers import Server
from tests.support.rows import VARIABLE
from tests.support.server import URL_VARIABLE
from tests.support.tree import ROOT

FOLDERS = ("tests/store", "tests/client", "tests/worker", "tests/driver")
CHOSEN = "server and not slow and not fault"
TOPOLOGIES = ("cluster", "sentinel")
_COUNT = re.compile(r"(\d+)(?:/\d+)? (passed|failed|error|tests collected)")


def run(kind: str) -> dict[str, object]:
    """Run the tests on a server of a version, or on a topology; answers what is to be told."""
    several = kind in TOPOLOGIES
    with _started(kind) as (name, url):
        ran, counts = _pytest(url, f"{CHOSEN} and not single" if several else CHOSEN, "-n", "2")
        left = _pytest(url, f"{CHOSEN} and single", "--collect-only")[1] if several else {}
    return {
        "version": name,
        "passed": counts.get("passed", 0),
        "failed": counts.get("failed", 0) + counts.get("error", 0) + (ran not in (0, 1)),
        "single": left.get("tests collected", 0),
    }


def _pytest(url: str, chosen: str, *options: str) -> tuple[int, dict[str, int]]:
    """Run pytest on what a URL names and print what it says; its exit code and its counts."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", chosen, *options, *FOLDERS],
        cwd=ROOT, env=os.environ | {URL_VARIABLE: url, VARIABLE: ""},
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    print(ran.stdout, flush=True)
    found = _COUNT.findall(ran.stdout[-500:])
    return ran.returncode, {word: int(number) for number, word in found}


@contextmanager
def _started(kind: str) -> Iterator[tuple[str, str]]:
    """Start what the tests are to use; its name on the page, and its URL."""
    if kind == "cluster":
        with Cluster() as cluster:
            yield f"{_name(cluster.nodes[0])}, cluster of 3 + 3", cluster.url
    elif kind == "sentinel":
        with SentinelTrio() as trio:
            yield f"{_name(trio.primary())}, behind sentinels", trio.url
    else:
        with Server(kind) as server:
            yield _name(server), server.url


def _name(server: Server) -> str:
    info: Mapping[str, Any] = server.ask("INFO", "server")
    valkey = info.get("valkey_version")
    return f"Valkey {valkey}" if valkey else f"Redis {info['redis_version']}"


def _note(result: Mapping[str, object]) -> None:
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")


def main(kinds: list[str]) -> int:
    """Run versions and topologies and note what came of them; answers the exit code."""
    found = []
    for kind in kinds or (*VERSIONS, *TOPOLOGIES):
        found.append(run(kind))
        _note(found[-1])
    for one in found:
        print(f"{one['version']}: {one['passed']} passed, {one['failed']} failed")
    return int(any(one["failed"] or not one["passed"] for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
