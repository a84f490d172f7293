"""What operators ask of a namespace as a whole, and of who may ask."""

from collections.abc import Iterable
from datetime import datetime

from redflow.auth.provider import AuthProvider
from redflow.client._async.door import AsyncDoor
from redflow.client._async.rooms import AsyncRooms
from redflow.client._async.secrets import Kept
from redflow.client.arguments import LATEST, check_ended, check_text, check_time
from redflow.client.diagnosis import Diagnosis
from redflow.client.evidence import EVERYTHING
from redflow.defaults import LEASE
from redflow.model.status import ExecutionStatus
from redflow.secrets.values import SecretInfo
from redflow.store.damage import Audited


class AsyncOperating:
    """The part of a client that operators use."""

    _rooms: AsyncRooms
    _door: AsyncDoor

    # Access

    def set_auth_provider(self, provider: AuthProvider | None) -> None:
        """Ask a provider about every call from now on; None allows everything."""
        self._door.gate.provider = provider

    async def check_access(self, resource: str, action: str) -> None:
        """Ask the provider about something of your own; resources and actions are any texts.

        Raises AccessDenied. Without a provider everything is allowed.
        """
        resource, action = check_text(resource, "resource"), check_text(action, "action")
        await self._door.check(resource, action)

    # The namespace as a whole

    async def pause_namespace(self, reason: str = "") -> None:
        """Let no worker claim anything; steps that run may finish."""
        await self._rooms.pausing.claims(EVERYTHING, on=True, reason=check_text(reason, "reason"))

    async def resume_namespace(self) -> None:
        """Let workers claim again; queues that are paused themselves stay so."""
        await self._rooms.pausing.claims(EVERYTHING, on=False)

    async def purge(
        self, before: datetime | None = None, status: ExecutionStatus | str | None = None
    ) -> int:
        """Remove executions that ended before a time, by default all; answers how many.

        `status` limits it to COMPLETED, FAILED or CANCELLED ones. Never one that still runs, nor a
        child whose parent does.
        """
        ended = check_ended(status)
        return await self._rooms.purging.purge(
            LATEST if before is None else check_time(before, "before"), ended
        )

    async def check(
        self, *, repair: bool = False, partition: int | None = None, patience: float = LEASE
    ) -> Audited:
        """Check what the keys of the namespace say of each other; `repair` mends what it can.

        Safe while workers run. A step that lost its token is issued again after `patience` seconds,
        so that no worker runs it any more. Raises NotFound, InvalidInput for an unknown partition.
        """
        return await self._rooms.checking.check(
            repair=repair, partition=partition, patience=patience
        )

    async def diagnose(self) -> Diagnosis:
        """Judge the server, this installation and the namespace; raises Unavailable, Misconfigured.

        Changes nothing. What may not be asked is named, and not judged.
        """
        return await self._rooms.diagnosing.diagnose()

    # Secrets

    async def put_secret(self, name: str, value: str, hosts: Iterable[str] = ()) -> Kept:
        """Keep a secret for this namespace, sealed; `hosts` are those nodes may send it to.

        Says whether it was created or replaced. Raises InvalidInput, Misconfigured without
        `crypto`, Conflict when the namespace keeps as many as it may.
        """
        return await self._rooms.secrets.put(name, value, hosts)

    async def list_secrets(self) -> list[SecretInfo]:
        """Return the secrets that Redis keeps, by name, without their values; needs no key."""
        return await self._rooms.secrets.all()

    async def delete_secret(self, name: str) -> None:
        """Forget a secret that Redis keeps; raises NotFound."""
        await self._rooms.secrets.delete(name)
