"""User values on their way into Redis and out of it: sealed for their place, where there are keys.

A value belongs to a place: an execution, the node that made it, and what it is of it. Its origin
names that place in clear and is authenticated, so a value that was copied elsewhere is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from redflow.crypto.envelope import Envelope, read_envelope
from redflow.defaults import VALUE_LIMIT
from redflow.errors import DecryptionFailed, KeyMissing, Misconfigured, PayloadDamaged
from redflow.model import codec
from redflow.model.codec import Sealed, Stored
from redflow.model.digest import canonical, digest_of, short_digest
from redflow.model.ids import is_rerun_in_tree
from redflow.model.outcome import ErrorInfo, OutcomeReason
from redflow.model.plan import Plan
from redflow.payloads.payloads import Payloads
from redflow.payloads.store import new_key, read_key

if TYPE_CHECKING:  # who has no keys does not load their library
    from redflow.crypto.crypto import Crypto

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[str, str, str, str, int]).decode


class Field(StrEnum):
    """What a value is of an execution; stored in origins, so never renamed."""

    INPUT = "input"
    OUTPUT = "output"
    ERROR = "error"
    SIGNAL = "signal"


CLEAR_REASONS = frozenset(
    {OutcomeReason.TIMEOUT, OutcomeReason.WORKER_LOST, OutcomeReason.OPERATOR}
)
"""Reasons of errors that scripts write themselves, or an operator who has no key."""

GIVEN = (Field.INPUT, Field.SIGNAL)
"""What may be a clear None: who has no key may start an execution and signal it, without data."""


def place_of(plan: Plan, name: str) -> tuple[Field, str]:
    """What a recorded field holds while it holds a value: `input`, or `s3` of a step."""
    return (Field.INPUT, "") if name == "input" else (Field.OUTPUT, plan.step(int(name[1:])).id)


@dataclass(slots=True)
class Away:
    """A value on its way to the payload store: `Values.keep` puts it there.

    `data` is the encoded value, then what is stored; `reference` what stands for it in Redis.
    """

    key: str
    data: bytes
    origin: bytes
    reference: bytes = b""


class Values:
    """The values of one namespace; without keys they pass as they are, sealed ones stay shut.

    With `payloads` large ones go to a payload store, and what stands for them passes as they would.
    """

    def __init__(
        self, namespace: str, crypto: Crypto | None = None, payloads: Payloads | None = None
    ) -> None:
        self.namespace = namespace
        self.payloads = payloads
        self.limit = VALUE_LIMIT if payloads is None else payloads.limit
        self._crypto = crypto

    def seal(
        self, data: bytes, execution: str, field: Field, node: str = "", attempt: int = 0
    ) -> bytes:
        """Seal an encoded value for its place; as it is without keys."""
        if self._crypto is None:
            return data
        origin = self._origin(execution, field, node, attempt)
        return _pack(codec.sealed(self._crypto.seal(data, origin)))

    # Large values: encoded, packed, kept; read, fetched

    def encode(self, value: object) -> bytes:
        """Encode a value; raises InvalidInput, PayloadTooLarge over what may be kept."""
        return codec.encode(value, limit=self.limit)

    def pack(
        self, data: bytes, execution: str, field: Field, node: str = "", attempt: int = 0
    ) -> tuple[bytes, Away | None]:
        """Seal an encoded value for its place; one for the payload store is answered as Away.

        Its own bytes are b"" then: `keep` answers what stands for it.
        """
        if self.payloads is None or len(data) <= self.payloads.threshold:
            return self.seal(data, execution, field, node, attempt), None
        origin = self._origin(execution, field, node, attempt)
        return b"", Away(new_key(self.namespace, execution), data, origin)

    def keep(self, away: Away) -> bytes:
        """Put a value into the payload store and return what stands for it; safe to repeat.

        Blocks. Raises Unavailable.
        """
        assert self.payloads is not None
        if not away.reference:
            away.data, away.reference = self._locked(away)
        self.payloads.put(away.key, away.data)
        return away.reference

    def _locked(self, away: Away) -> tuple[bytes, bytes]:
        secret, data = b"", away.data
        if self._crypto is not None:
            secret, data = self._crypto.lock(data)
        reference = codec.stored(Stored(away.key, len(data), sha256(data).digest(), secret))
        if self._crypto is not None:
            reference = _pack(codec.sealed(self._crypto.seal(reference, away.origin)))
        return data, reference

    def fetch(self, stored: Stored, execution: str) -> Any:
        """Return the value that a reference in an execution stands for.

        Blocks. Raises PayloadMissing, PayloadDamaged; Unavailable; Misconfigured without a store.
        """
        self._judge_key(stored.key, execution)
        if self.payloads is None:
            raise Misconfigured(
                f"a value of execution {execution!r} is in a payload store, and there is none here",
                hint="set REDFLOW_PAYLOADS, or give payloads=FileStore(directory)",
            )
        data = self.payloads.get(stored.key)
        if len(data) != stored.size or sha256(data).digest() != stored.digest:
            raise PayloadDamaged(
                f"payload {stored.key!r} in {self.payloads.store!r} was changed: it has"
                f" {len(data):,} bytes and {stored.size:,} were stored, or its digest differs",
                hint="something else wrote to it: restore it from a backup, or start again",
            )
        if stored.secret and self._crypto is not None:
            data = self._crypto.unlock(stored.secret, data)
        return codec.decode(data)

    def _judge_key(self, key: str, execution: str) -> None:
        owner = read_key(key)
        ours = owner.execution == execution or is_rerun_in_tree(execution, owner.execution)
        if owner.namespace != self.namespace or not ours:
            raise PayloadDamaged(
                f"a value of execution {execution!r} names payload {key!r}, which is not its own",
                hint="something else wrote to it: restore it from a backup, or start again",
            )

    def read(
        self,
        data: bytes,
        execution: str,
        field: Field,
        node: str | None = "",
    ) -> Any:
        """Decode the value of a place; `node` None allows any. Stored: `fetch` has the value.

        Raises KeyMissing, DecryptionFailed. A rerun holds values of the executions of its tree.
        """
        return self.opened(codec.decode(data), execution, field, node)

    def opened(self, value: Any, execution: str, field: Field, node: str | None = "") -> Any:
        """Return the value of a place that is decoded already; raises as `read` does."""
        if type(value) is Sealed:
            return codec.decode(self._opened(value, execution, field, node))
        if self._crypto is not None and (value is not None or field not in GIVEN):
            self._refuse_plain(execution, field)
        return value

    def show(
        self,
        data: bytes,
        execution: str,
        field: Field,
        node: str | None = "",
    ) -> Any:
        """Decode a value for somebody to look at: Sealed where its key is missing."""
        try:
            return self.read(data, execution, field, node)
        except KeyMissing:
            return codec.decode(data)

    # Errors: their type, reason and attempts stay clear

    def seal_error(self, error: ErrorInfo, execution: str, node: str = "") -> bytes:
        """Encode an error; its message is sealed."""
        value = error.to_value()
        if self._crypto is None:
            return codec.encode(value)
        origin = self._origin(execution, Field.ERROR, node, error.attempts)
        message = self._crypto.seal(codec.encode(value["message"]), origin)
        return _pack({**value, "message": codec.sealed(message)})

    def read_error(self, data: bytes, execution: str, node: str | None = "") -> Any:
        """Decode an error as steps behind a failure receive it; raises as `read` does."""
        value = codec.decode(data)
        if not isinstance(value, dict):
            return value
        message = value.get("message")
        if type(message) is Sealed:
            opened = self._opened(message, execution, Field.ERROR, node)
            return {**value, "message": codec.decode(opened)}
        if value.get("reason") not in CLEAR_REASONS:
            self._refuse_plain(execution, Field.ERROR)
        return value

    def show_error(self, data: bytes, execution: str, node: str | None = "") -> ErrorInfo:
        """Decode an error for somebody to look at."""
        try:
            return ErrorInfo.from_value(self.read_error(data, execution, node))
        except KeyMissing as error:
            value = codec.decode(data)
            shut = ErrorInfo.from_value({**value, "message": ""})
            return replace(shut, message=f"({error.args[0]})")

    def digests(self, data: bytes) -> list[str]:
        """Identify an encoded value: by the newest key, then by each older one; tells nothing of it
        to who has no key.
        """
        if self._crypto is None:
            return [digest_of(data)]
        text, crypto = canonical(data), self._crypto
        return [short_digest(crypto.mark(text, id)) for id in crypto.ids]

    def _origin(self, execution: str, field: Field, node: str, attempt: int) -> bytes:
        return _pack((self.namespace, execution, field.value, node, attempt))

    def _opened(
        self,
        sealed: Sealed,
        execution: str,
        field: Field,
        node: str | None,
    ) -> bytes:
        envelope = read_envelope(sealed.data)
        if self._crypto is None:
            raise KeyMissing(
                f"a value is sealed with key {envelope.key_id!r}, and there are no keys here",
                hint="set REDFLOW_CRYPTO_KEYS, or give crypto=Crypto(...)",
            )
        self._judge(envelope, execution, field, node)
        return self._crypto.decrypt(envelope)

    def _judge(
        self,
        envelope: Envelope,
        execution: str,
        field: Field,
        node: str | None,
    ) -> None:
        """Refuse a value that is sealed for a place other than the one it was found in."""
        try:
            namespace, of, kind, maker, _ = _unpack(envelope.origin)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise DecryptionFailed("a sealed value has an origin that cannot be read") from None
        fits = namespace == self.namespace and kind == field.value and node in (None, maker)
        if fits and (of == execution or is_rerun_in_tree(execution, of)):
            return
        found = f"{kind} of {maker or 'execution'}" + (f" of {of!r}" if maker else f" {of!r}")
        raise DecryptionFailed(
            f"the {field.value} {'of node ' + repr(node) + ' ' if node else ''}of execution"
            f" {execution!r} was sealed as the {found} in namespace {namespace!r}",
            hint="something else copied it there: restore it from a backup, or start again",
        )

    def _refuse_plain(self, execution: str, field: Field) -> None:
        if self._crypto is not None and not self._crypto.migrating:
            raise DecryptionFailed(
                f"the {field.value} of execution {execution!r} is not sealed",
                hint="it is from before encryption, or something else wrote it: read it with"
                " Crypto(..., migrating=True) until such executions have ended",
            )
