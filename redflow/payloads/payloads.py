"""Which values go to a payload store, and how its calls are made and its errors told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Self, TypeVar

from redflow.defaults import PAYLOAD_LIMIT, PAYLOAD_THRESHOLD, VALUE_LIMIT
from redflow.errors import InvalidInput, RedflowError, Unavailable
from redflow.payloads.environment import store_of
from redflow.payloads.store import Kept, PayloadStore

PAYLOADS_VARIABLE = "REDFLOW_PAYLOADS"

AT_ONCE = 8
"""Calls of one process under way: a store that hangs must not hold up what else has threads."""

T = TypeVar("T")


class Payloads:
    """A payload store, and which values go there: those of more than `threshold` bytes, encoded.

    A value may have `limit` bytes then, and so may all that meet in one step.
    """

    def __init__(
        self,
        store: PayloadStore,
        *,
        threshold: int = PAYLOAD_THRESHOLD,
        limit: int = PAYLOAD_LIMIT,
    ) -> None:
        if not 0 < threshold <= VALUE_LIMIT:
            raise InvalidInput(
                f"threshold {threshold:,} is not 1 to {VALUE_LIMIT:,} bytes", field="threshold"
            )
        if limit < VALUE_LIMIT:
            raise InvalidInput(
                f"limit {limit:,} is less than the {VALUE_LIMIT:,} bytes of a value in Redis",
                field="limit",
            )
        self.store = store
        self.threshold = threshold
        self.limit = limit

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self | None:
        """Make the store that REDFLOW_PAYLOADS names, a URL; None without it."""
        url = environ.get(PAYLOADS_VARIABLE)
        return cls(store_of(url, PAYLOADS_VARIABLE)) if url else None

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """The threads its calls are made in by whoever must not block."""
        return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="redflow-payloads")

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes; raises Unavailable."""
        self._call(lambda: self.store.put(key, data), f"payload {key!r} could not be stored")

    def get(self, key: str) -> bytes:
        """Return bytes; raises PayloadMissing, Unavailable."""
        return self._call(lambda: self.store.get(key), f"payload {key!r} could not be read")

    def delete(self, keys: Sequence[str]) -> None:
        """Remove payloads; raises Unavailable."""
        self._call(lambda: self.store.delete(keys), f"{len(keys)} payloads could not be removed")

    def kept(self, namespace: str) -> Iterator[Kept]:
        """Yield what is kept for a namespace; raises Unavailable."""
        cause = f"payloads of namespace {namespace!r} could not be listed"
        found = iter(self._call(lambda: self.store.kept(namespace), cause))
        while (one := self._call(lambda: next(found, None), cause)) is not None:
            yield Kept(*one)

    def _call(self, call: Callable[[], T], cause: str) -> T:
        try:
            return call()
        except RedflowError:
            raise
        except Exception as error:  # whatever a store or its library raises
            raise Unavailable(
                f"{cause}: {type(error).__name__}: {error}",
                hint=f"see that {self.store!r} can be reached and written to",
            ) from error


Store = Payloads | PayloadStore


def payloads_of(given: object, environ: Mapping[str, str]) -> Payloads | None:
    """Return where large values go: as given, else as the environment says; None: nowhere."""
    if given is None:
        return Payloads.from_env(environ)
    if isinstance(given, Payloads):
        return given
    wanted = ("put", "get", "delete", "kept")
    if not all(callable(getattr(given, name, None)) for name in wanted):
        raise InvalidInput(
            f"payloads is a {type(given).__name__}, which is no payload store",
            field="payloads",
            hint="write payloads=FileStore(directory), or S3Store(bucket)",
        )
    return Payloads(given)  # type: ignore[arg-type] # it has what the protocol asks for
