# GENERATED from redflow/driver/sentinel/_async.py by tests/tools/unasync.py: change that file.
"""Finds the primary that sentinels name, and makes connections that lead nowhere else."""

from collections.abc import Callable, Mapping
from typing import Any

from redis.exceptions import ConnectionError, ReadOnlyError, RedisError

from redflow.driver.links import Pool
from redflow.driver.packing import pack
from redflow.driver.single._sync import ask_alone
from redflow.driver.urls import Place, shown

SENTINEL_SECONDS = 1.0  # another one tells it as well
PRIMARY = b"master"


class Primary:
    """Asks sentinels for the primary of a service; the one that answered last is asked first."""

    def __init__(self, sentinels: Mapping[Place, Callable[[float], Pool]], service: str) -> None:
        self._sentinels = dict(sentinels)
        self._order = list(sentinels)
        self._service = service
        self._question = pack("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)

    def find(self) -> Place:
        """Return where the primary is, as the first sentinel that knows it says.

        Raises redis-py's ConnectionError when none does: this is part of connecting.
        """
        said = []
        for place in list(self._order):
            try:
                reply = ask_alone(self._sentinels[place], self._question, SENTINEL_SECONDS)
            except RedisError as error:
                said.append(f"{shown(place)}: {error}")
                continue
            if reply is not None:
                self._order.sort(key=lambda other: other != place)
                return reply[0].decode(), int(reply[1])
            said.append(f"{shown(place)} knows no service {self._service!r}")
        raise ConnectionError(f"no sentinel names the primary: {'; '.join(said)}")


def following(kind: Any, find: Any) -> Any:
    """Return connections of a kind that ask where the primary is each time they connect."""

    class Following(kind):  # type: ignore[misc]  # redis-py has no types here
        def _connect(self) -> Any:
            self.host, self.port = find()
            return super()._connect()

    return Following


def met_primary(connection: Any) -> None:
    """Log in, and refuse a server that is no primary: a sentinel may be the last to know."""
    connection.greeted = None
    connection.on_connect()
    connection.send_packed_command([pack("ROLE")], check_health=False)
    role = (connection.read_response())[0]
    if role != PRIMARY:
        place = shown((connection.host, connection.port))
        raise ReadOnlyError(f"the sentinels name {place}, whose role is {role.decode()}")
