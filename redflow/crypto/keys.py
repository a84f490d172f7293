"""Master keys: each has an id that stands beside what it sealed; the first of a ring seals."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from redflow.errors import InvalidInput, KeyMissing

KEYS_VARIABLE = "REDFLOW_CRYPTO_KEYS"
FILE_VARIABLE = "REDFLOW_CRYPTO_KEYS_FILE"

BYTES = 32
"""Of a master key: AES-256."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


@dataclass(frozen=True, slots=True)
class Key:
    """A master key of 32 bytes and its id, which is no secret and must never change."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise InvalidInput(
                f"key id {self.id!r} is not 1 to 32 letters, digits, '.', '_' or '-'", field="keys"
            )
        if not isinstance(self.secret, bytes) or len(self.secret) != BYTES:
            raise InvalidInput(
                f"key {self.id!r} has not {BYTES} bytes",
                field="keys",
                hint="make one by Key.new(id), or `redflow key generate`",
            )

    @classmethod
    def new(cls, id: str) -> Self:
        """Make a random key."""
        return cls(id, secrets.token_bytes(BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `id:base64`; raises InvalidInput, which never shows the secret."""
        id, _, encoded = text.strip().partition(":")
        try:
            secret = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != BYTES:
            raise InvalidInput(
                f"key {id[:32]!r} is not written as id:{BYTES} bytes in base64", field="keys"
            )
        return cls(id, secret)

    def __str__(self) -> str:
        return f"key {self.id!r}"

    def text(self) -> str:
        """Write the key as `parse` reads it: a secret."""
        return f"{self.id}:{base64.b64encode(self.secret).decode()}"


class KeyProvider(Protocol):
    """Where master keys come from: a ring, or a service that keeps or unwraps them.

    `key` is asked once for each id in a process and may block; it raises KeyMissing for a key that
    is not there, StoreError for one that cannot be had now.
    """

    def current_id(self) -> str:
        """Return the id of the key that seals; asked when the process starts to seal."""
        ...

    def key(self, id: str) -> bytes:
        """Return the 32 bytes of a key."""
        ...


class KeyRing:
    """Keys in order: the first seals, all of them open."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """Raises InvalidInput when there is none, or when two have the same id."""
        if not keys:
            raise InvalidInput("a key ring needs at least one key", field="keys")
        self._keys = {key.id: key for key in keys}
        if len(self._keys) != len(keys):
            raise InvalidInput("two keys have the same id", field="keys")
        self._current = keys[0].id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the one that seals first."""
        return tuple(self._keys)

    def current_id(self) -> str:
        """Return the id of the key that seals."""
        return self._current

    def key(self, id: str) -> bytes:
        """Return a key; raises KeyMissing."""
        known = self._keys.get(id)
        if known is None:
            have = ", ".join(self._keys)
            raise KeyMissing(
                f"key {id!r} is not in the key ring ({have})",
                hint=f"add it behind the others, or wait until `redflow key status` counts no {id}",
            )
        return known.secret


def ring_from(environ: Mapping[str, str]) -> KeyRing | None:
    """Read the keys of an environment; None when it names none.

    REDFLOW_CRYPTO_KEYS holds `id:base64` keys, parted by commas or blanks; REDFLOW_CRYPTO_KEYS_FILE
    names a file of the same form, read once. Raises InvalidInput for what is no key.
    """
    text, path = environ.get(KEYS_VARIABLE, ""), environ.get(FILE_VARIABLE, "")
    if text and path:
        raise InvalidInput(
            f"{KEYS_VARIABLE} and {FILE_VARIABLE} are both set", field="keys", hint="keep one"
        )
    if path:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"key file {path!r} cannot be read: {error}", field="keys"
            ) from error
    words = text.replace(",", " ").split()
    if path and not words:
        raise InvalidInput(f"key file {path!r} holds no key", field="keys")
    return KeyRing([Key.parse(word) for word in words]) if words else None
