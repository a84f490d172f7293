"""Lua for the in-process server, compiled once a process: fakeredis compiles at every call."""

import weakref
from typing import Any

# What fakeredis keeps of its interpreter on a server, made at the server's first script.
_PARTS = ("_lua_runtime", "_lua_set_keys_argv", "_lua_expected_globals", "_lua_current_socket")
_COLLECT = "collectgarbage()"  # what fakeredis runs after every script

_free: list[dict[str, Any]] = []


def lend_interpreter(server: Any) -> None:
    """Give a new fakeredis server an interpreter that keeps what it compiled.

    The interpreter serves one server at a time and goes to the next when that one is gone. If
    fakeredis should keep its interpreter elsewhere one day, what is set here is not looked at.
    """
    parts = _taken() or _new_parts()
    vars(server).update(parts)
    weakref.finalize(server, _free.append, parts)


def _taken() -> dict[str, Any] | None:
    try:
        return _free.pop()  # not asked first: another thread may take the last one
    except IndexError:
        return None


def _new_parts() -> dict[str, Any]:
    import fakeredis

    first = fakeredis.FakeServer()
    fakeredis.FakeRedis(server=first).eval("return 1", 0)
    parts = {name: vars(first)[name] for name in _PARTS if name in vars(first)}
    if len(parts) == len(_PARTS):
        parts["_lua_runtime"] = _Compiled(parts["_lua_runtime"], parts["_lua_current_socket"])
    return parts


class _Compiled:
    """Stands before a LuaRuntime: compiles each script once and leaves collecting to Lua."""

    def __init__(self, runtime: Any, socket: list[Any]) -> None:
        self._runtime = runtime
        self._socket = socket
        self._functions: dict[bytes, Any] = {}

    def execute(self, code: Any) -> Any:
        if code == _COLLECT:
            self._socket[0] = None  # or the interpreter would keep the server alive
            return None
        function = self._functions.get(code)
        if function is None:
            function = self._functions[code] = self._runtime.compile(code)
        return function()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)
