"""lua/lib/splice.lua: heads of every size, decoded by msgspec."""

import hashlib

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from redflow.store import script

EDGES = (0, 1, 15, 16, 31, 32, 127, 128, 255, 256, 65_535, 65_536)
BEYOND = (2**32 - 1, 2**32, 2**53 - 1, 2**53)
decode = msgspec.msgpack.decode
relaxed = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Splice:
    """Calls one function of the file."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.source = script.read_source("splice")

    def __call__(self, expression: str, *arguments: object) -> bytes:
        text = f"{self.source}\nreturn {expression}"
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        try:
            return self.client.execute_command("EVALSHA", sha, 0, *arguments)  # type: ignore[no-untyped-call]
        except redis.exceptions.NoScriptError:
            self.client.execute_command("SCRIPT LOAD", text)  # type: ignore[no-untyped-call]
            return self.client.execute_command("EVALSHA", sha, 0, *arguments)  # type: ignore[no-untyped-call]


@pytest.fixture
def splice(client: redis.Redis) -> Splice:
    """Return a caller of splice functions on the server under test."""
    return Splice(client)


@pytest.mark.parametrize("number", [*EDGES, *BEYOND])
def test_numbers_at_the_edges(splice: Splice, number: int) -> None:
    assert decode(splice("mp_uint(tonumber(ARGV[1]))", number)) == number


@relaxed
@given(st.integers(0, 2**53))
def test_any_number(splice: Splice, number: int) -> None:
    assert decode(splice("mp_uint(tonumber(ARGV[1]))", number)) == number


def test_a_number_twice_is_the_same(splice: Splice) -> None:
    assert splice("mp_uint(300) .. mp_uint(300)") == b"\xcd\x01\x2c" * 2


@pytest.mark.parametrize("length", EDGES)
def test_texts_at_the_edges(splice: Splice, length: int) -> None:
    text = "x" * length
    assert decode(splice("mp_str(ARGV[1])", text)) == text


@relaxed
@given(st.text(max_size=300))
@example("ä" * 16)
def test_any_text(splice: Splice, text: str) -> None:
    assert decode(splice("mp_str(ARGV[1])", text)) == text


@pytest.mark.parametrize("length", EDGES)
def test_arrays_at_the_edges(splice: Splice, length: int) -> None:
    spliced = splice("mp_array_head(tonumber(ARGV[1])) .. string.rep(mp_uint(7), ARGV[1])", length)
    assert decode(spliced) == [7] * length


@relaxed
@given(st.lists(st.text(max_size=40), max_size=40))
def test_any_array_of_texts(splice: Splice, texts: list[str]) -> None:
    assert decode(splice("mp_array(packed(ARGV))", *texts)) == texts


@relaxed
@given(
    st.lists(
        st.recursive(st.none() | st.integers(-9, 9), lambda x: st.lists(x, max_size=3)), max_size=20
    )
)
def test_payloads_pass_through(splice: Splice, values: list[object]) -> None:
    assert decode(splice("mp_array(ARGV)", *map(msgspec.msgpack.encode, values))) == values
