"""Tell which lines of the Lua files ran: `pytest -p tests.support.lua_lines`, on fakeredis.

Nothing happens unless the environment names a file; every line of a script is slower with it.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

from redflow.driver import compiled
from redflow.store import script
from tests.support.bytecode import lines_of
from tests.support.declared import plain_text
from tests.support.tree import LUA, lua_files, name_of

VARIABLE = "REDFLOW_LUA_LINES"
"""The file that `<file>:<line>` of every line that ran is written to when pytest ends."""

Place = tuple[str, int]

# One hook an interpreter, in Lua: a hook in Python would take the interpreter's time at each line.
# In one line: the hook sees it as well, and the first line of a script is of no file.
HOOK = (
    b"function(debug) local ran = {}"
    b" debug.sethook(function(_, line) ran[line] = true end, 'l')"
    b" return function(lines) ran = lines or {} end end"
)


class Recorder:
    """Holds the lines that ran of every chunk that interpreters were given."""

    def __init__(self) -> None:
        self._ran: list[tuple[bytes, Any]] = []

    def install(self) -> None:
        """Record what runs in every interpreter that is lent from now on."""
        begin, execute = compiled._Compiled.__init__, compiled._Compiled.execute

        def begun(lent: Any, runtime: Any, socket: list[Any]) -> None:
            begin(lent, runtime, socket)
            lent.ran = {}
            lent.record = runtime.eval(HOOK)(runtime.globals()[b"debug"])

        def executed(lent: Any, code: Any) -> Any:
            if not isinstance(code, bytes):
                return execute(lent, code)
            lent.record(self._lines(lent, code))
            try:
                return execute(lent, code)
            finally:
                lent.record(None)  # what fakeredis runs between two scripts is not of them

        kind: Any = compiled._Compiled
        kind.__init__, kind.execute = begun, executed

    def _lines(self, lent: Any, code: bytes) -> Any:
        found = lent.ran.get(code)
        if found is None:
            found = lent.ran[code] = lent._runtime.table_from({})
            self._ran.append((code, found))
        return found

    def places(self) -> set[Place]:
        """Return the lines of Lua files that ran."""
        known = {
            script.load_script(name).text.encode(): places_of(name)
            for name in script.script_names()
        }
        return {
            place
            for code, lines in self._ran
            for line in lines
            if (place := _at(known.get(code) or _in_one_file(code), line))
        }


def _at(places: list[Place | None], line: int) -> Place | None:
    return places[line - 1] if line <= len(places) else None


def _in_one_file(code: bytes) -> list[Place | None]:
    """The lines of a chunk that a test has made of a whole file with something behind it."""
    for path in lua_files():
        source = path.read_bytes()
        if code.startswith(source):
            last = source.count(b"\n")
            return [None, *((name_of(path), number) for number in range(2, last + 1))]
    return []


@cache
def places_of(name: str) -> list[Place | None]:
    """Return file and line of each line of an assembled script; the first is the prologue."""
    found: list[Place | None] = [None]
    for part in [*script._includes(name, [], ()), name]:
        found += _kept(part)
    return found


def _kept(name: str) -> list[Place | None]:
    """The lines of a file that the loader keeps; one without any leaves an empty line behind."""
    source, path = script.read_source(name), _path_of(name)
    kept: list[Place | None] = [
        (path, number) for number, line in enumerate(source.splitlines(), 1) if script._body(line)
    ]
    return kept or [None]


def _path_of(name: str) -> str:
    own = LUA / f"{name}.lua"
    return name_of(own if own.is_file() else LUA / "lib" / f"{name}.lua")


def executable() -> set[Place]:
    """Return every line of a Lua file that has an instruction in some script."""
    found: set[Place] = set()
    for name in script.script_names():
        places = places_of(name)
        found |= {place for line in lines_of(plain_text(name)) if (place := places[line - 1])}
    return found


def _write(places: set[Place], path: str) -> None:
    lines = (f"{file}:{line}\n" for file, line in sorted(places))
    Path(path).write_text("".join(lines), encoding="utf-8")


def pytest_configure(config: Any) -> None:
    """Record this run, if the environment says where to."""
    path = os.environ.get(VARIABLE)
    if path:
        recorder = Recorder()
        recorder.install()
        config.add_cleanup(lambda: _write(recorder.places(), path))
