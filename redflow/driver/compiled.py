"""Lua for the in-process server: compiled once a process, its globals closed as a server's are.

fakeredis compiles a script at every call, and looks through all globals at every command of it.
"""

import weakref
from typing import Any

# What fakeredis keeps of its interpreter on a server, made at the server's first script.
_PARTS = ("_lua_runtime", "_lua_set_keys_argv", "_lua_expected_globals", "_lua_current_socket")
_COLLECT = "collectgarbage()"  # what fakeredis runs after every script
# A new global is refused where it is made, as a server does: nothing is left to look for.
_CLOSE_GLOBALS = """
setmetatable(_G, {__newindex = function(_, name)
  error("Script attempted to create global variable '" .. tostring(name) .. "'", 2)
end})
"""

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
        self.table_from = runtime.table_from
        runtime.globals()[b"redis"][b"call"] = self._call
        runtime.globals()[b"redis"][b"pcall"] = self._pcall
        runtime.execute(_CLOSE_GLOBALS)

    def globals(self) -> dict[bytes, Any]:
        """Answer what fakeredis did not expect among the globals: they are closed."""
        return {}

    def _call(self, command: bytes, *args: Any) -> Any:
        return self._socket[0]._lua_redis_call(self, frozenset(), command, *args)

    def _pcall(self, command: bytes, *args: Any) -> Any:
        """Answer an error as a string of Lua: one of Python may come back in place of another."""
        try:
            return self._call(command, *args)
        except Exception as error:
            return self.table_from({b"err": str(error).encode()})

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
