"""One primary, two replicas, and three sentinels that replace a primary that died."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

import redis

from tests.faultkit.programs import program
from tests.faultkit.servers import LOOK, Server, ServerFailed

SENTINELS = 3
SERVICE = "redflow"
DOWN_AFTER = 1000
"""Milliseconds until a silent primary counts as down."""
FAILOVER_TIMEOUT = 2000
OK_SECONDS = 30.0


class Sentinel(Server):
    """One sentinel; what it learns is in its configuration file, and outlives its process."""

    def watch(self, primary: Server) -> None:
        """Write its configuration, before it is started."""
        service = [
            f"monitor {SERVICE} 127.0.0.1 {primary.port} 2",
            f"down-after-milliseconds {SERVICE} {DOWN_AFTER}",
            f"failover-timeout {SERVICE} {FAILOVER_TIMEOUT}",
            f"parallel-syncs {SERVICE} {SENTINELS}",
        ]
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.directory}"]
        lines += [f"sentinel {line}" for line in service]
        self._file.write_text("\n".join(lines) + "\n")

    @property
    def _file(self):
        return self.directory / "sentinel.conf"

    def _command(self) -> list[str]:
        return [program(self.version), str(self._file), "--sentinel"]

    def says(self) -> tuple[int, dict[str, str]]:
        """Return the port of the primary as it knows it, and the fields of the service."""
        flat = self.ask("SENTINEL", "MASTER", SERVICE)
        fields = {str(key): str(value) for key, value in _pairs(flat).items()}
        return int(fields["port"]), fields


class SentinelTrio:
    """Three data servers and three sentinels on loopback; options go to the data servers.

    A data server that was killed starts again as a primary, as an old one does that returns.
    """

    service = SERVICE

    def __init__(self, version: str = "7.0", *options: str) -> None:
        self.servers = [Server(version, *options) for _ in range(3)]
        self.sentinels = [Sentinel(version) for _ in range(SENTINELS)]
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as started:
            for server in self.servers:
                started.enter_context(server)
            self._follow(self.servers[0])
            for sentinel in self.sentinels:
                sentinel.watch(self.servers[0])
                started.enter_context(sentinel)
            self.wait_ok()
            self._running = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def url(self) -> str:
        """Where clients ask for the primary."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    def primary(self) -> Server:
        """Return the primary, as the first sentinel that runs knows it; it may be down."""
        port, _ = next(one for one in self.sentinels if one.running).says()
        return self._on(port)

    def replicas(self) -> list[Server]:
        """Return the data servers beside the primary, running or not."""
        primary = self.primary()
        return [server for server in self.servers if server is not primary]

    def failover(self) -> Server:
        """Kill the primary, wait until all sentinels agree on a new one, and return that."""
        old = self.primary()
        old.kill()
        self._wait(lambda: self._replaced(old), "a new primary")
        return self.primary()

    def heal(self) -> None:
        """Start what does not run, let it follow the primary, and wait until all is well."""
        for one in [*self.servers, *self.sentinels]:
            if not one.running:
                one.start()
        # Sentinels may still change their minds: whom to follow is asked with every look.
        self._wait(self._all_follow, "replicas of the primary that all sentinels name")
        self.wait_ok()

    def wait_ok(self, seconds: float = OK_SECONDS) -> None:
        """Wait until two replicas have caught up, and every sentinel knows all there are."""
        self._wait(self._ok, "all sentinels know two replicas and one another", seconds)

    # --- what is looked at

    def _on(self, port: int) -> Server:
        (found,) = (server for server in self.servers if server.port == port)
        return found

    def _replaced(self, old: Server) -> bool:
        ports = {sentinel.says()[0] for sentinel in self.sentinels if sentinel.running}
        if len(ports) != 1 or old.port in ports:
            return False
        return bool(self._on(ports.pop()).ask("ROLE")[0] == b"master")

    def _ok(self) -> bool:
        said = [sentinel.says() for sentinel in self.sentinels]
        (port,) = {port for port, _ in said} if len({port for port, _ in said}) == 1 else (0,)
        known = all(
            (fields["flags"], fields["num-slaves"], fields["num-other-sentinels"])
            == ("master", "2", str(SENTINELS - 1))
            for _, fields in said
        )
        return bool(port) and known and self._followed(self._on(port))

    def _follow(self, primary: Server) -> None:
        for server in self.servers:
            if server is not primary:
                server.ask("REPLICAOF", "127.0.0.1", primary.port)
        self._wait(lambda: self._followed(primary), "replicas that have caught up")

    def _all_follow(self) -> bool:
        ports = {sentinel.says()[0] for sentinel in self.sentinels}
        if len(ports) != 1:
            return False
        primary = self._on(ports.pop())
        if primary.ask("ROLE")[0] != b"master":
            return False
        for server in self.servers:
            role = server.ask("ROLE")
            if server is not primary and (role[0] == b"master" or role[2] != primary.port):
                server.ask("REPLICAOF", "127.0.0.1", primary.port)
        return self._followed(primary)

    def _followed(self, primary: Server) -> bool:
        others = [server for server in self.servers if server is not primary]
        links = [server.ask("ROLE") for server in others]
        return primary.ask("ROLE")[0] == b"master" and all(
            link[0] == b"slave" and link[2] == primary.port and link[3] == b"connected"
            for link in links
        )

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float = OK_SECONDS) -> None:
        end = time.monotonic() + seconds
        while not _holds(condition):
            if time.monotonic() > end:
                logs = "\n".join(one.log[-800:] for one in [*self.servers, *self.sentinels])
                raise ServerFailed(f"not within {seconds} s: {what}\n{logs}")
            time.sleep(LOOK * 5)


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except redis.RedisError:  # one that loads, or has just been killed
        return False


def _pairs(flat):
    if isinstance(flat, dict):  # the client knows the command
        return flat
    words = [word.decode() for word in flat]
    return dict(zip(words[::2], words[1::2], strict=True))
