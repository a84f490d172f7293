"""The interpreter that in-process servers are lent: one server at a time, compiled once."""

import gc

import fakeredis
import pytest

from redflow.driver import compiled

SCRIPT = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


@pytest.fixture(autouse=True)
def none_free(monkeypatch: pytest.MonkeyPatch) -> list:
    """Start with no free interpreter."""
    free: list = []
    monkeypatch.setattr(compiled, "_free", free)
    return free


def server_with_interpreter() -> fakeredis.FakeServer:
    server = fakeredis.FakeServer()
    compiled.lend_interpreter(server)
    return server


def add(server: fakeredis.FakeServer, number: int) -> int:
    return fakeredis.FakeRedis(server=server).eval(SCRIPT, 1, "sum", number)


def test_fakeredis_keeps_its_interpreter_where_it_is_put():
    """The canary: another place would make every call compile its script again, and no more."""
    server = server_with_interpreter()
    lent = vars(server)["_lua_runtime"]
    add(server, 1)
    add(server, 2)
    assert vars(server)["_lua_runtime"] is lent
    assert list(lent._functions) == [SCRIPT.encode()]


def test_two_servers_at_once_have_an_interpreter_each():
    one, other = server_with_interpreter(), server_with_interpreter()
    assert [add(one, 1), add(other, 10), add(one, 2), add(other, 20)] == [1, 10, 3, 30]
    assert vars(one)["_lua_runtime"] is not vars(other)["_lua_runtime"]


def test_the_interpreter_of_a_server_that_is_gone_serves_the_next(none_free: list):
    first = server_with_interpreter()
    add(first, 1)
    lent = vars(first)["_lua_runtime"]
    del first
    gc.collect()
    assert [parts["_lua_runtime"] for parts in none_free] == [lent]
    second = server_with_interpreter()
    assert vars(second)["_lua_runtime"] is lent
    assert add(second, 5) == 5


def test_an_error_of_a_script_is_the_error_it_was():
    client = fakeredis.FakeRedis(server=server_with_interpreter())
    with pytest.raises(Exception, match=r"(?i)wrong number of args"):
        client.eval("return redis.call('GET')", 0)
    assert client.eval(SCRIPT, 1, "sum", 1) == 1


@pytest.mark.parametrize("script", ["x = 1", "redis.call('SET', KEYS[1], 1) function f() end"])
def test_a_script_that_makes_a_global_is_refused_and_the_next_runs(script: str):
    client = fakeredis.FakeRedis(server=server_with_interpreter())
    with pytest.raises(Exception, match=r"attempted to create global variable '[xf]'"):
        client.eval(script, 1, "sum")
    assert client.eval(SCRIPT, 1, "sum", 1) in (1, 2)


def test_an_error_that_a_script_catches_is_a_string_of_lua():
    """What is of Python there is kept by its address, and found again for another error."""
    client = fakeredis.FakeRedis(server=server_with_interpreter())
    script = "local error = redis.pcall('HGET', KEYS[1], 'field').err return {type(error), error}"
    client.set("text", "value")
    kind, error = client.eval(script, 1, "text")
    assert kind == b"string"
    assert error.startswith(b"WRONGTYPE")
