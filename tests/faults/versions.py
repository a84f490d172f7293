"""Runs the tests on other servers: `python -m tests.faults.versions [VERSION...]`.

The tests that need a server (scripts, client, worker, driver), each version in its turn. Exits
with 1 when one of them failed.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.faultkit.programs import VERSIONS
from tests.faultkit.servers import Server
from tests.support.rows import VARIABLE
from tests.support.server import URL_VARIABLE
from tests.support.tree import ROOT

FOLDERS = ("tests/store", "tests/client", "tests/worker", "tests/driver")
CHOSEN = "server and not slow and not fault"
_COUNT = re.compile(r"(\d+) (passed|failed|error)")


def run(version: str) -> dict[str, object]:
    """Run the tests on a server of a version; answers what is to be told of it."""
    with Server(version) as server:
        told = server.ask("INFO", "server")
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", CHOSEN, *FOLDERS]
        ran = subprocess.run(
            command, cwd=ROOT, env=os.environ | {URL_VARIABLE: server.url, VARIABLE: ""},
            stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    print(ran.stdout, flush=True)
    counts = {word: int(number) for number, word in _COUNT.findall(ran.stdout[-500:])}
    return {
        "version": _name(told),
        "passed": counts.get("passed", 0),
        "failed": counts.get("failed", 0) + counts.get("error", 0) + (ran.returncode not in (0, 1)),
    }


def _name(info: Mapping[str, Any]) -> str:
    valkey = info.get("valkey_version")
    return f"Valkey {valkey}" if valkey else f"Redis {info['redis_version']}"


def _note(result: Mapping[str, object]) -> None:
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")


def main(versions: list[str]) -> int:
    """Run the versions and note what came of them; answers the exit code."""
    found = []
    for version in versions or VERSIONS:
        found.append(run(version))
        _note(found[-1])
    for one in found:
        print(f"{one['version']}: {one['passed']} passed, {one['failed']} failed")
    return int(any(one["failed"] or not one["passed"] for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
