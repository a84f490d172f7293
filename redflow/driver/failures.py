"""What an error of redis-py or of the server means, judged by its class and by its text.

Servers differ: Redis 6.2 hides the code of an error inside a script in the middle of a generic
text, redis-py cuts some codes off, and over a Unix socket it wraps the errors of the handshake.
"""

import re

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    InvalidResponse,
    MasterDownError,
    MaxConnectionsError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
    TryAgainError,
)

from redflow.errors import Misconfigured, OutOfMemory, StoreError, Unavailable

# Refusals that end by themselves: nothing was done, and the same call may succeed later.
WAIT = {
    "BUSY": "a script runs too long; SCRIPT KILL ends one that has not written",
    "CLUSTERDOWN": "the cluster has no owner for some slots",
    "LOADING": "it is reading its data from disk",
    "MASTERDOWN": "this replica has lost its primary",
    "MISCONF": "it cannot save to disk: free disk space, or read its log",
    "NOREPLICAS": "too few replicas are connected (min-replicas-to-write)",
    "READONLY": "it is a replica now: a failover is under way, or the address is a replica's",
    "TRYAGAIN": "slots are being moved",
    "UNBLOCKED": "it has changed its role",
}
# The server behind the address has changed: open connections lead to the old one.
MOVED = {"READONLY", "MASTERDOWN", "UNBLOCKED"}
DENIED = {
    "NOAUTH": "put the password into the URL",
    "NOPERM": "grant its user the commands and keys of redflow",
    "WRONGPASS": "check user and password in the URL",
}
CLUSTER = {"ASK", "CROSSSLOT", "MOVED"}
# Texts that say more than their code "ERR", or than the exception's class.
TEXTS = {
    "max number of clients reached": "MAXCLIENTS",
    "can't run this command or subcommand": "NOPERM",
    "ACL failure in script": "NOPERM",
    "AUTH <password> called without any password": "WRONGPASS",
    "DB index is out of range": "NODB",
    "invalid DB index": "NODB",
    "cluster support disabled": "NOCLUSTER",
    "CERTIFICATE_VERIFY_FAILED": "TLS",
    "WRONG_VERSION_NUMBER": "TLS",
    "NO_CERTIFICATE_OR_CRL_FOUND": "TLS",
}
# For errors that carry their code neither in the text nor beside it.
CLASSES: dict[type[BaseException], str] = {
    BusyLoadingError: "LOADING",
    ClusterDownError: "CLUSTERDOWN",
    MasterDownError: "MASTERDOWN",
    NoPermissionError: "NOPERM",
    NoScriptError: "NOSCRIPT",
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    TryAgainError: "TRYAGAIN",
}
# Codes that redis-py cuts off the text of the error.
_CUT_OFF = {*WAIT, *DENIED, *CLUSTER, "OOM", "NOSCRIPT"}
_IN_SCRIPT = re.compile(r"@user_script: \d+: -([A-Z]+) ")
_LEADING = re.compile(r"-?([A-Z]{2,})(?: |$)")


def code_of(error: BaseException) -> str:
    """Return the code word of an error, "" where it has none."""
    text = str(error)
    for part, code in TEXTS.items():
        if part in text:
            return code
    hidden = _IN_SCRIPT.search(text)
    if hidden:
        return hidden[1]
    leading = _LEADING.match(text)
    beside: str | None = getattr(error, "status_code", None)
    return beside or CLASSES.get(type(error)) or (leading[1] if leading else "")


