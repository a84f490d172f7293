"""The ids of redflow: which texts are allowed, how ids are made, where an execution lives."""

import binascii
import re
import secrets
from base64 import b32encode
from datetime import UTC, datetime
from hashlib import sha256

from redflow.errors import InvalidInput

RESERVED_LABELS = frozenset({"success", "failure", "always"})

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NODE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NAMESPACE = re.compile(r"[a-z0-9-]{1,63}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")

# They would collide with the paths of the HTTP API.
_RESERVED_NAMESPACES = frozenset({"v1", "api", "health", "metrics", "webhooks", "ui"})

_RERUN = re.compile(r"[A-Za-z0-9_-]+~r[0-9]+")

_KEY_BYTES = 255
_MADE_BYTES = 200
_HASH_CHARS = 26
_SHOWN_CHARS = 80
_CROCKFORD = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)


def check_execution_id(value: object, *, field: str = "execution id") -> str:
    """Return the id a user gave to an execution, or raise InvalidInput."""
    return _check(value, field, _ID, "1 to 128 of A-Z a-z 0-9 _ -")


def check_workflow_id(value: object, *, field: str = "workflow id") -> str:
    """Return the workflow id, or raise InvalidInput."""
    return _check(value, field, _ID, "1 to 128 of A-Z a-z 0-9 _ -")


def check_node_id(value: object, *, field: str = "node id") -> str:
    """Return the node id, or raise InvalidInput."""
    return _check(value, field, _NODE, "a letter or _, then at most 63 of A-Z a-z 0-9 _ -")


def check_namespace(value: object, *, field: str = "namespace") -> str:
    """Return the namespace, or raise InvalidInput."""
    name = _check(value, field, _NAMESPACE, "1 to 63 of a-z 0-9 -")
    return _not_reserved(name, field, _RESERVED_NAMESPACES)


def check_queue(value: object, *, field: str = "queue") -> str:
    """Return the queue name, or raise InvalidInput."""
    return _check(value, field, _NAME, "1 to 63 of A-Z a-z 0-9 _ -")


def check_label(value: object, *, field: str = "label") -> str:
    """Return the branch label, or raise InvalidInput; success, failure and always are reserved."""
    label = _check(value, field, _NAME, "1 to 63 of A-Z a-z 0-9 _ -")
    return _not_reserved(label, field, RESERVED_LABELS)


def check_signal_name(value: object, *, field: str = "signal name") -> str:
    """Return the name of a signal, or raise InvalidInput; the default is a node's id."""
    return check_node_id(value, field=field)


def check_webhook_name(value: object, *, field: str = "name") -> str:
    """Return the name of a webhook, or raise InvalidInput."""
    return _check(value, field, _NAME, "1 to 63 of A-Z a-z 0-9 _ -")


def check_signal_id(value: object, *, field: str = "signal_id") -> str:
    """Return the id by which a repeated signal is known, or raise InvalidInput."""
    return _check_key(value, "signal id", field=field)


def new_execution_id() -> str:
    """Make a ULID: 26 characters, sortable by the millisecond it was made in."""
    milliseconds = int(datetime.now(UTC).timestamp() * 1000)
    raw = bytes(4) + milliseconds.to_bytes(6, "big") + secrets.token_bytes(10)
    return b32encode(raw).translate(_CROCKFORD)[-26:].decode()


def id_from_key(namespace: str, workflow: str, key: object) -> str:
    """Make the execution id that an idempotency key stands for: same key, same id."""
    text = _check_key(key, "idempotency key", field="idempotency_key")
    # Lengths stand before the parts, so no two triples make the same text.
    parts = (part.encode() for part in (namespace, workflow, text))
    return "k-" + short_hash(b"".join(b"%d:%b" % (len(part), part) for part in parts))


def id_from_delivery(namespace: str, webhook: str, key: bytes) -> str:
    """Make the execution id that a delivery to a webhook stands for; `key` tells it from others."""
    parts = (namespace.encode(), webhook.encode(), key)
    return "w-" + short_hash(b"".join(b"%d:%b" % (len(part), part) for part in parts))


def short_hash(data: bytes, chars: int = _HASH_CHARS) -> str:
    """Shorten the SHA-256 of the data to lower-case base32, 5 bits a character."""
    digest = sha256(data).digest()[: (chars * 5 + 7) // 8]
    return b32encode(digest)[:chars].decode().lower()


def child_id(parent: str, node: str, attempt: int) -> str:
    """Make the id of the execution that an attempt of a subworkflow node starts."""
    made = f"{parent}.{node}" if attempt == 1 else f"{parent}.{node}~{attempt}"
    if len(made) <= _MADE_BYTES:
        return made
    return f"{root_of(parent)}.{short_hash(made.encode())}"


def rerun_id(execution_id: str, number: int) -> str:
    """Make the id of a rerun; those of one tree share a root, and so their numbers."""
    return f"{root_of(execution_id)}~r{number}"


def is_rerun(execution_id: str) -> bool:
    """Whether an execution is a rerun, and no child of one."""
    return bool(_RERUN.fullmatch(execution_id))


def is_rerun_in_tree(execution_id: str, other: str) -> bool:
    """Whether an execution is a rerun in the tree of another one, whose values it may have."""
    return is_rerun(execution_id) and root_of(execution_id) == root_of(other)


def undo_id(node: str) -> str:
    """Make the id of the step that undoes a node; no node can have it."""
    return f"{node}~undo"


def root_of(execution_id: str) -> str:
    """Return the id of the tree's root: what stands before the first `.` or `~`."""
    return execution_id.partition(".")[0].partition("~")[0]


def partition_of(execution_id: str, partitions: int) -> int:
    """Return the partition of an execution and of every execution of its tree."""
    return binascii.crc_hqx(root_of(execution_id).encode(), 0) % partitions


def _check(value: object, field: str, pattern: re.Pattern[str], rule: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{field} is a {type(value).__name__}, not text", field=field)
    if not pattern.fullmatch(value):
        raise InvalidInput(f"{field} {_shown(value)} is not {rule}", field=field)
    return value


def _check_key(value: object, name: str, *, field: str) -> str:
    """Return a text that users choose freely, so that its bytes can be a part of a key."""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is a {type(value).__name__}, not text", field=field)
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{name} {_shown(value)} holds a lone surrogate, which is not text", field=field
        ) from None
    if not 1 <= size <= _KEY_BYTES:
        raise InvalidInput(
            f"{name} {_shown(value)} has {size} bytes; allowed are 1 to {_KEY_BYTES}", field=field
        )
    return value


def _not_reserved(value: str, field: str, reserved: frozenset[str]) -> str:
    if value in reserved:
        raise InvalidInput(f"{field} {value!r} is reserved; choose another name", field=field)
    return value


def _shown(value: str) -> str:
    """Quote a text in ASCII, so that invisible and direction-changing characters show."""
    return ascii(value) if len(value) <= _SHOWN_CHARS else ascii(value[:_SHOWN_CHARS]) + "..."
