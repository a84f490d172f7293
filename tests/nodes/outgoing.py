"""Runs nodes that send requests against a stub of egress, which keeps them and answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redflow.egress.message import Credential, EgressReply, EgressRequest
from redflow.nodes.context import Context, StepInfo
from redflow.nodes.registry import Registry
from redflow.nodes.services import Services
from redflow.secrets import Secrets, SecretValue

JSON = (("content-type", "application/json"),)


@dataclass
class StubEgress:
    """Answers the replies one by one, the last one again and again; an error is raised."""

    replies: list[EgressReply | Exception]
    requests: list[EgressRequest] = field(default_factory=list)

    async def send(self, request: EgressRequest) -> EgressReply:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


class Kept:
    """A provider of secrets for a test; all may go to the same hosts."""

    def __init__(self, values: Mapping[str, str], *hosts: str) -> None:
        self._values = values
        self._hosts = hosts or ("example.com",)

    def get(self, namespace: str, name: str) -> SecretValue | None:
        value = self._values.get(name)
        return None if value is None else SecretValue(value, self._hosts, name)


def reply(
    status: int = 200, value: Any = None, *, body: bytes | None = None, **headers: str
) -> EgressReply:
    """A reply with a JSON value, or with bytes and what headers say of them."""
    own = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    if body is None:
        return EgressReply(status, JSON + own, json.dumps(value).encode(), "https://example.com/")
    return EgressReply(status, own, body, "https://example.com/")


class Sender:
    """One node type with its services; what was sent is in `requests`."""

    def __init__(
        self,
        node_type: str,
        *replies: EgressReply | Exception,
        egress: Any = None,
        apprise: bool = False,
        timeout: float | None = None,
        provider: Any = None,
        **secrets: str,
    ) -> None:
        self._type = node_type
        self._timeout = timeout
        self.egress = egress or StubEgress(list(replies) or [reply()])
        self._services = Services(self.egress, Secrets([provider or Kept(secrets)]), apprise)
        self.context: Context | None = None

    async def run(self, value: Any = None, /, **config: Any) -> Any:
        """What a node with a config answers to an input."""
        info = StepInfo(
            "ns", "w", 1, "n", "worker", self._timeout, services=self._services, config=config
        )
        self.context = Context(info, "e1", 1, "1-0", value)
        registry = Registry()
        return await registry.types[self._type].runner(config, registry).call(self.context)

    @property
    def sent(self) -> EgressRequest:
        """The one request that was sent."""
        (request,) = self.egress.requests
        return request

    def credential(self, name: str) -> Credential:
        """One of its headers, which holds a secret."""
        (found,) = (one for header, one in self.sent.headers if header.lower() == name)
        assert isinstance(found, Credential)
        return found

    def masked(self, value: Any) -> Any:
        """A value without what the attempt resolved."""
        assert self.context is not None
        assert self.context.mask is not None
        return self.context.mask.mask(value)

    @property
    def headers(self) -> dict[str, str]:
        """Its headers, credentials as they go out, by names in lower case."""
        return {
            name.lower(): one.value if isinstance(one, Credential) else one
            for name, one in self.sent.headers
        }
