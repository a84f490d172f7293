"""Read which globals a Lua 5.1 chunk reads and writes, from the bytecode of the compiler itself.

Redis refuses to write globals at run time, but only on the path that a test happens to take.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lupa import lua51

GETGLOBAL, SETGLOBAL = 5, 7
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
    runtime = lua51.LuaRuntime(encoding=None)
    dump = runtime.eval(
        b"function(text) local chunk, problem = loadstring(text, '=script')"
        b" if not chunk then return nil, problem end return string.dump(chunk) end"
    )
    code = dump(source.encode("utf-8"))
    if isinstance(code, tuple):
        raise SyntaxError(code[1].decode())
    return list(_Reader(code, HEADER_BYTES).function())


class _Reader:
    """Walks the dump of a function; the layout is that of Lua 5.1's ldump.c on 64 bits."""

    def __init__(self, code: bytes, at: int) -> None:
        self.code, self.at = code, at

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
        for _ in range(self.take("<I")):  # names of locals, with where they live
            self.text()
            self.at += 8
        for _ in range(self.take("<I")):  # names of captured locals
            self.text()
        for instruction, line in zip(instructions, lines, strict=True):
            operation = instruction & 0x3F
            if operation in (GETGLOBAL, SETGLOBAL):
                name = constants[instruction >> 14]
                yield Global(str(name), line, operation == SETGLOBAL)
