"""A value is shown by nothing but `.value`; what cannot be kept is refused without showing it."""

import copy
import dataclasses
import pickle

import msgspec
import pytest

from redflow.defaults import SECRET_BYTES
from redflow.errors import InvalidInput, NotFound, PayloadTooLarge, answer_of
from redflow.model import codec
from redflow.secrets import SecretNotFound, SecretValue
from redflow.secrets.values import check_secret_value

CANARY = "canary-4711"
SECRET = SecretValue(CANARY, ["api.example.com"], "stripe")


def test_it_is_what_was_given():
    assert (SECRET.value, SECRET.hosts, SECRET.name) == (CANARY, ("api.example.com",), "stripe")


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, lambda one: f"{one!r:>80}", lambda one: str([one]), ascii],
)
def test_nothing_that_shows_it_shows_the_value(show):
    assert CANARY not in show(SECRET)
    assert "stripe" in show(SECRET)


@pytest.mark.parametrize(
    "write",
    [
        pickle.dumps,
        copy.deepcopy,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        codec.encode,
        dataclasses.asdict,
        vars,
    ],
)
def test_nothing_writes_it(write):
    with pytest.raises((TypeError, InvalidInput)) as caught:
        write(SECRET)
    assert CANARY not in str(caught.value)


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError):
        SECRET.value = "other"  # type: ignore[misc]


def test_equal_secrets_are_equal():
    same = SecretValue(CANARY, ("api.example.com",), "stripe")
    assert {same, SECRET} == {SECRET}
    assert SecretValue(CANARY, (), "stripe") != SECRET
    assert SECRET != CANARY


def test_a_secret_that_is_nowhere_says_where_was_looked():
    error = SecretNotFound("shop", "stripe", ["the environment (A)", "file b"])
    assert str(error) == (
        "secret 'stripe' is not known in namespace 'shop'; looked in the environment (A); file b"
        " (store it: redflow -n shop secret set stripe --host HOST)"
    )
    assert isinstance(error, NotFound)
    assert answer_of(error).exit == 3


def test_without_providers_it_says_so():
    assert "no provider" in str(SecretNotFound("shop", "stripe", []))


def test_the_error_crosses_processes():
    error = pickle.loads(pickle.dumps(SecretNotFound("shop", "stripe", ["here"])))
    assert (error.namespace, error.name, error.looked) == ("shop", "stripe", ("here",))


@pytest.mark.parametrize("value", ["", None, 7, b"x", ["x"], "\ud800"])
def test_values_that_cannot_be_kept(value):
    with pytest.raises(InvalidInput) as caught:
        check_secret_value(value)
    assert caught.value.field == "value"


def test_the_limit_counts_bytes():
    assert check_secret_value("x" * SECRET_BYTES)
    with pytest.raises(PayloadTooLarge, match="65,538 bytes") as caught:
        check_secret_value("é" * (SECRET_BYTES // 2 + 1))
    assert "é" not in str(caught.value)
