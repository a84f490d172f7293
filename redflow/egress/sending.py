"""Sends one request over pooled HTTP/1.1 connections and reads the reply; alone imports httpx.

Not by `httpx.AsyncClient`: its cookie jar would carry cookies from one namespace to another, and
its log holds every URL. Its messages and decoders are used, over httpcore's pool.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import httpcore
import httpx

from redflow.egress.allow import Rule
from redflow.egress.backend import GuardedBackend, connect
from redflow.egress.dialling import Connect, Resolve
from redflow.egress.errors import EgressFailed
from redflow.egress.hops import Hop
from redflow.egress.hosts import PORTS, Target, place
from redflow.egress.message import EgressReply
from redflow.egress.policy import Policy
from redflow.egress.proxy import Proxy
from redflow.egress.silence import silence
from redflow.version import VERSION

CONNECTIONS: Final = 100
KEPT: Final = 20
KEPT_FOR: Final = 30.0
CONNECT_TIMEOUT: Final = 5.0
"""Seconds for one address of a host, so that the next still has a chance."""

SLICE: Final = 4096
"""Bytes decoded at once: deflate makes at most 1,032 of one, so no more than 4 MiB come unseen."""

DEFAULTS: Final = (
    (b"accept", b"*/*"),
    (b"user-agent", f"redflow/{VERSION}".encode()),
)
CODINGS: Final = frozenset({"gzip", "deflate"})

Lines = Sequence[tuple[bytes, bytes]]

# The first row that an error is an instance of counts.
_FAILURES: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (httpcore.TimeoutException, "connect", "did not accept a connection in time"),
    (httpcore.ConnectError, "connect", "did not accept a connection"),
    (httpcore.NetworkError, "connect", "broke the connection"),
    (httpcore.LocalProtocolError, "request", "cannot be sent this request"),
    (httpcore.ProtocolError, "protocol", "did not answer in HTTP"),
    (httpcore.ProxyError, "proxy", "was not reached by the proxy"),
    (httpx.DecodingError, "encoding", "sent a body that is not what its Content-Encoding says"),
)


class Sender:
    """A pool of connections that one policy allowed; a pool is never shared between policies.

    A connection that is kept open is used again without being judged again.
    """

    def __init__(
        self, policy: Policy, resolve: Resolve, dial: Connect | None, proxy: Proxy | None
    ) -> None:
        dial = dial or connect
        if proxy is None:
            self._pool = _pool(GuardedBackend(policy, resolve, dial))
        else:
            # The proxy resolves the names of others; this side may dial nothing but the proxy.
            own = Rule(proxy.host, host=proxy.host, port=proxy.port)
            self._pool = _proxied(proxy, GuardedBackend(Policy((own,)), resolve, dial))

    async def send(self, hop: Hop, headers: Lines, max_bytes: int) -> EgressReply:
        """Send one request and read all of its reply; raises EgressFailed or EgressDenied."""
        target = hop.target
        request = _request(hop, headers)
        with silence(), _explained(target):
            answer = await self._pool.handle_async_request(_for_pool(request, target))
            assert isinstance(answer.stream, AsyncIterable)
            response = httpx.Response(
                answer.status, headers=answer.headers, stream=_Slices(answer.stream)
            )
            try:
                body = await _body(response, hop, max_bytes)
            finally:
                await response.aclose()
        pairs = tuple(response.headers.multi_items())
        return EgressReply(response.status_code, pairs, body, target.url)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Slices(httpx.AsyncByteStream):
    """What the network sends, in pieces small enough to be decoded one by one."""

    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            for start in range(0, len(part), SLICE):
                yield part[start : start + SLICE]

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def _pool(backend: GuardedBackend) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=_tls(),
        max_connections=CONNECTIONS,
        max_keepalive_connections=KEPT,
        keepalive_expiry=KEPT_FOR,
        network_backend=backend,
    )


def _proxied(proxy: Proxy, backend: GuardedBackend) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncHTTPProxy(
        proxy_url=httpcore.URL(
            scheme=proxy.scheme, host=proxy.host.encode(), port=proxy.port, target=b"/"
        ),
        proxy_auth=proxy.login,
        proxy_ssl_context=_tls() if proxy.scheme == "https" else None,
        ssl_context=_tls(),
        max_connections=CONNECTIONS,
        max_keepalive_connections=KEPT,
        keepalive_expiry=KEPT_FOR,
        network_backend=backend,
    )


def _tls() -> ssl.SSLContext:
    """Trust what certifi lists and what the system does, so private authorities need no setting."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def _request(hop: Hop, headers: Lines) -> httpx.Request:
    target = hop.target
    given = {name.lower() for name, _ in headers}
    lines = [
        (b"host", place(target.host, target.port, PORTS[target.scheme]).encode()),
        (b"accept-encoding", ", ".join(sorted(CODINGS)).encode()),
        *(line for line in DEFAULTS if line[0] not in given),
        *headers,
    ]
    return httpx.Request(hop.method, target.url, headers=lines, content=hop.content)


def _for_pool(request: httpx.Request, target: Target) -> httpcore.Request:
    """Hand over the host that was judged, not the one a second parser reads out of the URL."""
    return httpcore.Request(
        request.method,
        httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=None if target.port == PORTS[target.scheme] else target.port,
            target=request.url.raw_path,
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions={"timeout": {"connect": CONNECT_TIMEOUT}},
    )


async def _body(response: httpx.Response, hop: Hop, max_bytes: int) -> bytes:
    """Read and decode a body; raises EgressFailed as soon as it is over its limit."""
    host = hop.target.host
    codings = response.headers.get("content-encoding", "identity").lower().split(",")
    coding = codings[0].strip()
    if hop.method != "HEAD" and (len(codings) > 1 or coding not in {"identity", *CODINGS}):
        raise EgressFailed(
            f"{host} sent the encoding {','.join(codings)[:40]!a}; asked for was "
            f"{' or '.join(sorted(CODINGS))}",
            kind="encoding",
            host=host,
        )
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > max_bytes:
            raise EgressFailed(
                f"the answer of {host} has more than {max_bytes} bytes",
                kind="too_large",
                host=host,
                hint="ask for less of it, page by page",
            )
        parts.append(part)
    return b"".join(parts)


@contextmanager
def _explained(target: Target) -> Iterator[None]:
    """Turn errors of the network into EgressFailed; they name the host, never the URL."""
    try:
        yield
    except tuple(kind for kind, _, _ in _FAILURES) as error:
        where = place(target.host, target.port, *PORTS.values())
        cause = error.__context__  # httpcore's pool raises again "from None"
        if isinstance(cause, ssl.SSLError):
            text = getattr(cause, "verify_message", "") or cause.reason or "the handshake failed"
            raise EgressFailed(
                f"no TLS with {where}: {text}", kind="tls", host=target.host
            ) from error
        kind, what = next((k, w) for one, k, w in _FAILURES if isinstance(error, one))
        text = str(error)
        message = f"{where} {what}" + (f": {text}" if text else "")
        raise EgressFailed(message, kind=kind, host=target.host) from error
