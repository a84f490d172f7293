"""What a resumed step is told."""

import msgspec

_pack = msgspec.msgpack.encode
TIMER, TIMEOUT = _pack(["timer"]), _pack(["timeout"])


def signalled(payload: bytes) -> bytes:
    """The signal came."""
    return b"\x92" + _pack("signal") + payload


def child_ended(child: str) -> bytes:
    """The child has ended."""
    return _pack(["child", child])
