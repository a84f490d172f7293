# GENERATED from redflow/driver/cluster/node/_async.py by tests/tools/unasync.py: change that file.
"""Asks one node of a cluster: for its slots, for the map, and for slots it is about to own."""

from typing import Any

from redis.exceptions import RedisError

from redflow.driver.cluster.question import Question
from redflow.driver.failures import code_of, translate
from redflow.driver.links import Connection
from redflow.driver.packing import pack
from redflow.driver.single._sync import ANSWER_SECONDS, Single, ask_alone
from redflow.store.script import Script

MAP_SECONDS = 1.0  # for the map: another node tells it as well
ASKING = pack("ASKING")
ELSEWHERE = {"ASK", "MOVED", "TRYAGAIN"}


class Node(Single):
    """A node of a cluster; its fence is asked for the partitions that it owns."""

    def answer(self, question: Question, *, asking: bool) -> Any:
        """Ask once; `asking` when another node has sent us here for this one question."""
        packed = ASKING + question.packed if asking else question.packed
        pool, seconds = self._pool, ANSWER_SECONDS
        if question.block_ms is not None:
            seconds += question.block_ms / 1000
            pool = self._reading_pool(seconds)
        return self._ask(pool, question.name, packed, question.script, seconds)

    def slots(self) -> Any:
        """Ask for the map, on a connection of its own that asks nothing else."""
        try:
            return ask_alone(self._make_pool, pack("CLUSTER", "SLOTS"), MAP_SECONDS)
        except RedisError as error:
            raise translate(error, name="CLUSTER SLOTS", where=self._where, sent=False) from error

    def _lies_elsewhere(self, error: RedisError) -> bool:
        return code_of(error) in ELSEWHERE

    def _converse(self, connection: Connection, packed: bytes, script: Script | None) -> Any:
        if not packed.startswith(ASKING):
            return super()._converse(connection, packed, script)
        # ASKING counts for the next command alone, so the script is loaded before it is missed.
        load = pack("SCRIPT", "LOAD", script.text) if script is not None else b""
        wait = self._wait if script is not None and script.writes else b""
        connection.send_packed_command([load + packed + wait], check_health=False)
        before = [self._reply_or_error(connection) for _ in range(2 if load else 1)]
        reply = self._reply_or_error(connection)
        acknowledged = self._reply_or_error(connection) if wait else None
        for one in before:
            self._checked(one, None, None)
        return self._checked(reply, acknowledged, script)
