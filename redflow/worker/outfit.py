"""What an application gives its workers beside functions: keys, a payload store, a way out,
secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redflow.crypto.crypto import Crypto
from redflow.driver import AsyncDriver
from redflow.egress import Egress
from redflow.nodes.services import Services
from redflow.payloads.payloads import Payloads
from redflow.secrets import SecretProvider, Secrets
from redflow.worker.rights import Rights
from redflow.worker.secrets import RedisSecrets


class Companion(Protocol):
    """What runs beside workers, for as long as one of them does."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Outfit:
    """What seals values and keeps large ones, the way out of nodes, who is asked for secrets and
    for rights; and what runs beside: handlers of events.

    Secrets that Redis keeps are asked for last. Without `egress` a worker runs no node that needs
    the outside.
    """

    crypto: Crypto | None = None
    egress: Egress | None = None
    secrets: Sequence[SecretProvider] = ()
    apprise: bool = False
    payloads: Payloads | None = None
    companion: Companion | None = None
    rights: Rights | None = None

    def services(self, driver: AsyncDriver, prefix: str) -> Services | None:
        """Return what steps of a worker with this connection are lent."""
        if self.egress is None:
            return None
        kept = RedisSecrets(driver, self.crypto, prefix=prefix)
        return Services(self.egress, Secrets([*self.secrets, kept]), apprise=self.apprise)


BARE = Outfit()
"""No keys, no payload store, no way out, no secrets."""
