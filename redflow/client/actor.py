"""Who acts: what is kept beside a pause or a cancel, so that others can ask."""

import getpass
import socket
import time
from functools import cache

from redflow.model import codec


@cache
def actor() -> str:
    """Name whoever runs this process: `<user>@<host>`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def cancel_body(reason: str) -> bytes:
    """Encode who cancels an execution, and why."""
    return codec.encode({"reason": reason, "by": actor()})


def pause_note(reason: str) -> bytes:
    """Encode who pauses something, when and why."""
    return codec.encode({"reason": reason, "by": actor(), "at": round(time.time() * 1000)})
