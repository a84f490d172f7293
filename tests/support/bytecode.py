"""Read what globals a Lua 5.1 chunk uses and which lines it can run, from the compiler's bytecode.

Redis refuses to write globals at run time, but only on the path that a test happens to take.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lupa import lua51

GETGLOBAL, SETGLOBAL = 5, 7
TFORLOOP = 33
OPERATION = 0x3F
HEADER_BYTES = 12
NIL, BOOLEAN, NUMBER, STRING = 0, 1, 3, 4


@dataclass(frozen=True, slots=True)
class Global:
    """One use of a global name."""

    name: str
    line: int
    written: bool


def globals_of(source: str) -> list[Global]:
    """Compile a chunk and return its uses of globals; raises SyntaxError if Lua refuses it."""
    return list(_read(source).function())


def lines_of(source: str) -> set[int]:
    """Compile a chunk and return the lines that have an instruction which a line hook can see.

    It cannot see the jump behind TFORLOOP, which that carries out itself. The return that Lua puts
    behind every function, at the line of its `end`, is no line of ours.
    """
    reader = _read(source)
    for _ in reader.function():
        pass
    return reader.lines


def _read(source: str) -> "_Reader":
    runtime = lua51.LuaRuntime(encoding=None)
    dump = runtime.eval(
        b"function(text) local chunk, problem = loadstring(text, '=script')"
        b" if not chunk then return nil, problem end return string.dump(chunk) end"
    )
    code = dump(source.encode("utf-8"))
    if isinstance(code, tuple):
        raise SyntaxError(code[1].decode())
    return _Reader(code, HEADER_BYTES)


class _Reader:
    """Walks the dump of a function; the layout is that of Lua 5.1's ldump.c on 64 bits."""

    def __init__(self, code: bytes, at: int) -> None:
        self.code, self.at = code, at
        self.lines: set[int] = set()

    def take(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self.code, self.at)
        self.at += struct.calcsize(form)
        return int(value)

    def text(self) -> str:
        size = self.take("<Q")
        self.at += size
        return self.code[self.at - size : self.at].rstrip(b"\0").decode("latin-1")

    def integers(self) -> list[int]:
        return [self.take("<I") for _ in range(self.take("<I"))]

    def constant(self) -> str | None:
        kind = self.take("<B")
        if kind == STRING:
            return self.text()
        self.at += {NIL: 0, BOOLEAN: 1, NUMBER: 8}[kind]
        return None

    def function(self) -> Iterator[Global]:
        self.text()
        self.at += 4 + 4 + 4  # lines of its start and end; four one-byte sizes
        instructions = self.integers()
        constants = [self.constant() for _ in range(self.take("<I"))]
        for _ in range(self.take("<I")):
            yield from self.function()
        lines = self.integers()
        before = [0, *instructions]
        self.lines |= {
            line
            for line, previous in zip(lines[:-1], before, strict=False)
            if previous & OPERATION != TFORLOOP
        }
        for _ in range(self.take("<I")):  # names of locals, with where they live
            self.text()
            self.at += 8
        for _ in range(self.take("<I")):  # names of captured locals
            self.text()
        for instruction, line in zip(instructions, lines, strict=True):
            operation = instruction & OPERATION
            if operation in (GETGLOBAL, SETGLOBAL):
                name = constants[instruction >> 14]
                yield Global(str(name), line, operation == SETGLOBAL)
