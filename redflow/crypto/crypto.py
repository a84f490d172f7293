"""Seals and opens bytes: AES-256-GCM under keys derived from master keys, bound to an origin."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from redflow.crypto.envelope import (
    LONGEST_ORIGIN,
    NONCE,
    SALT,
    Envelope,
    clear_part,
    damaged,
    prefix_of,
    read_envelope,
)
from redflow.crypto.keys import BYTES, Key, KeyProvider, KeyRing, ring_from
from redflow.errors import InvalidInput

MIGRATING_VARIABLE = "REDFLOW_CRYPTO_MIGRATING"

SEALS_PER_KEY = 2**24
"""Values under one derived key: random nonces of 96 bits stay apart (NIST SP 800-38D: 2**32)."""

_KEYS_KEPT = 10_000
_SEALING, _MARKING = b"redflow sealing", b"redflow marking"


class Crypto:
    """Seals values with the first key of a ring, opens them with any; safe to share by threads.

    `keys` are `Key`s, or texts `id:base64`, or one KeyProvider. With `migrating` values that are
    not sealed are read as well, until all old executions have ended: without it they are refused.
    """

    def __init__(
        self, keys: Sequence[Key | str] | KeyProvider | Key | str, *, migrating: bool = False
    ) -> None:
        self._provider = _provider_of(keys)
        self.migrating = migrating
        self._masters: dict[str, bytes] = {}
        self._derived: dict[tuple[str, bytes], AESGCM] = {}
        self._marking: dict[str, bytes] = {}
        self._left = 0
        self._sealing: tuple[bytes, AESGCM] | None = None  # one value: threads read it at once

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self | None:
        """Read keys from REDFLOW_CRYPTO_KEYS or REDFLOW_CRYPTO_KEYS_FILE; None without them.

        REDFLOW_CRYPTO_MIGRATING=1 reads values that are not sealed as well.
        """
        ring = ring_from(environ)
        migrating = environ.get(MIGRATING_VARIABLE) == "1"
        return None if ring is None else cls(ring, migrating=migrating)

    @property
    def current_id(self) -> str:
        """The id of the key that seals."""
        return self._provider.current_id()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys that are known, the one that seals first."""
        known = getattr(self._provider, "ids", ())
        return tuple(dict.fromkeys((self.current_id, *known, *self._masters)))

    def seal(self, plain: bytes, origin: bytes) -> bytes:
        """Encrypt bytes; `origin` stays readable and is what `open` must name as well."""
        if len(origin) > LONGEST_ORIGIN:
            raise InvalidInput(f"origin has {len(origin):,} bytes", field="origin")
        if self._sealing is None or self._left <= 0:
            self._sealing = self._begin_key()
        self._left -= 1
        prefix, key = self._sealing
        clear = clear_part(prefix, origin)
        nonce = os.urandom(NONCE)
        return clear + nonce + key.encrypt(nonce, plain, clear)

    def open(self, data: bytes, origin: bytes) -> bytes:
        """Decrypt what `seal` made for this origin; raises DecryptionFailed, KeyMissing."""
        envelope = read_envelope(data)
        if envelope.origin != origin:
            raise damaged("it was sealed for another place")
        return self.decrypt(envelope)

    def decrypt(self, envelope: Envelope) -> bytes:
        """Decrypt an envelope whose origin the caller has judged; raises as `open` does."""
        key = self._key(envelope.key_id, envelope.salt)
        try:
            return key.decrypt(envelope.nonce, envelope.ciphertext, envelope.clear)
        except InvalidTag:
            raise damaged("its tag does not fit") from None

    def mark(self, data: bytes, key_id: str) -> bytes:
        """Return 32 bytes that are equal for equal bytes and tell nothing to who has no key."""
        key = self._marking.get(key_id)
        if key is None:
            key = self._marking[key_id] = _derive(self._master(key_id), b"", _MARKING)
        hmac = HMAC(key, SHA256())
        hmac.update(data)
        return hmac.finalize()

    @staticmethod
    def lock(plain: bytes) -> tuple[bytes, bytes]:
        """Encrypt bytes with a key of their own; answers that key and the ciphertext.

        The key is sealed elsewhere: sealing it anew leaves the ciphertext as it is.
        """
        secret, nonce = AESGCM.generate_key(BYTES * 8), os.urandom(NONCE)
        return secret, nonce + AESGCM(secret).encrypt(nonce, plain, None)

    @staticmethod
    def unlock(secret: bytes, data: bytes) -> bytes:
        """Decrypt what `lock` made; raises DecryptionFailed."""
        try:
            return AESGCM(secret).decrypt(data[:NONCE], data[NONCE:], None)
        except (InvalidTag, ValueError):
            raise damaged("its payload does not fit it") from None

    def _begin_key(self) -> tuple[bytes, AESGCM]:
        id, salt = self._provider.current_id(), os.urandom(SALT)
        self._left = SEALS_PER_KEY
        return prefix_of(id, salt), self._key(id, salt)

    def _key(self, id: str, salt: bytes) -> AESGCM:
        key = self._derived.get((id, salt))
        if key is None:
            key = AESGCM(_derive(self._master(id), salt, _SEALING))
            if len(self._derived) >= _KEYS_KEPT:
                self._derived.clear()  # one derivation each until they are known again
            self._derived[id, salt] = key
        return key

    def _master(self, id: str) -> bytes:
        master = self._masters.get(id)
        if master is None:
            master = self._masters[id] = Key(id, self._provider.key(id)).secret
        return master


def _derive(master: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=BYTES, salt=salt, info=purpose).derive(master)


def _provider_of(keys: Sequence[Key | str] | KeyProvider | Key | str) -> KeyProvider:
    if isinstance(keys, (str, Key)):
        keys = [keys]
    if isinstance(keys, Sequence):
        return KeyRing([key if isinstance(key, Key) else Key.parse(key) for key in keys])
    return keys
