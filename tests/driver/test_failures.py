"""What each error text means: those of Redis 6.2, Redis 7.0 and Valkey 9.1, as they were seen."""

import pytest
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError,
    InvalidResponse,
    MaxConnectionsError,
    TimeoutError,
)

from redflow.driver.failures import Redirected, code_of, has_moved, translate
from redflow.errors import Misconfigured, OutOfMemory, StoreError, Unavailable
from tests.driver.kit import refusal

OLD = "ERR Error running script (call to f_62e6): @user_script:1: @user_script: 1: "
NEW = " script: 62e6aac9, on @user_script:1."

WAITING = [
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "LOADING Redis is loading the dataset in memory",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "CLUSTERDOWN The cluster is down",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "READONLY You can't write against a read only replica.",
    "READONLY You can't write against a read only replica." + NEW,
    OLD + "-READONLY You can't write against a read only replica.",
    "NOREPLICAS Not enough good replicas to write.",
    "NOREPLICAS Not enough good replicas to write." + NEW,
    OLD + "-NOREPLICAS Not enough good replicas to write.",
    "MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.",
    OLD + "-MISCONF Redis is configured to save RDB snapshots, but it cannot persist.",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
]
FULL = [
    "OOM command not allowed when used memory > 'maxmemory'.",
    "OOM command not allowed when used memory > 'maxmemory'." + NEW,
    OLD + "-OOM command not allowed when used memory > 'maxmemory'.",
]
WRONG = [
    ("NOAUTH Authentication required.", "put the password into the URL"),
    ("WRONGPASS invalid username-password pair or user is disabled.", "check user and password"),
    (
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?",
        "check user and password",
    ),
    ("NOPERM this user has no permissions to run the 'get' command", "grant its user"),
    ("NOPERM No permissions to access a key", "grant its user"),
    (OLD + "The user executing the script can't run this command or subcommand", "grant its user"),
    ("ERR The user executing the script can't run this command or subcommand" + NEW, "grant"),
    ("ERR ACL failure in script: User u has no permissions to run the 'set' command", "grant"),
    ("ERR DB index is out of range", "take another number"),
    ("MOVED 3999 127.0.0.1:6381", "redis+cluster://"),
    ("ASK 3999 127.0.0.1:6381", "redis+cluster://"),
    ("CROSSSLOT Keys in request don't hash to the same slot", "redis+cluster://"),
    ("NOSCRIPT No matching script. Please use EVAL.", "let no proxy"),
]
BUGS = [
    ("WRONGTYPE Operation against a key holding the wrong kind of value" + NEW, "WRONGTYPE"),
    ("ERR user_script:1: attempt to perform arithmetic on a nil value" + NEW, "ERR"),
    (OLD.replace("1: @user_script: 1: ", "1: user_script:1: attempt to index a nil"), "ERR"),
    ("NOGROUP No such key 'st' or consumer group 'g' in XREADGROUP with GROUP option", "NOGROUP"),
    ("BUSYGROUP Consumer Group name already exists", "BUSYGROUP"),
    ("PLAN 7f3a is not stored", "PLAN"),
    ("ERR unknown command 'EVALSHA'", "ERR"),
]


def meaning(error: Exception, *, sent: bool = True) -> StoreError:
    return translate(error, name="advance", where="r:6379/0", sent=sent)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", WAITING)
def test_refusals_that_end_by_themselves(text):
    error = meaning(refusal(text))
    assert isinstance(error, Unavailable)
    assert not error.ambiguous
    assert str(error).startswith("advance: Redis at r:6379/0 refuses for now: ")
    assert error.hint


@pytest.mark.parametrize("text", FULL)
def test_a_full_server(text):
    error = meaning(refusal(text))
    assert type(error) is OutOfMemory
    assert "maxmemory" in error.hint


@pytest.mark.parametrize(("text", "hint"), WRONG)
def test_settings_that_are_wrong(text, hint):
    error = meaning(refusal(text))
    assert type(error) in (Misconfigured, Redirected)
    assert hint in error.hint


@pytest.mark.parametrize(("text", "code"), BUGS)
def test_the_rest_names_the_script_and_keeps_code_and_text(text, code):
    error = meaning(refusal(text))
    assert type(error) is StoreError
    assert code_of(refusal(text)) == code
    assert str(error) == f"advance: Redis at r:6379/0 answered with an error: {text}".replace(
        "ERR ", ""
    )


@pytest.mark.parametrize(
    "error", [ConnectionError("Connection reset by peer"), TimeoutError("Timeout reading")]
)
def test_an_answer_that_never_came_is_unknown(error):
    found = meaning(error)
    assert isinstance(found, Unavailable)
    assert found.ambiguous
    assert "unknown whether it was done, safe to repeat" in str(found)
    unsent = meaning(error, sent=False)
    assert isinstance(unsent, Unavailable)
    assert not unsent.ambiguous


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ConnectionError("max number of clients reached"), "check that it runs"),
        (ConnectionError("No connection available."), "in use"),
        (MaxConnectionsError("Too many connections"), "in use"),
    ],
)
def test_a_full_house_is_known_to_have_done_nothing(error, hint):
    found = meaning(error, sent="max number" in str(error))
    assert isinstance(found, Unavailable)
    assert not found.ambiguous
    assert hint in found.hint


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("invalid password"),
        AuthorizationError("no"),
        ConnectionError(AuthenticationError("WRONGPASS wrapped by the Unix socket handshake")),
        ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
        ConnectionError("[SSL: WRONG_VERSION_NUMBER] wrong version number"),
        InvalidResponse("Protocol error, got 'H' as reply type byte"),
    ],
)
def test_classes_that_mean_wrong_settings(error):
    assert type(meaning(error, sent=False)) is Misconfigured


@pytest.mark.parametrize(
    "text", [text for text in WAITING if "replica" in text or "MASTER" in text]
)
def test_a_lost_role_moves_the_server(text):
    moved = "NOREPLICAS" not in text
    assert has_moved(refusal(text)) is moved  # type: ignore[arg-type]


def test_a_code_that_redis_py_cuts_off_is_shown_again():
    assert "READONLY You can't write" in str(meaning(refusal("READONLY You can't write")))


def test_an_error_without_code_has_none():
    assert code_of(ConnectionError("Connection refused")) == ""
