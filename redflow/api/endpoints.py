"""The table of routes: what each takes, answers and needs; the app and its description share it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from redflow.errors import InvalidInput

if TYPE_CHECKING:
    from redflow.api.call import Call

Handler = Callable[["Call"], Awaitable[Any]]
Kind = Literal["json", "text", "events", "delivery"]
Decorator = Callable[[Handler], Handler]

IDS = {
    "namespace": r"[a-z0-9-]{1,63}",
    "id": r"[A-Za-z0-9_-][A-Za-z0-9_.~-]{0,199}",
    "nodeID": r"[A-Za-z_][A-Za-z0-9_-]{0,63}",
    "workflow": r"[A-Za-z0-9_.~-]{1,200}",
    "name": r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}",
    "version": r"[1-9][0-9]{0,9}",
}
"""The forms of what stands in a path; anything else is refused before anyone is asked."""


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A route without parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route: `check` is the resource and action of what no method of a client asks for.

    `body` is a struct, `Any` for any JSON value, or None for none; `optional` bodies may be empty.
    `founds` routes may be the first to name a namespace. `also` are statuses of its own, with
    `alternative` it may answer 200 and that, with `unready` 503 and that. `missing` says what it is
    that a 404 has not found. An `open` route takes no credentials; a `probe` answers while Redis is
    gone as well.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any = None
    status: int = 200
    body: Any = None
    optional: bool = False
    raw: bool = False
    query: type[msgspec.Struct] = NoQuery
    headers: tuple[str, ...] = ()
    kind: Kind = "json"
    check: tuple[str, str] | None = None
    open: bool = False
    founds: bool = False
    also: tuple[int, ...] = ()
    alternative: Any = None
    unready: Any = None
    probe: bool = False
    missing: str = ""

    @property
    def name(self) -> str:
        """What the operation is called."""
        return self.handler.__name__

    @property
    def tag(self) -> str:
        """The resource it belongs to: its module."""
        return self.handler.__module__.rpartition(".")[2]

    @property
    def sought(self) -> str:
        """What its 404 says, whatever it was: who may not see a thing learns no more than that."""
        if self.missing:
            return self.missing
        return f"{self.tag.removesuffix('s')} or namespace" if "{id}" in self.path else "namespace"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in its path, in order."""
        parts = self.path.split("/")
        return tuple(part[1:-1] for part in parts if part.startswith("{"))


@dataclass(slots=True)
class Table:
    """The routes of one file, in the order they are tried."""

    endpoints: list[Endpoint] = field(default_factory=list)

    def get(self, path: str, summary: str, answer: Any = None, **more: Any) -> Decorator:
        """Decorate what answers a GET."""
        return self._route("GET", path, summary, answer, more)

    def post(self, path: str, summary: str, answer: Any = None, **more: Any) -> Decorator:
        """Decorate what answers a POST."""
        return self._route("POST", path, summary, answer, more)

    def put(self, path: str, summary: str, answer: Any = None, **more: Any) -> Decorator:
        """Decorate what answers a PUT."""
        return self._route("PUT", path, summary, answer, more)

    def delete(self, path: str, summary: str, answer: Any = None, **more: Any) -> Decorator:
        """Decorate what answers a DELETE."""
        return self._route("DELETE", path, summary, answer, more)

    def _route(
        self, method: str, path: str, summary: str, answer: Any, more: dict[str, Any]
    ) -> Decorator:
        def add(handler: Handler) -> Handler:
            self.endpoints.append(
                Endpoint(
                    method=method,
                    path=path,
                    handler=handler,
                    summary=summary,
                    answer=answer,
                    **more,
                )
            )
            return handler

        return add


def bad_id(name: str) -> InvalidInput:
    """Return the error of a part of a path that is not what its name promises."""
    return InvalidInput(
        f"{name} in the path does not match {IDS[name]}",
        field=name,
        hint="percent-encode nothing: ids need no escaping",
    )
