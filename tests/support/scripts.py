"""What the Lua files say and call, read from their text; for the rules that scripts keep."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from redflow.store import script
from tests.support.tree import LUA, lua_files

ONE_KEY = """DEL EXISTS EXPIRE PEXPIRE TTL PTTL TYPE GET SET STRLEN
    HDEL HEXISTS HGET HGETALL HINCRBY HLEN HMGET HSET HSETNX HSTRLEN
    SADD SCARD SISMEMBER SMEMBERS SREM
    XACK XADD XCLAIM XDEL XLEN XPENDING XRANGE XREVRANGE XTRIM
    ZADD ZCARD ZCOUNT ZRANGE ZRANGEBYSCORE ZRANK ZREM ZREMRANGEBYSCORE ZREVRANGEBYSCORE ZSCORE"""
# Where a command has its key; AFTER_STREAMS: half of what follows that word are keys.
AFTER_STREAMS = -1
KEY_PLACES = dict.fromkeys(ONE_KEY.split(), 1)
KEY_PLACES |= {"TIME": 0, "PUBLISH": 0, "INFO": 0, "XGROUP": 2, "XINFO": 2}
KEY_PLACES["XREADGROUP"] = AFTER_STREAMS
CALL = re.compile(r"\b(?:redis\.)?p?call\(")
LOCAL = re.compile(r"^local (?:function )?(\w+(?: *, *\w+)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class File:
    """One Lua file: its name as includes write it, its head, and its statements."""

    name: str
    source: str
    head: script.Head
    body: str

    @property
    def is_script(self) -> bool:
        return self.name in script.script_names()

    def declared(self) -> set[str]:
        """Return the names that the head turns into locals."""
        head = self.head
        return {*head.key, *head.keys, *head.arg, *head.rows}

    def offers(self) -> set[str]:
        """Return what a file that includes this one can use."""
        listed = (names for names in LOCAL.findall(self.body))
        return self.declared() | {name.strip() for names in listed for name in names.split(",")}


@cache
def files() -> dict[str, File]:
    """Return every Lua file by the name that includes it."""
    found = {}
    for path in lua_files():
        name = path.relative_to(LUA).with_suffix("").as_posix().removeprefix("lib/")
        source = path.read_text(encoding="utf-8")
        body = without_comments(source)
        found[name] = File(name, source, script.parse_head(source), body)
    return found


def without_comments(source: str) -> str:
    """Blank what follows `--` outside a string; lines stay where they are."""
    string = r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
    return re.sub(rf"({string})|--[^\n]*", lambda found: found[1] or "", source)


def closure(name: str) -> set[str]:
    """Return a file and everything it includes, directly or not."""
    seen, todo = set(), [name]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += files()[one].head.includes
    return seen


def words_in(text: str) -> set[str]:
    """Return the names a text uses; fields after a dot and strings are not names."""
    bare = re.sub(r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"", "''", text)
    return set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", bare)) | set(
        re.findall(r"\.\.\s*([A-Za-z_]\w*)", bare)
    )


def calls_in(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every call of Redis, as they are written."""
    for found in CALL.finditer(text):
        yield arguments_at(text, found.end())


def arguments_at(text: str, start: int) -> list[str]:
    """Split the arguments of the call whose opening bracket ends at start."""
    depth, quote, arguments, since = 0, "", [], start
    for at in range(start, len(text)):
        sign = text[at]
        if quote:
            quote = "" if sign == quote and text[at - 1] != "\\" else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}" and depth:
            depth -= 1
        elif sign == ")" or (sign == "," and not depth):
            arguments.append(text[since:at].strip())
            since = at + 1
            if sign == ")":
                break
    return arguments


def keys_in(arguments: list[str]) -> list[str]:
    """Return the arguments of a call that are keys; raises KeyError for an unknown command."""
    place = KEY_PLACES[arguments[0].strip("'\"")]
    if place != AFTER_STREAMS:
        return arguments[place : place + 1] if place else []
    streams = arguments[arguments.index("'STREAMS'") + 1 :]
    return streams[: len(streams) // 2]
