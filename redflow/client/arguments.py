"""Checks of the arguments of a client; each refuses with the name, the rule and the value."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from redflow.driver import Connector, RedisConnector
from redflow.errors import InvalidInput, Misconfigured
from redflow.model.durations import seconds
from redflow.model.execution import EPOCH, milliseconds_of
from redflow.model.status import ExecutionStatus

MOST_PARTITIONS = 256
MOST_LISTED = 1000
_MOST_VERSIONS = 2**31
_LABELS = 64
_LABEL_BYTES = 255
_HASH = re.compile(r"[a-z2-7]{26}")
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{0,32}")


def connector_of(server: Any) -> Connector:
    """Return what makes drivers for a URL, or the given connector itself."""
    if isinstance(server, str):
        return RedisConnector(server)
    if not hasattr(server, "async_driver"):
        raise Misconfigured(
            f"the server is given as {shown(server)}, not as a URL or a connector",
            hint="pass redis://host:port/0",
        )
    connector: Connector = server
    return connector


def check_prefix(prefix: object) -> str:
    """Return the prefix of all keys, or raise InvalidInput; braces would move their slot."""
    if isinstance(prefix, str) and _PREFIX.fullmatch(prefix):
        return prefix
    raise InvalidInput(
        f"prefix {shown(prefix)} is not up to 32 of A-Z a-z 0-9 _ . : -", field="prefix"
    )


def check_partitions(partitions: object) -> int:
    """Return the number of partitions, or raise InvalidInput."""
    return _whole(partitions, "partitions", MOST_PARTITIONS)


def check_limit(limit: object) -> int:
    """Return the most items of a page, or raise InvalidInput."""
    return _whole(limit, "limit", MOST_LISTED)


def check_timeout(timeout: Any) -> float:
    """Return seconds to wait, infinite for None, or raise InvalidInput."""
    return math.inf if timeout is None else seconds(timeout, field="timeout")


def check_since(since: object) -> int:
    """Return milliseconds since 1970, 0 for None, or raise InvalidInput."""
    if since is None:
        return 0
    if not isinstance(since, datetime):
        raise InvalidInput(f"since is {shown(since)}, not a datetime", field="since")
    if since.utcoffset() is None:
        raise InvalidInput(
            "since has no time zone", field="since", hint="write datetime(..., tzinfo=UTC)"
        )
    return milliseconds_of(max(since, EPOCH))


def check_status(status: object) -> ExecutionStatus | None:
    """Return the status asked for, or raise InvalidInput."""
    if status is None:
        return None
    if isinstance(status, str) and status in set(ExecutionStatus):
        return ExecutionStatus(status)
    known = ", ".join(ExecutionStatus)
    raise InvalidInput(f"status {shown(status)} is none of {known}", field="status")


def check_version(version: object) -> int:
    """Return the number of a version, or raise InvalidInput."""
    return _whole(version, "version", _MOST_VERSIONS)


def check_hash(content_hash: object) -> str:
    """Return the content hash of a workflow version, or raise InvalidInput."""
    if isinstance(content_hash, str) and _HASH.fullmatch(content_hash):
        return content_hash
    raise InvalidInput(
        f"content hash {shown(content_hash)} is not 26 of a-z 2-7", field="content_hash"
    )


def check_labels(labels: object, *, field: str = "labels") -> dict[str, str]:
    """Return labels as a plain dict of text to text, or raise InvalidInput."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise InvalidInput(f"{field} is a {type(labels).__name__}, not a map", field=field)
    if len(labels) > _LABELS:
        raise InvalidInput(f"{field} has {len(labels)} entries, over {_LABELS}", field=field)
    return {
        _label_text(key, f"a key of {field}", field): _label_text(value, f"{field}[{key!a}]", field)
        for key, value in labels.items()
    }


def _label_text(text: object, what: str, field: str) -> str:
    what = what[:80]
    if not isinstance(text, str):
        raise InvalidInput(f"{what} is a {type(text).__name__}, not text", field=field)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{what} holds a lone surrogate, which is not text", field=field
        ) from None
    if size > _LABEL_BYTES:
        raise InvalidInput(f"{what} has {size} bytes, over {_LABEL_BYTES}", field=field)
    return text


def shown(value: object) -> str:
    """Quote a value of any kind in short ASCII."""
    if value is None or isinstance(value, (str, float, bool)):
        return ascii(value)[:80]
    return f"a {type(value).__name__}"


def _whole(value: object, field: str, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
        return value
    raise InvalidInput(f"{field} is not a whole number from 1 to {most:,}", field=field)
