"""Checks of the arguments of a client; each refuses with the name, the rule and the value."""

import math
import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from redflow.crypto.crypto import Crypto
from redflow.driver import Connector, RedisConnector
from redflow.errors import InvalidInput, Misconfigured
from redflow.model.durations import seconds
from redflow.model.execution import EPOCH, milliseconds_of
from redflow.model.ids import check_execution_id, check_node_id, undo_id
from redflow.model.status import ExecutionStatus

MOST_PARTITIONS = 256
MOST_LISTED = 1000
MOST_SLOTS = 100_000
_MOST_VERSIONS = 2**31
_LABELS = 64
_TEXT_BYTES = 4096
_UNDO = undo_id("")
LATEST = 2**53
"""Milliseconds that stand for the end of time."""
_LABEL_BYTES = 255
_HASH = re.compile(r"[a-z2-7]{26}")
_ASKED = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.~-]{0,199}")
_KEY_ID = re.compile(r"[0-9a-f]{12}")
_PLACE = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{0,32}")


def crypto_of(crypto: object) -> Crypto | None:
    """Return what seals values: as given, else the keys of the environment; None without any."""
    if crypto is None:
        return Crypto.from_env(os.environ)
    if not isinstance(crypto, Crypto):
        raise InvalidInput(
            f"crypto is a {type(crypto).__name__}, not a Crypto",
            field="crypto",
            hint="write crypto=Crypto([Key.new('k1')])",
        )
    return crypto


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


def check_slots(slots: object) -> int:
    """Return the slots of a worker, or raise InvalidInput."""
    return _whole(slots, "slots", MOST_SLOTS)


def check_asked_id(value: object) -> str:
    """Return the id of an execution that is there, made by redflow or not, or raise InvalidInput.

    Children and reruns have `.` and `~` in theirs, which no user may give to a new execution.
    """
    if isinstance(value, str) and _ASKED.fullmatch(value):
        return value
    return check_execution_id(value, field="id")


def check_step_id(value: object) -> str:
    """Return the id of a node, or of the step that undoes one, or raise InvalidInput."""
    if isinstance(value, str) and value.endswith(_UNDO):
        return check_node_id(value.removesuffix(_UNDO), field="node") + _UNDO
    return check_node_id(value, field="node")


def check_text(value: object, field: str) -> str:
    """Return a text that is kept and shown, such as a reason, or raise InvalidInput."""
    return _bounded_text(value, field, field, _TEXT_BYTES)


def check_key_id(value: object) -> str:
    """Return the id of an API key, or raise InvalidInput; never repeats what may be a key."""
    if isinstance(value, str) and _KEY_ID.fullmatch(value):
        return value
    raise InvalidInput(
        "the id of an API key is 12 of 0-9 a-f",
        field="id",
        hint="it is the part between the first two underscores of the key",
    )


def check_key_name(value: object) -> str:
    """Return what people call an API key, or raise InvalidInput."""
    name = _bounded_text(value, "name", "name", _LABEL_BYTES)
    if name.isprintable():
        return name
    raise InvalidInput("name is not one line of printable text", field="name")


def check_audit_place(value: object) -> str:
    """Return the place of a record in the audit, or raise InvalidInput."""
    if isinstance(value, str) and _PLACE.fullmatch(value):
        return value
    raise InvalidInput(
        "cursor was not made by this list",
        field="cursor",
        hint="pass the cursor of a page as it is, or None",
    )


def check_timeout(timeout: Any) -> float:
    """Return seconds to wait, infinite for None, or raise InvalidInput."""
    return math.inf if timeout is None else seconds(timeout, field="timeout")


def check_since(since: object) -> int:
    """Return milliseconds since 1970, 0 for None, or raise InvalidInput."""
    return 0 if since is None else check_time(since, "since")


def check_time(value: object, field: str) -> int:
    """Return the milliseconds from 1970 to a datetime with a zone, or raise InvalidInput."""
    if not isinstance(value, datetime):
        raise InvalidInput(f"{field} is {shown(value)}, not a datetime", field=field)
    if value.utcoffset() is None:
        raise InvalidInput(
            f"{field} has no time zone", field=field, hint="write datetime(..., tzinfo=UTC)"
        )
    return milliseconds_of(max(value, EPOCH))


def due_of(at: object, delay: Any) -> str:
    """Return when an execution begins as the script reads it, "" for now; raise InvalidInput.

    What lies in the past is now; only Redis knows what time it is.
    """
    if at is not None and delay is not None:
        raise InvalidInput("at and delay are both given", field="delay", hint="give one of them")
    if at is not None:
        return f"@{check_time(at, 'at')}"
    late = 0 if delay is None else round(seconds(delay, field="delay") * 1000)
    return f"+{late}" if late else ""


def check_limit_of_time(timeout: Any) -> int:
    """Return the milliseconds an execution may take, 0 for no limit, or raise InvalidInput."""
    if timeout is None:
        return 0
    return max(1, round(seconds(timeout, positive=True, field="timeout") * 1000))


def check_status(status: object) -> ExecutionStatus | None:
    """Return the status asked for, or raise InvalidInput."""
    if status is None:
        return None
    if isinstance(status, str) and status in set(ExecutionStatus):
        return ExecutionStatus(status)
    known = ", ".join(ExecutionStatus)
    raise InvalidInput(f"status {shown(status)} is none of {known}", field="status")


def check_ended(status: object) -> ExecutionStatus | None:
    """Return a status that executions end with, None for all of them, or raise InvalidInput."""
    found = check_status(status)
    if found is None or found.terminal:
        return found
    raise InvalidInput(
        f"status {shown(status)} is not one that executions end with", field="status"
    )


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
    return _bounded_text(text, what[:80], field, _LABEL_BYTES)


def _bounded_text(text: object, what: str, field: str, most: int) -> str:
    if not isinstance(text, str):
        raise InvalidInput(f"{what} is a {type(text).__name__}, not text", field=field)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{what} holds a lone surrogate, which is not text", field=field
        ) from None
    if size > most:
        raise InvalidInput(f"{what} has {size:,} bytes, over {most:,}", field=field)
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
