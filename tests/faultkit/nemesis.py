"""What goes wrong in a run: faults of workers, server and network, one after the other."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random

import redis

from tests.faultkit.history import Cause, History
from tests.faultkit.pods import Pods
from tests.faultkit.proxy import Proxy
from tests.faultkit.servers import Server

NEVER = 2**63
MENU = (
    "kill", "stop", "nap", "term", "restart", "pause", "flush", "client_kill", "cut", "cut_replies",
    "hole", "delay",
)  # fmt: skip


class Nemesis:
    """Does what its methods say; all that was begun is over after `heal`."""

    def __init__(
        self, rng: Random, pods: Pods, server: Server, proxy: Proxy, history: History
    ) -> None:
        self._rng = rng
        self._pods = pods
        self._server = server
        self._proxy = proxy
        self._history = history
        self._frozen: dict[int, asyncio.Task[None]] = {}
        self._ended: list[int] = []
        self.lease = history.lease

    async def rage(self, menu: Sequence[str], acts: int, pause: float) -> None:
        """Do so many acts of a menu, with random pauses up to some seconds."""
        for at in range(acts):
            await asyncio.sleep(self._rng.uniform(0.1, 1.0) * pause)
            what = menu[at] if at < len(menu) else self._rng.choice(menu)
            with suppress(redis.RedisError):
                await getattr(self, what)()

    async def heal(self) -> None:
        """End everything that goes on, and check that those asked to stop did, well."""
        await asyncio.gather(*self._frozen.values())
        self._proxy.spare()
        self._proxy.delay(0)
        for pid in self._ended:
            code = await asyncio.to_thread(self._pods.wait, pid, 20.0)
            assert code == 0, f"worker {pid} was asked to stop, exit code {code}\n{self._pods.log}"

    # --- workers

    async def kill(self) -> None:
        """End a worker without warning, and start one in its place."""
        pid = self._any_pod()
        self._note("kill", pid, NEVER)
        self._pods.kill(pid)
        self._pods.start()

    async def stop(self) -> None:
        """Freeze a worker for longer than a lease; the next act does not wait for its end."""
        await self._freeze(self.lease * self._rng.uniform(1.5, 2.0))

    async def nap(self) -> None:
        """Freeze a worker for a little longer than a lease."""
        await self._freeze(self.lease * self._rng.uniform(1.2, 1.3))

    async def term(self) -> None:
        """Replace a worker, the new one first."""
        pid = self._any_pod()
        self._pods.start()
        self._note("term", pid, NEVER)
        self._pods.term(pid)
        self._ended.append(pid)

    async def _freeze(self, seconds: float) -> None:
        """Freeze one, but never the last that moves."""
        while len(self._moving()) < 2:
            await asyncio.sleep(0.05)
        pid = self._any_pod()
        self._note("stop", pid, time.time_ns() + int(seconds * 1e9))
        self._pods.stop(pid)
        self._frozen[pid] = asyncio.create_task(self._thaw(pid, seconds))

    async def _thaw(self, pid: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._pods.cont(pid)
        del self._frozen[pid]

    def _any_pod(self) -> int:
        return self._rng.choice(self._moving())

    def _moving(self) -> list[int]:
        return [pid for pid in self._pods.pids if pid not in self._frozen]

    # --- the server

    async def restart(self) -> None:
        """Kill the server and start it with its data."""
        self._note("restart", 0, 0)
        self._server.kill()
        await asyncio.sleep(self._rng.uniform(0.0, 2.0) * self.lease)
        await asyncio.to_thread(self._server.start)

    async def pause(self) -> None:
        """Let the server answer nothing for longer than a lease."""
        self._note("pause", 0, 0)
        self._server.pause()
        await asyncio.sleep(self._rng.uniform(1.2, 2.0) * self.lease)
        self._server.resume()

    async def flush(self) -> None:
        """Make the server forget its scripts."""
        self._note("flush", 0, 0)
        self._server.ask("SCRIPT", "FLUSH")

    async def client_kill(self) -> None:
        """Have the server end all connections."""
        self._note("client_kill", 0, 0)
        self._server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    # --- the network

    async def cut(self) -> None:
        """Reset all connections."""
        self._note("cut", 0, 0)
        self._proxy.cut()

    async def cut_replies(self) -> None:
        """Lose a few replies to scripts and group reads, of calls that were done."""
        self._note("cut_replies", 0, 0)
        words = (b"EVALSHA", b"XREADGROUP")
        self._proxy.cut_reply(lambda request: any(x in request for x in words), times=6)

    async def hole(self) -> None:
        """Pass nothing on for a while."""
        self._note("hole", 0, 0)
        self._proxy.black_hole(True)
        await asyncio.sleep(self._rng.uniform(0.3, 1.5) * self.lease)
        self._proxy.black_hole(False)

    async def delay(self) -> None:
        """Let everything take longer for a while."""
        self._note("delay", 0, 0)
        self._proxy.delay(self._rng.uniform(0.02, 0.1))
        await asyncio.sleep(0.5)
        self._proxy.delay(0)

    def _note(self, what: str, pid: int, until: int) -> None:
        now = time.time_ns()
        self._history.causes.append(Cause(what, pid, now, until or now))
