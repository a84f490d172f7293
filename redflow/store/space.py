"""What every question shares: keys of a namespace, limits of one call, the tests' clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, TypeVar

from redflow import defaults
from redflow.store.keys import Keys, PartitionKeys
from redflow.store.op import Op
from redflow.store.script import load_script

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one script call; tests make them small to reach every page."""

    edge_budget: int = defaults.EDGE_BUDGET
    page: int = defaults.PAGE
    inline_value: int = defaults.INLINE_VALUE
    inline_total: int = defaults.INLINE_TOTAL
    events_cap: int = defaults.EVENTS_CAP
    done_cap: int = defaults.DONE_CAP
    signals_cap: int = defaults.SIGNALS_CAP
    depth_limit: int = defaults.DEPTH
    secrets_cap: int = defaults.SECRETS
    api_keys_cap: int = defaults.API_KEYS
    audit_cap: int = defaults.AUDIT_CAP
    webhooks_cap: int = defaults.WEBHOOKS
    now: int = 0
    """Milliseconds that stand for Redis TIME in tests; 0 asks the server."""


@dataclass(frozen=True)
class Space:
    """A namespace as questions see it."""

    keys: Keys
    limits: Limits = Limits()

    def op(
        self, name: str, partition: PartitionKeys | None, parse: Callable[[Any], T], /, **named: Any
    ) -> Op[T]:
        """Ask a script; permanent keys and limits it declares are filled in here."""
        script = load_script(name)
        own, limits = _shared(name)
        if partition is not None:
            permanent = partition.permanent
            for key in own:
                named[key] = permanent[key]
        for limit in limits:
            named[limit] = getattr(self.limits, limit)
        keys, args = script.bind(**named)
        return Op(name, script, keys, args, parse)


@cache
def _shared(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The permanent keys and the limits a script declares."""
    head = load_script(name).head
    permanent = PartitionKeys("", 0).permanent
    limits = asdict(Limits())
    return tuple(k for k in head.key if k in permanent), tuple(a for a in head.arg if a in limits)
