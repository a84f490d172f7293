"""Commands that tell whether a user may run them, and change nothing whatever the answer is.

Redis asks the ACL before it looks at words and types, so each of these is denied, or is answered by
an error or by nothing: the key is missing, the number is none, the type is another one.
"""

from __future__ import annotations

from collections.abc import Iterator

from redflow.store.keys import Keys

KEY, TYPED, CHANNEL = "<key>", "<typed>", "<channel>"
"""A key that is not there; one of another type, which is; the channel of a partition."""

NO_SHA = "0" * 40
WORDS: dict[str, tuple[str | int, ...]] = {
    "DEL": (KEY,),
    "EXISTS": (KEY,),
    "HDEL": (KEY, "f"),
    "HEXISTS": (KEY, "f"),
    "HGET": (KEY, "f"),
    "HGETALL": (KEY,),
    "HLEN": (KEY,),
    "HINCRBY": (KEY, "f", "none"),
    "HMGET": (KEY, "f"),
    "HSET": (KEY, "f", "v", "g"),
    "HSETNX": (TYPED, "f", "v"),
    "INFO": ("server",),
    "PEXPIRE": (KEY, 1000),
    "PUBLISH": (CHANNEL, "doctor"),
    "SADD": (TYPED, "m"),
    "SCARD": (KEY,),
    "SMEMBERS": (KEY,),
    "TIME": (),
    "XACK": (KEY, "g", "1-1"),
    "XADD": (KEY, "NOMKSTREAM", "*", "f", "v"),
    "XCLAIM": (KEY, "g", "c", 0, "1-1"),
    "XDEL": (KEY, "1-1"),
    "XGROUP": ("CREATE", KEY, "g", "0"),
    "XINFO": ("GROUPS", KEY),
    "XPENDING": (KEY, "g"),
    "XRANGE": (KEY, "-", "+", "COUNT", 1),
    "XREADGROUP": ("GROUP", "g", "c", "COUNT", 1, "STREAMS", KEY, ">"),
    "XTRIM": (KEY, "MAXLEN", 0),
    "ZADD": (KEY, "XX", 1, "m"),
    "ZCARD": (KEY,),
    "ZCOUNT": (KEY, 0, 0),
    "ZRANGE": (KEY, 0, 0),
    "ZREM": (KEY, "m"),
    "ZREMRANGEBYSCORE": (KEY, 0, 0),
    "ZREVRANGEBYSCORE": (KEY, 0, 0),
    "ZSCORE": (KEY, "m"),
    # What is asked without a script.
    "EVALSHA": (NO_SHA, 1, KEY),
    "SCRIPT": ("LOAD", "return 0"),
    "SCAN": (0, "COUNT", 1),
    "HKEYS": (KEY,),
    "HSCAN": (KEY, "0"),
    "TYPE": (KEY,),
    "XLEN": (KEY,),
    "XREAD": ("COUNT", 1, "STREAMS", KEY, "0"),
    "XREVRANGE": (KEY, "+", "-", "COUNT", 1),
    "ZRANGEBYSCORE": (KEY, 0, 0),
    "ZSCAN": (KEY, "0"),
}


def probes(keys: Keys, *, typed: bool) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yield each command with words to ask, for keys of a partition and for the namespace's own.

    `typed` says that the namespace is there: without it some commands have no harmless form.
    """
    partition = keys.partition(0)
    places = (
        (f"{partition.prefix}doctor", partition.permanent["timers"]),
        (keys.namespace_record.removesuffix("namespace") + "doctor", keys.namespace_record),
    )
    for missing, other in places:
        for name, words in WORDS.items():
            if name == "HSETNX" and other == keys.namespace_record:
                continue  # the record is a hash: it would be written
            if typed or TYPED not in words:
                named = {KEY: missing, TYPED: other, CHANNEL: f"{partition.prefix}control"}
                yield name, (name, *(named.get(str(word), word) for word in words))