def translate(
    error: RedisError, *, name: str, where: str, sent: bool, partly: bool = False
) -> StoreError:
    """Return redflow's error for one of redis-py.

    `sent` says that the call had left, `partly` that other calls beside it were done.
    """
    error = _unwrapped(error)
    code = code_of(error)
    text = f"{code} {error}" if code in _CUT_OFF and code not in str(error) else str(error)
    server = f"{name}: Redis at {where}"
    if code in WAIT:
        return Unavailable(f"{server} refuses for now: {text}", ambiguous=partly, hint=WAIT[code])
    if code == "OOM":
        return OutOfMemory(
            f"{server} is out of memory: {text}",
            hint="raise maxmemory, purge finished executions, or let workers drain",
        )
    if isinstance(error, AskError):  # MovedError is a kind of it
        return Redirected(
            f"{server} is part of a cluster: {text}",
            hint="name it with redis+cluster:// in place of redis://",
            address=(error.host, error.port),
            slot=error.slot_id,
            asking=not isinstance(error, MovedError),
        )
    wrong, hint = _misconfigured(error, code)
    if wrong:
        return Misconfigured(f"{server} {wrong}: {text}", hint=hint)
    if isinstance(error, (ConnectionError, TimeoutError)):
        return _no_answer(error, server, text, sent=sent and code != "MAXCLIENTS")
    return StoreError(f"{server} answered with an error: {text}")


def has_moved(error: RedisError, *, or_lost: bool = False) -> bool:
    """Say whether all connections must be made anew, because another server leads now.

    `or_lost`: whoever is asked for the address may name another one, so that one which does not
    answer, or has lost its replicas, counts as well.
    """
    error = _unwrapped(error)
    code = code_of(error)
    if code in MOVED or not or_lost:
        return code in MOVED
    return code == "NOREPLICAS" or isinstance(error, (ConnectionError, TimeoutError))


class Redirected(Misconfigured):
    """A node of a cluster names the one that answers for a slot, and a cluster's driver asks that.

    `asking`: for this question only, because the slot is being moved; the map stays as it is.
    """

    def __init__(
        self, message: str, *, hint: str, address: tuple[str, int], slot: int, asking: bool
    ) -> None:
        super().__init__(message, hint=hint)
        self.address = address
        self.slot = slot
        self.asking = asking


def _unwrapped(error: RedisError) -> RedisError:
    inner = error.args[0] if error.args else None
    return inner if isinstance(inner, RedisError) else error


def _misconfigured(error: RedisError, code: str) -> tuple[str, str]:
    """Say what in the settings is wrong, and what to do; ("", "") when nothing is."""
    if code in DENIED:
        return "denies access", DENIED[code]
    if isinstance(error, (AuthenticationError, AuthorizationError)):
        return "denies access", DENIED["WRONGPASS"]
    if code == "NODB":
        return "has no such database", "take another number in the URL"
    if code == "NOCLUSTER":
        return "is no cluster", "name a single server with redis://, or the nodes of a cluster"
    if code == "TLS":
        return (
            "does not agree with the URL about TLS",
            "rediss:// with its certificate, or redis://",
        )
    if code in CLUSTER:
        return "is part of a cluster", "name it with redis+cluster:// in place of redis://"
    if code == "NOSCRIPT":
        return "forgets scripts as soon as they are loaded", "let no proxy spread one connection"
    if isinstance(error, InvalidResponse):
        return "does not speak the Redis protocol", "check host and port"
    return "", ""


def closed_while(name: str, where: str, *, ambiguous: bool) -> Unavailable:
    """Return the error of a call that its own driver's closing ended."""
    state = "unknown whether it was done" if ambiguous else "it was not done"
    return Unavailable(
        f"{name}: the connections to Redis at {where} were closed while it was asked",
        ambiguous=ambiguous,
        hint=f"{state}; close what asks only when its calls have returned",
    )


def _no_answer(error: RedisError, server: str, text: str, *, sent: bool) -> Unavailable:
    if sent:
        return Unavailable(
            f"{server} did not answer: {text}",
            ambiguous=True,
            hint="unknown whether it was done, safe to repeat",
        )
    hint = "check that it runs, can be reached from here, and whether it wants rediss://"
    if isinstance(error, MaxConnectionsError) or "No connection available" in text:
        hint = "all connections of this process are in use: make fewer calls at once"
    return Unavailable(f"{server} cannot be reached: {text}", ambiguous=False, hint=hint)
