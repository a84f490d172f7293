"""The secrets of a worker: several providers in order, and what they said a moment ago."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from redflow.defaults import SECRET_CACHE
from redflow.errors import Misconfigured
from redflow.model.ids import check_namespace
from redflow.secrets.environment import EnvSecrets
from redflow.secrets.files import FileSecrets
from redflow.secrets.masking import Mask
from redflow.secrets.names import check_secret_name
from redflow.secrets.values import (
    SecretNotFound,
    SecretProvider,
    SecretValue,
    check_secret_value,
)

DIRECTORY_VARIABLE = "REDFLOW_SECRETS_DIR"
"""Names the directory of mounted secrets."""

_MOST_KEPT = 1000


class SecretSource(Protocol):
    """What a step asks for secrets: `Secrets`, or one that remembers what to mask."""

    async def resolve(self, namespace: str, name: str) -> SecretValue:
        """Return a secret; raises SecretNotFound."""
        ...


class Secrets:
    """Asks providers in order, the first that has a secret decides; keeps answers for a moment.

    For one event loop. A secret that nobody has is asked for again each time.
    """

    def __init__(
        self,
        providers: Sequence[SecretProvider] = (),
        *,
        keep: float = SECRET_CACHE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`keep` is how many seconds a value may be used after it was changed."""
        self._providers = tuple(providers)
        self._keep = keep
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, SecretValue]] = {}

    async def resolve(self, namespace: str, name: str) -> SecretValue:
        """Return a secret; raises SecretNotFound, InvalidInput, and what providers raise."""
        place = check_namespace(namespace), check_secret_name(name)
        until, value = self._kept.get(place, (0.0, None))
        if value is not None and self._clock() < until:
            return value
        asked = self._clock()
        value = await self._ask(*place)
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[place] = asked + self._keep, value
        return value

    def forget(self) -> None:
        """Ask again for every secret."""
        self._kept.clear()

    def masked_by(self, mask: Mask) -> SecretSource:
        """Return a source for one step: whatever it resolves, the mask learns."""
        return _Masked(self, mask)

    async def _ask(self, namespace: str, name: str) -> SecretValue:
        for provider in self._providers:
            found: Any = provider.get(namespace, name)
            if isinstance(found, Awaitable):
                found = await found
            if isinstance(found, SecretValue):
                check_secret_value(found.value, field=f"secret {name!r}")
                return found
            if found is not None:
                raise Misconfigured(
                    f"{type(provider).__name__} answered a {type(found).__name__} for secret"
                    f" {name!r}",
                    hint="return SecretValue(value, hosts, name), or None for a secret it has not",
                )
        looked = [_where(one, namespace, name) for one in self._providers]
        raise SecretNotFound(namespace, name, looked)


class _Masked:
    """Lets a mask learn what is resolved."""

    def __init__(self, secrets: Secrets, mask: Mask) -> None:
        self._secrets = secrets
        self._mask = mask

    async def resolve(self, namespace: str, name: str) -> SecretValue:
        """Return a secret, which the mask knows from now on."""
        value = await self._secrets.resolve(namespace, name)
        self._mask.add(value)
        return value


def providers_from(environ: Mapping[str, str]) -> list[SecretProvider]:
    """Return what every worker asks before Redis: variables, and files of REDFLOW_SECRETS_DIR."""
    directory = environ.get(DIRECTORY_VARIABLE)
    return [EnvSecrets(environ), *([FileSecrets(directory)] if directory else [])]


def _where(provider: SecretProvider, namespace: str, name: str) -> str:
    say: Callable[[str, str], str] | None = getattr(provider, "where", None)
    return type(provider).__name__ if say is None else say(namespace, name)
