"""The gate: asks a provider, and takes anything that is not a clear yes for a no."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextvars import copy_context
from inspect import isawaitable, iscoroutine
from typing import Any

from redflow.auth.metadata import NOTHING, deciding, is_deciding
from redflow.auth.principal import current
from redflow.auth.provider import (
    AuthProvider,
    check_provider,
    is_asynchronous,
    may_wait,
    wants_metadata,
)
from redflow.defaults import AUTH_PATIENCE
from redflow.errors import AccessDenied, Misconfigured

LOGGER = logging.getLogger("redflow.auth")

Decided = Callable[[str, str], None]
"""Is told of every decision: how whoever asked was recognised, and `allowed` or `denied`."""


class _Door:
    """What both gates share: the provider, how long it may take, who is told."""

    def __init__(
        self, provider: AuthProvider | None = None, *, patience: float = AUTH_PATIENCE
    ) -> None:
        """Without a provider everything is allowed; `patience` is seconds."""
        self.patience = patience
        self.on_decision: Decided | None = None
        self.provider = provider

    @property
    def provider(self) -> AuthProvider | None:
        """Who decides."""
        return self._provider

    @provider.setter
    def provider(self, provider: AuthProvider | None) -> None:
        self._provider = self._admitted(check_provider(provider))

    def _admitted(self, provider: AuthProvider | None) -> AuthProvider | None:
        """Refuse a provider that this gate cannot ask."""
        return provider

    @property
    def open(self) -> bool:
        """Whether nothing is asked: there is no provider, or it is one who asks."""
        return self._provider is None or is_deciding()

    def _judge(self, answer: object, resource: str, action: str) -> None:
        """Raise AccessDenied unless an answer is a yes."""
        if answer is None or answer is True:
            return self._tell("allowed")
        raise self._deny(f"the auth provider answered {answer!r}", resource, action)

    def _deny(self, cause: str, resource: str, action: str) -> AccessDenied:
        self._tell("denied")
        principal = current()
        who = (principal and principal.subject) or "somebody"
        LOGGER.warning("%s was denied %s on %s: %s", who, action, resource, cause)
        return AccessDenied(
            f"{who} may not {action} on {resource}",
            hint="the log of the process that decided says why",
        )

    def _late(self, resource: str, action: str) -> AccessDenied:
        cause = f"the auth provider took longer than {self.patience:g} s"
        return self._deny(cause, resource, action)

    def _tell(self, result: str) -> None:
        if self.on_decision is not None:
            principal = current()
            self.on_decision(principal.method if principal else "none", result)


class AsyncGate(_Door):
    """Asks a provider, plain or asynchronous; plain ones in a thread, with the context copied."""

    async def check(
        self,
        resource: str,
        action: str,
        *,
        metadata: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
    ) -> None:
        """Return if it is allowed; else, and on any doubt, raise AccessDenied.

        `metadata` reads those of the workflow, and is asked only where a provider wants them.
        """
        provider = self.provider
        if provider is None or is_deciding():
            return
        wanted = metadata is not None and wants_metadata(provider)
        about = await metadata() if wanted and metadata is not None else NOTHING
        with deciding(about):
            try:
                answer = await self._answer(provider, resource, action)
            except _TookTooLong:
                raise self._late(resource, action) from None
            except AccessDenied:
                self._tell("denied")
                raise
            except Exception as error:
                cause = f"the auth provider raised {error!r}"
                raise self._deny(cause, resource, action) from error
            self._judge(answer, resource, action)

    async def _answer(self, provider: AuthProvider, resource: str, action: str) -> Any:
        if is_asynchronous(provider):
            return await self._in_time(provider.check_access(resource, action))
        if not may_wait(provider):
            answer = provider.check_access(resource, action)
        else:
            asked = _in_thread(provider.check_access, resource, action)
            answer = await self._in_time(asyncio.wrap_future(asked))
        return await self._in_time(answer) if isawaitable(answer) else answer

    async def _in_time(self, answer: Awaitable[Any]) -> Any:
        """Wait, but never for one that does not even let itself be cancelled."""
        task = asyncio.ensure_future(answer)
        try:
            done, _ = await asyncio.wait({task}, timeout=self.patience)
        finally:
            if not task.done():
                task.cancel()
        if not done:
            raise _TookTooLong
        if task.cancelled():
            raise RuntimeError("it cancelled itself")
        return task.result()


class Gate(_Door):
    """Asks a plain provider, in a thread with the context copied."""

    def _admitted(self, provider: AuthProvider | None) -> AuthProvider | None:
        if provider is not None and is_asynchronous(provider):
            raise _only_asynchronous(provider)
        return provider

    def check(
        self,
        resource: str,
        action: str,
        *,
        metadata: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """Return if it is allowed; else, and on any doubt, raise AccessDenied."""
        provider = self.provider
        if provider is None or is_deciding():
            return
        wanted = metadata is not None and wants_metadata(provider)
        about = metadata() if wanted and metadata is not None else NOTHING
        with deciding(about):
            try:
                answer = self._answer(provider, resource, action)
            except _TookTooLong:
                raise self._late(resource, action) from None
            except AccessDenied:
                self._tell("denied")
                raise
            except Exception as error:
                cause = f"the auth provider raised {error!r}"
                raise self._deny(cause, resource, action) from error
            if isawaitable(answer):
                if iscoroutine(answer):
                    answer.close()
                raise _only_asynchronous(provider)
            self._judge(answer, resource, action)

    def _answer(self, provider: AuthProvider, resource: str, action: str) -> Any:
        if not may_wait(provider):
            return provider.check_access(resource, action)
        asked = _in_thread(provider.check_access, resource, action)
        try:
            return asked.result(self.patience)
        except TimeoutError:
            if asked.done():  # the provider itself raised it
                raise
            raise _TookTooLong from None


class _TookTooLong(Exception):
    """The provider has not answered in time; whatever it will say does not count."""


def _only_asynchronous(provider: AuthProvider) -> Misconfigured:
    return Misconfigured(
        f"the auth provider {type(provider).__name__} is asynchronous, and this client is not",
        hint="use AsyncClient or Engine, or write check_access as a plain function",
    )


def _in_thread(check: Callable[[str, str], Any], resource: str, action: str) -> Future[Any]:
    """Run a check in a thread of its own: one that hangs keeps neither others nor the exit."""
    asked: Future[Any] = Future()
    context = copy_context()

    def run() -> None:
        if not asked.set_running_or_notify_cancel():
            return
        try:
            asked.set_result(context.run(check, resource, action))
        except Exception as error:
            asked.set_exception(error)
        except BaseException as error:  # SystemExit and the like end no process of ours
            asked.set_exception(RuntimeError(repr(error)))

    threading.Thread(target=run, name="redflow-auth", daemon=True).start()
    return asked
