"""After a test: which keys it left that the data model does not know, and the removal of all."""

import functools
import re
from collections.abc import Iterable

from redflow.driver import Driver
from redflow.store import keys
from redflow.store.op import command

EXPIRING = "expires"  # how the lifetime of a key that needs an expiry begins


def leaks(left: dict[str, int], namespace: str) -> list[str]:
    """Return what is wrong with the keys a test left, given as name -> remaining milliseconds.

    Every key must be of a family in the table of redflow/store/keys.py; one whose lifetime says
    that it expires must have an expiry, and no other may have one.
    """
    return [problem for name in sorted(left) if (problem := _leak(name, left[name], namespace))]


def _leak(name: str, expiry: int, namespace: str) -> str:
    families = [key for key in keys.TABLE if _pattern(key, namespace).search(name)]
    if not families:
        return f"{name}: no such key in the data model"
    if any(key.lifetime.startswith(EXPIRING) for key in families) != (expiry >= 0):
        return f"{name}: lifetime is {families[0].lifetime!r}, its expiry is {expiry} ms"
    return ""


@functools.cache
def _pattern(key: keys.Key, namespace: str) -> re.Pattern[str]:
    tag = re.escape(namespace) + (":[0-9]+" if key.scope == "partition" else "")
    name = "".join(
        ".+" if part.startswith("<") else re.escape(part) for part in re.split(r"(<\w+>)", key.name)
    )
    return re.compile(rf"\{{{tag}\}}:{name}$")


def belonging_to(names: Iterable[bytes], namespace: str) -> list[str]:
    """Return those names that carry a hash tag of the namespace."""
    tag = re.compile(rf"\{{{re.escape(namespace)}(:[0-9]+)?\}}:")
    return [text for name in names if tag.search(text := name.decode("utf-8", "replace"))]


def left_by(driver: Driver, namespace: str) -> dict[str, int]:
    """Return the keys of a namespace, each with its remaining milliseconds, -1 for no expiry."""
    found = driver.everywhere("KEYS", f"*{{{namespace}*")
    own = belonging_to((name for _, names in found for name in names), namespace)
    expiries = driver.run_many([command("PTTL", "PTTL", name, parse=int) for name in own])
    return dict(zip(own, expiries, strict=True))


def remove(driver: Driver, names: Iterable[str]) -> None:
    """Delete keys by name."""
    driver.run_many([command("DEL", "DEL", name, parse=int) for name in names])
