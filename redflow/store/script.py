"""Lua scripts: the head of a file is its contract, names become locals, includes are spliced in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from redflow.store.op import Word

_DECLARATION = re.compile(r"^-- @(\w+)\s+(.*)$")
_WRITE = re.compile(
    r"call\('(DEL|P?EXPIRE|H(DEL|INCRBY|SET|SETNX)|S(ADD|REM)"
    r"|X(ACK|ADD|CLAIM|DEL|GROUP|READGROUP|TRIM)|Z(ADD|REM\w*))'"
)
_COMMAND = re.compile(r"call\('(?!INFO')([A-Z]+)'(?:, '(CREATE|DELCONSUMER)')?")
"""Without INFO: who may not ask that knows less, and goes on."""
_ARG_TYPES = {"int", "str", "bin"}
_LENGTHS = {"hash": "HLEN", "set": "SCARD", "stream": "XLEN", "zset": "ZCARD"}
"""By type of key, the cheapest command that refuses another type."""

_READ_FIRST = {"advance": {"executions", "plans"}}
"""Lists that a script reads to the end before it writes, so their types need no other look: a look
costs 0.4 us a key, and a call of the hot path names hundreds.
"""


@dataclass(slots=True)
class Head:
    """What a Lua file declares, in order of declaration."""

    purpose: str = ""
    includes: list[str] = field(default_factory=list)
    key: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    arg: dict[str, str] = field(default_factory=dict)
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reply: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    emits: tuple[str, ...] = ()

    def merge(self, other: Head) -> None:
        """Take over the names another file declares."""
        for name in ("key", "keys", "arg", "rows"):
            getattr(self, name).update(getattr(other, name))


@dataclass(frozen=True, slots=True)
class Script:
    """An assembled script and the order its names travel in."""

    name: str
    text: str
    sha: str
    head: Head
    _widths: tuple[tuple[str, int], ...]
    writes: bool = True
    """Whether it may write: it has commands that do."""

    def bind(self, **named: Any) -> tuple[tuple[str, ...], tuple[Word, ...]]:
        """Put named keys, arguments and rows in their places; rows are one flat sequence.

        Raises TypeError when a name is missing, unknown, or rows do not fill whole tuples.
        """
        head = self.head
        try:
            keys = [named.pop(name) for name in head.key]
            lists: list[Sequence[str]] = [named.pop(name) for name in head.keys]
            args: list[Word] = [named.pop(name) for name in head.arg]
            rows = [named.pop(name) for name, _ in self._widths]
        except KeyError as missing:
            raise TypeError(f"script {self.name} needs {missing}") from None
        if named:
            raise TypeError(f"script {self.name} does not know {', '.join(sorted(named))}")
        counts: list[Word] = [len(names) for names in lists]
        for (name, width), words in zip(self._widths, rows, strict=True):
            count, rest = divmod(len(words), width)
            if rest:
                raise TypeError(f"script {self.name}: {name} come in tuples of {width} words")
            counts.append(count)
        for names in lists:
            keys += names
        for words in rows:
            args += words
        return tuple(keys), (*counts, *args)


def parse_head(text: str) -> Head:
    """Read the leading comment of a Lua file.

    Raises ValueError for a declaration it does not know.
    """
    head = Head()
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        declared = _DECLARATION.match(line)
        if declared is None:
            head.purpose += line[2:].strip() + " "
        else:
            _declare(head, declared[1], declared[2].split())
    return head


def _declare(head: Head, kind: str, words: list[str]) -> None:
    if kind == "include":
        head.includes += words
    elif kind in ("key", "keys"):
        getattr(head, kind)[words[0]] = words[1]
    elif kind == "arg":
        if words[1] not in _ARG_TYPES:
            raise ValueError(f"argument {words[0]} has the unknown type {words[1]}")
        head.arg[words[0]] = words[1]
    elif kind == "rows":
        head.rows[words[0]] = tuple(words[1:])
    elif kind == "reply":
        head.reply = " ".join(words)
    elif kind == "error":
        head.errors[words[0]] = " ".join(words[1:])
    elif kind == "emits":
        head.emits = tuple(words)
    else:
        raise ValueError(f"unknown declaration @{kind}")


def lua_folder() -> Path:
    """The folder of the scripts: inside the wheel, or beside the package in a checkout."""
    packaged = Path(str(files("redflow"))) / "lua"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "lua"


def read_source(name: str) -> str:
    """The text of one Lua file: `advance`, `frontier` in lib/, `outcome/completed`."""
    for path in (lua_folder() / f"{name}.lua", lua_folder() / "lib" / f"{name}.lua"):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"no Lua file {name} in {lua_folder()}")


def _includes(name: str, seen: list[str], trail: tuple[str, ...]) -> list[str]:
    """Names of all included files, each after what it includes."""
    if name in trail:
        raise ValueError(f"Lua files include each other: {' > '.join((*trail, name))}")
    for included in parse_head(read_source(name)).includes:
        if included not in seen:
            _includes(included, seen, (*trail, name))
            seen.append(included)
    return seen


def _preamble(head: Head) -> str:
    """One line that turns KEYS and ARGV into the declared names."""
    parts = ["local words=ARGV"]
    parts += [f"local {name}=KEYS[{at}]" for at, name in enumerate(head.key, 1)]
    first = str(len(head.key))
    for at, name in enumerate(head.keys, 1):
        parts.append(
            f"local {name}={{}} for i=1,tonumber(ARGV[{at}]) do {name}[i]=KEYS[{first}+i] end"
        )
        first += f"+#{name}"
    counts = len(head.keys) + len(head.rows)
    for at, (name, kind) in enumerate(head.arg.items(), counts + 1):
        value = f"ARGV[{at}]"
        parts.append(f"local {name}={f'tonumber({value})' if kind == 'int' else value}")
    start = str(counts + len(head.arg))
    for at, (name, columns) in enumerate(head.rows.items(), len(head.keys) + 1):
        width = len(columns)
        last = f"{start}+{width}*tonumber(ARGV[{at}])"
        parts.append(f"local {name}={{width={width},first={start}+1,last={last}}}")
        start = f"{name}.last"
    return " ".join(parts)


def _checks(name: str, head: Head, body: str) -> str:
    """Statements that refuse the call before the first write: an error undoes nothing.

    A user who may not run one of its commands gets NOPERM, where servers can tell (not Redis 6.2);
    a key of another type than declared WRONGTYPE.
    """
    quoted = "','"
    commands = sorted({" ".join(filter(None, found)) for found in _COMMAND.findall(body)})
    allowed = "".join(
        f" if not redis.acl_check_cmd('{one.replace(' ', quoted)}') then return redis.error_reply("
        f"'NOPERM this user may not run {one}, which {name} needs') end"
        for one in commands
    )
    ones = [f" redis.call('{_LENGTHS[kind]}',{key})" for key, kind in head.key.items()]
    lists = [
        f" for i=1,#{key} do redis.call('{_LENGTHS[kind]}',{key}[i]) end"
        for key, kind in head.keys.items()
        if key not in _READ_FIRST.get(name, ())
    ]
    return f" if redis.acl_check_cmd then{allowed} end{''.join(ones + lists)}"


@cache
def load_script(name: str) -> Script:
    """Assemble one script with its includes; done once per process."""
    source = read_source(name)
    included = _includes(name, [], ())
    head = parse_head(source)
    merged = Head()
    for lib in included:
        merged.merge(parse_head(read_source(lib)))
    merged.merge(head)
    head.key, head.keys, head.arg, head.rows = merged.key, merged.keys, merged.arg, merged.rows
    body = "\n".join([*(_body(read_source(lib)) for lib in included), _body(source)])
    writes = _WRITE.search(body) is not None
    checks = _checks(name, head, body) if writes else ""
    text = f"{_preamble(head)}{checks}\n{body}"
    sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    widths = tuple((n, len(c)) for n, c in head.rows.items())
    return Script(name, text, sha, head, widths, writes)


def _body(source: str) -> str:
    """The statements of a Lua file; comments stay out of what the server stores."""
    lines = (line.rstrip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("--"))


def script_names() -> list[str]:
    """Every script, by file name."""
    return sorted(path.stem for path in lua_folder().glob("*.lua"))


def script_table() -> Mapping[str, Script]:
    """Every script, loaded."""
    return {name: load_script(name) for name in script_names()}
