"""The HTTP server of `redflow serve`: what is served, to whom, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

import uvicorn

from redflow.api import create_app
from redflow.api.app import Api
from redflow.api.settings import ApiSettings
from redflow.auth import Authenticator, RoleProvider
from redflow.cli.application import named_in, placed
from redflow.cli.base import State
from redflow.cli.serve import SIGNALS, fastest_loop
from redflow.client import AsyncClient
from redflow.client.recognising import api_key_authenticator
from redflow.defaults import DRAIN
from redflow.engine import Engine
from redflow.errors import InvalidInput, NotFound, Unprotected

LOGGER = logging.getLogger("redflow.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the options say."""

    host: str
    port: int
    hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    open_metrics: bool = False
    insecure_no_auth: bool = False
    drain_delay: float | None = None

    def settings(self) -> ApiSettings:
        """Return the settings of the app."""
        return ApiSettings(
            hosts=self.hosts, trusted_proxies=self.proxies, open_metrics=self.open_metrics
        )


def run(state: State, app: str | None, plan: Plan) -> None:
    """Serve until told to stop; raises Unprotected rather than let a network in."""
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(_serve(state, app, plan))


async def _serve(state: State, app: str | None, plan: Plan) -> None:
    found = named_in(app)[0] if app else AsyncClient(state.address(), namespace=state.namespace)
    if isinstance(found, Api):
        _check_exposure(found, plan)
        await Server(found, plan).serve()
        return
    client = placed(state, found, app or "") if isinstance(found, Engine) else found
    if not isinstance(client, AsyncClient):
        raise InvalidInput(
            f"{app} is a {type(found).__name__}, neither an Engine nor what its api() makes",
            field="app",
            hint="write -A shop:engine",
        )
    async with client:
        api = await api_of(client, plan)
        _check_exposure(api, plan)
        await Server(api, plan).serve()


async def api_of(client: AsyncClient, plan: Plan) -> Api:
    """Make the app; API keys are asked for as soon as there is one."""
    authenticators: list[Authenticator] = []
    if not plan.insecure_no_auth and await _has_keys(client):
        authenticators = [api_key_authenticator(client)]
        if client._door.gate.provider is None:
            client.set_auth_provider(RoleProvider())
    options = {"authenticators": authenticators, "settings": plan.settings()}
    if isinstance(client, Engine):
        return client.api(**options)
    return create_app(client, **options)


async def _has_keys(client: AsyncClient) -> bool:
    with client._door.inside():
        try:
            return bool(await client.api_keys.list())
        except NotFound:  # the namespace is not there yet
            return False


def _check_exposure(api: Api, plan: Plan) -> None:
    if api.needs_login or plan.insecure_no_auth or is_loopback(plan.host):
        return
    raise Unprotected(
        f"{plan.host} is reached from elsewhere, and nobody would have to say who they are",
        hint="make a key first: redflow key create --role operator; or listen on 127.0.0.1; or, if"
        " everybody there may do everything, add --insecure-no-auth",
    )


def is_loopback(host: str) -> bool:
    """Say whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Server(uvicorn.Server):
    """uvicorn that drains: first not ready, then no more requests, and a stop is no failure."""

    def __init__(self, api: Api, plan: Plan) -> None:
        self._api = api
        self._delay = plan.drain_delay or 0.0
        super().__init__(
            uvicorn.Config(
                api,
                host=plan.host,
                port=plan.port,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                lifespan="on",
                timeout_graceful_shutdown=round(DRAIN),
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that stop; uvicorn itself would raise them again at the end."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal, end at once at the second."""
        self._api.drain()
        if self._delay and not self.should_exit:
            delay, self._delay = self._delay, 0.0
            LOGGER.info("not ready any more; requests are taken for %g s", delay)
            asyncio.get_running_loop().call_later(delay, super().handle_exit, signal.SIGTERM, None)
        else:
            super().handle_exit(signal.SIGTERM, frame)
