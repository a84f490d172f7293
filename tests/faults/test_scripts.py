"""Row 8: a script that fails has changed nothing, whichever key or permission it fails at.

Every script is called with one of its keys spoiled, and by a user who may not run one of its
commands; DUMP of all keys before and after must be the same.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import redis

from redflow.store.op import Op
from redflow.store.script import script_names
from tests.faultkit.calls import CALLS, Call, arranged
from tests.faultkit.servers import Server
from tests.store.support import Store
from tests.support.clients import raw

pytestmark = [pytest.mark.process, pytest.mark.row(8)]

COMMAND = re.compile(r"call\('([A-Z]+)'")
ENOUGH = 400
Dump = dict[bytes, bytes]


class Watched(Store):
    """A store that does something before a script is asked, and keeps what it asked last."""

    last: Op[Any]
    before: Callable[[Op[Any]], None] | None = None

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        super().__init__(client, namespace)
        self._admin = client

    def run(self, op: Op[Any]) -> Any:
        self.last = op
        if self.before:
            self.before(op)
        return super().run(op)

    def rest(self) -> None:
        """Nothing happens any more, and whoever asks may do all."""
        self.before, self.client = None, self._admin

    def dump(self) -> Dump:
        """Everything of the namespace, as the server would hand it over."""
        ask: Any = self._admin.execute_command
        names = ask("KEYS", f"*{{{self.keys.namespace}*")
        return {name: ask("DUMP", name) for name in names}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("7.0") as made:
        yield made


@pytest.fixture
def store(server: Server, namespace: str) -> Iterator[Watched]:
    client = raw(server.client())
    yield Watched(client, namespace)
    client.close()


def script_of(store: Watched, call: Call) -> Op[Any]:
    """What a call asks last."""
    call(arranged(store))
    store.clear()
    return store.last


class Injection:
    """Makes calls go wrong, and counts which of them changed something."""

    def __init__(self, store: Watched) -> None:
        self.store = store
        self.counts: Counter[str] = Counter()
        self.broken: list[str] = []

    def inject(self, title: str, op: Op[Any], fault: Callable[[], None]) -> None:
        """Make a call in a fresh partition, with a fault just before its script."""
        before: list[Dump] = []

        def happen(asked: Op[Any]) -> None:
            if asked.name == op.name:
                fault()
                before.append(self.store.dump())

        scene = arranged(self.store)
        self.store.before = happen
        try:
            CALLS[title](scene)
        except redis.exceptions.ResponseError:
            self.counts["failed"] += 1
            if self.store.dump() != before[-1]:
                self.broken.append(f"{op.name} ({title})")
        self.counts["calls"] += 1
        self.store.rest()
        self.store.clear()

    def figures(self) -> dict[str, int]:
        """For the table."""
        return {**self.counts, "changed": len(self.broken)}


def test_every_script_is_called(store: Watched) -> None:
    assert {script_of(store, call).name for call in CALLS.values()} == set(script_names())


@pytest.mark.fault
def test_a_key_of_another_type(store: Watched, measured: Callable[..., Any]) -> None:
    injection = Injection(store)

    def spoil(key: str) -> None:
        store.command("DEL", key)
        store.command("SET", key, "spoiled")

    for title, call in CALLS.items():
        op = script_of(store, call)
        for key in dict.fromkeys(op.keys):
            injection.inject(title, op, partial(spoil, key))
    measured(**injection.figures())
    assert injection.broken == []
    assert injection.counts["failed"] > ENOUGH


@pytest.mark.fault
def test_a_user_without_one_of_the_commands(
    server: Server, store: Watched, measured: Callable[..., Any]
) -> None:
    injection, users = Injection(store), dict[str, redis.Redis]()

    def become(command: str) -> None:
        if command not in users:
            users[command] = user_without(server, command)
        store.client = users[command]

    for title, call in CALLS.items():
        op = script_of(store, call)
        assert op.script is not None
        for command in sorted(set(COMMAND.findall(op.script.text))):
            injection.inject(title, op, partial(become, command))
    for user in users.values():
        user.close()
    measured(**injection.figures())
    assert injection.broken == []
    assert injection.counts["failed"] > ENOUGH


def user_without(server: Server, command: str) -> redis.Redis:
    """Return a client of a user who may do all but that."""
    words = ("on", ">secret", "~*", "&*", "+@all", f"-{command.lower()}")
    server.ask("ACL", "SETUSER", f"no-{command}", *words)
    user = redis.Redis(port=server.port, protocol=2, username=f"no-{command}", password="secret")
    return raw(user)


def test_what_is_not_permitted_is_named(server: Server, store: Watched) -> None:
    scene = arranged(store)
    store.client = user_without(server, "XADD")
    with pytest.raises(redis.exceptions.NoPermissionError, match="may not run XADD, which deliver"):
        scene.signal()
    store.client.close()
    store.rest()


def test_a_sweep_needs_no_info(server: Server, store: Watched) -> None:
    """Who may not ask what the server's memory is sweeps all the same."""
    scene = arranged(store)
    store.client = user_without(server, "INFO")
    assert CALLS["sweep"](scene)
    store.client.close()
    store.rest()
