"""Every line of every Lua file is run by the tests of the store: a hook watches the interpreter."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redflow.store.script import script_names
from tests.support import lua_lines, rows
from tests.support.declared import plain_text
from tests.support.tree import ROOT

NO_INFO = "fakeredis says nothing of memory"

# Lines that no test on fakeredis can run, by how they begin, each with its reason.
NOT_IN_MEMORY: dict[tuple[str, str], str] = {
    ("lua/list_due.lua", "local limit = tonumber(string.match(info,"): NO_INFO,
    ("lua/list_due.lua", "local used = tonumber(string.match(info,"): NO_INFO,
    ("lua/list_due.lua", "return limit > 0 and used - "): NO_INFO,
    ("lua/list_due.lua", "call('HSET', key, 'full',"): NO_INFO,
    ("lua/put_partition.lua", "return redis.error_reply(reply.err)"): (
        "a wrong type is refused before; Redis 6.2 says here that the user may make no group"
    ),
}
SECONDS = 240
"""It takes 15 where nothing else runs."""
RAN = (0, 1)
"""Exit codes of pytest; tests that fail are told where they stand."""


def unrun_lines(tmp_path: Path, *arguments: str) -> set[lua_lines.Place]:
    """Run tests on fakeredis in a process of their own; answers the lines that none of them ran."""
    found = tmp_path / "lines"
    environment = {**os.environ, lua_lines.VARIABLE: str(found), "PYTHONHASHSEED": "0"}
    environment.pop(rows.VARIABLE, None)  # what those tests show is told by their own run
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.lua_lines"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *arguments], cwd=ROOT, env=environment,
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode in RAN, done.stdout[-3000:] + done.stderr[-1000:]
    places = (line.rsplit(":", 1) for line in found.read_text(encoding="utf-8").splitlines())
    ran = {(file, int(number)) for file, number in places}
    assert ran <= lua_lines.executable(), "the map from scripts to files is wrong"
    return lua_lines.executable() - ran


def text_of(place: lua_lines.Place) -> str:
    file, number = place
    return (ROOT / file).read_text(encoding="utf-8").splitlines()[number - 1].strip()


def is_at(entry: tuple[str, str], place: lua_lines.Place) -> bool:
    return entry[0] == place[0] and text_of(place).startswith(entry[1])


@pytest.mark.slow  # a minute and a half of the gate's fifteen on a busy machine
@pytest.mark.row(8)
@pytest.mark.timeout(SECONDS + 10)
def test_every_line_is_run(tmp_path: Path, measured: Callable[..., Any]) -> None:
    unrun = unrun_lines(tmp_path, "tests/store")
    excused = {place: entry for place in unrun for entry in NOT_IN_MEMORY if is_at(entry, place)}
    missing = sorted(unrun - set(excused))
    measured(
        lua_lines=len(lua_lines.executable()), not_run=len(missing), not_in_memory=len(excused)
    )
    assert [f"{file}:{line}: {text_of((file, line))}" for file, line in missing] == []
    needless = set(NOT_IN_MEMORY) - set(excused.values())
    assert needless == set(), "these lines are run, or are not there any more"


@pytest.mark.slow
def test_a_line_that_no_test_runs_is_found(tmp_path: Path) -> None:
    unrun = unrun_lines(tmp_path, "tests/store/test_drain_worker.py", "-k", "memory")
    assert {"lua/advance.lua", "lua/outcome/failed.lua", "lua/lib/saga.lua"} <= {
        f for f, _ in unrun
    }
    assert not any(file == "lua/drain_worker.lua" for file, _ in unrun)


def test_places_are_those_of_the_files() -> None:
    """The same word of a script and of the file it came from stand at the same place."""
    for name in script_names():
        places = lua_lines.places_of(name)
        lines = plain_text(name).splitlines()
        assert len(places) == len(lines)
        assert [line.strip() for line in lines[1:]] == [
            text_of(place) if place else "" for place in places[1:]
        ]
