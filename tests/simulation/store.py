"""The one server of a simulation: asked synchronously, with leases that age in virtual time.

The scripts are told the time, but how long a step is silent the server measures by its own clock.
So every pending entry is parked at an idle time of its own (PARKED): what is below it was claimed
or renewed by the call just made, and gets its virtual time noted; before a script that asks for
silence, entries get the idle time that virtual time says.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ConnectionError, NoScriptError, ResponseError

from redflow.driver.packing import pack
from redflow.store.op import Op
from redflow.store.script import load_script, script_names
from redflow.store.space import Space
from tests.simulation.clocks import now_ms
from tests.simulation.history import History
from tests.simulation.loop import POD, Loop
from tests.simulation.servers import Connect

PARKED = 10**8
SILENT = 10**9
RENEWING = {"advance", "extend_leases", "XREADGROUP"}
ASKING = {"list_due", "reclaim_leases"}
TOUCHING = RENEWING | ASKING

NOTE = """
local found = {}
for i, key in ipairs(KEYS) do
  local entries = redis.pcall('XPENDING', key, 'workers', '-', '+', 10000)
  for _, entry in ipairs(entries.err and {} or entries) do
    if entry[3] < 50000000 then
      redis.call('XCLAIM', key, 'workers', entry[2], 0, entry[1], 'IDLE', 100000000, 'JUSTID')
      found[#found + 1] = i .. ' ' .. entry[1]
    end
  end
end
return found"""
SHOW = """
local silent = {}
for _, one in ipairs(ARGV) do silent[one] = true end
for i, key in ipairs(KEYS) do
  local entries = redis.pcall('XPENDING', key, 'workers', '-', '+', 10000)
  for _, entry in ipairs(entries.err and {} or entries) do
    local idle = silent[i .. ' ' .. entry[1]] and 1000000000 or 0
    redis.call('XCLAIM', key, 'workers', entry[2], 0, entry[1], 'IDLE', idle, 'JUSTID')
  end
end"""
HIDE = """
for i, key in ipairs(KEYS) do
  local entries = redis.pcall('XPENDING', key, 'workers', '-', '+', 10000)
  for _, entry in ipairs(entries.err and {} or entries) do
    redis.call('XCLAIM', key, 'workers', entry[2], 0, entry[1], 'IDLE', 100000000, 'JUSTID')
  end
end"""

Snapshot = tuple[int, list[tuple[bytes, bytes]]]
"""How many calls had been made, and every key with its dump."""


class Store:
    """One server, which a run has for itself: it is emptied first."""

    def __init__(self, connect: Connect, loop: Loop, history: History, *, lease: float) -> None:
        self._connection = connect()
        self._ears = connect()
        self._loop, self._lease = loop, lease
        self.history = history
        self._names = {load_script(name).sha: name for name in script_names()}
        self.streams: list[str] = []
        self.renewed: dict[tuple[str, str], float] = {}
        """When each token was last claimed or renewed, by stream and id."""
        self.past: set[tuple[str, str]] = set()
        """Tokens that were claimed before the last rollback: of a history that is over."""
        self.calls = 0
        self.generation = 1
        """Counts the server's histories; connections of an earlier one are broken."""
        self.listeners: defaultdict[str, list[Any]] = defaultdict(list)
        self.changed = loop.create_future()
        self.plain("FLUSHDB")
        self.plain("SCRIPT", "FLUSH")
        texts = {"note": NOTE, "show": SHOW, "hide": HIDE}
        self._shas = {name: self.plain("SCRIPT", "LOAD", text) for name, text in texts.items()}
        heads = {name: load_script(name).head for name in script_names()}
        self._now_at = {
            name: len(head.keys) + len(head.rows) + list(head.arg).index("now")
            for name, head in heads.items()
            if "now" in head.arg
        }
        calling = {name: load_script(name).text for name in script_names()}
        self._publishing = {name for name, text in calling.items() if "'PUBLISH'" in text}
        self._issuing = {name for name, text in calling.items() if "'XADD', ready_of" in text}

    def close(self) -> None:
        self._connection.disconnect()
        self._ears.disconnect()

    # Plain questions of the simulation itself

    def plain(self, *words: Any) -> Any:
        """Ask behind the back of the simulation; raises what the server answers with an error."""
        self._connection.send_packed_command([pack(*words)])
        return self._connection.read_response()

    def ask(self, op: Op[Any]) -> Any:
        """Ask behind the back of the simulation."""
        if op.script is None:
            return op.parse(self.plain(*op.args))
        words = (op.script.sha, len(op.keys), *op.keys, *op.args)
        try:
            return op.parse(self.plain("EVALSHA", *words))
        except NoScriptError:
            self.plain("SCRIPT", "LOAD", op.script.text)
            return op.parse(self.plain("EVALSHA", *words))

    def hear(self, space: Space, queues: Sequence[str]) -> None:
        """Know the streams whose leases age, and listen to the partitions' control channels."""
        self.streams = [p.ready(queue) for p in space.keys for queue in queues]
        channels = [f"{p.prefix}control" for p in space.keys]
        self._ears.send_packed_command([pack("SUBSCRIBE", *channels)])
        for _ in channels:
            self._ears.read_response()

    # Calls

    def name_of(self, words: Sequence[bytes]) -> str:
        """The script that is called, else the command."""
        command = words[0].decode().upper()
        return self._names.get(words[1].decode(), command) if command == "EVALSHA" else command

    def call(self, words: Sequence[bytes]) -> Any:
        """Carry out one command of a pod; an error of the server is an answer."""
        name = self.name_of(words)
        if name == "INFO":
            return self._info()
        self.calls += 1
        before = [self._aging("show", *self._silent())] if name in ASKING else []
        after = [self._aging("hide" if name in ASKING else "note")] if name in TOUCHING else []
        replies = self._exchange([*before, pack(*self._timed(name, words)), *after])
        reply = replies[len(before)]
        if name == "put_worker" and isinstance(reply, list):
            reply[1].sort()  # names of a set: each server has an order of its own
        if name in RENEWING:
            self._note(replies[-1])
        if name in self._publishing:
            self._tell_listeners()
        if name in self._issuing:
            self._wake()
        self.history.call(self.now, POD.get(), name, words[2:], reply)
        return reply

    def _timed(self, name: str, words: Sequence[bytes]) -> Sequence[bytes]:
        """The words with the time of now: a call that was late would tell when it was made."""
        if name not in self._now_at:
            return words
        at = 3 + int(words[2]) + self._now_at[name]
        return [*words[:at], str(now_ms(self._loop)).encode(), *words[at + 1 :]]

    def _exchange(self, packed: list[bytes]) -> list[Any]:
        """Several commands in one round trip; errors are answers."""
        self._connection.send_packed_command([b"".join(packed)])
        replies: list[Any] = []
        for _ in packed:
            try:
                replies.append(self._connection.read_response())
            except ResponseError as error:
                replies.append(error)
        return replies

    @property
    def now(self) -> int:
        """Virtual milliseconds since the run began."""
        return round(self._loop.time() * 1000)

    def _info(self) -> bytes:
        run = f"{self.generation:040d}"
        return f"run_id:{run}\r\nmaster_replid:{run}\r\nmaster_replid2:{'0' * 40}\r\n".encode()

    def _aging(self, script: str, *words: str) -> bytes:
        return pack("EVALSHA", self._shas[script], len(self.streams), *self.streams, *words)

    def _silent(self) -> list[str]:
        old = self._loop.time() - self._lease
        at = {stream: number for number, stream in enumerate(self.streams, 1)}
        return [
            f"{at[stream]} {token}"
            for (stream, token), then in self.renewed.items()
            if then <= old + 1e-9
        ]

    def _note(self, found: list[bytes]) -> None:
        """Take note of what was claimed or renewed."""
        for one in found:
            number, _, token = one.decode().partition(" ")
            self.renewed[self.streams[int(number) - 1], token] = self._loop.time()

    def _wake(self) -> None:
        """What waits for something to happen may look again."""
        changed, self.changed = self.changed, self._loop.create_future()
        changed.set_result(None)

    def _tell_listeners(self) -> None:
        """Pass on what was published; a PING tells where that ends."""
        self._ears.send_packed_command([pack("PING")])
        while (message := self._ears.read_response())[0] != b"pong":
            for queue in self.listeners[message[1].decode()]:
                queue.put_nowait(message[2])

    # Histories

    def snapshot(self) -> Snapshot:
        """Every key as it stands."""
        keys = sorted(self.plain("KEYS", "*"))
        return self.calls, [(key, self.plain("DUMP", key)) for key in keys]

    def restore(self, snapshot: Snapshot) -> None:
        """Be another server that has no more than a snapshot: all connections are lost."""
        self.history.tell(self.now, "", f"ROLLBACK by {self.calls - snapshot[0]} calls")
        self.plain("FLUSHDB")
        for key, dump in snapshot[1]:
            self.plain("RESTORE", key, 0, dump)
        self.past |= set(self.renewed)
        self.generation += 1
        self._wake()
        for queues in self.listeners.values():
            for queue in queues:
                queue.put_nowait(ConnectionError("the server was replaced"))
        # No server begins within the millisecond in which its forerunner gave out an id.
        self._loop.skip(0.002)
