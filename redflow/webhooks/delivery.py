"""A delivery as it came: headers, query, and the bytes of a body that is read to its limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass

from redflow.defaults import WEBHOOK_BYTES, WEBHOOK_PATIENCE
from redflow.webhooks.refusals import Refused, Result

_LONGEST_LENGTH = 18  # digits: more is no length, and slow to read
_PLAIN = ("", "identity")

RawHeaders = Iterable[tuple[str | bytes, str | bytes]]


@dataclass(frozen=True, slots=True, repr=False)
class Delivery:
    """What was sent; names of headers are in lower case, one that came twice is joined."""

    headers: Mapping[str, str]
    query: str
    body: bytes

    def header(self, name: str) -> str:
        """Return a header, "" when it is missing."""
        return self.headers.get(name, "")


def read_headers(raw: RawHeaders) -> dict[str, str]:
    """Return headers by name; two signatures in two headers make one that fits nothing."""
    found: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = _text(raw_name).lower(), _text(raw_value).strip()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def read_body(
    headers: Mapping[str, str],
    stream: AsyncIterable[bytes],
    *,
    limit: int = WEBHOOK_BYTES,
    patience: float = WEBHOOK_PATIENCE,
) -> bytes:
    """Read a body of up to `limit` bytes, counted as they come; raises Refused.

    What a signature covers are the bytes as they were sent, so a body that has to be unpacked first
    is refused, and with it whatever grows when it is unpacked.
    """
    if headers.get("content-encoding", "").lower() not in _PLAIN:
        raise Refused(Result.ENCODING, "the body of a delivery is encoded")
    if _declared(headers) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(patience):
            return await _read(stream, limit)
    except TimeoutError:
        raise Refused(Result.SLOW, f"a body did not come within {patience:g} s") from None


async def _read(stream: AsyncIterable[bytes], limit: int) -> bytes:
    parts, size = [], 0
    async for part in stream:
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _declared(headers: Mapping[str, str]) -> int:
    """Return the length that is announced; what is none says nothing, the stream is counted."""
    text = headers.get("content-length", "")
    if not (text.isascii() and text.isdecimal()):
        return 0
    return int(text[:_LONGEST_LENGTH])


def _too_large(limit: int) -> Refused:
    return Refused(Result.TOO_LARGE, f"the body of a delivery has over {limit:,} bytes")


def _text(raw: str | bytes) -> str:
    return raw.decode("latin-1") if isinstance(raw, bytes) else raw
