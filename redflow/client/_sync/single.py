"""Starting executions one at a time. Written by hand: threads share no calls."""

from redflow.client._sync.starting import Starter
from redflow.client.requests import Options, Request


class Single:
    """Sends each request in a call of its own."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter

    def start(self, options: Options, request: Request) -> None:
        """Start one execution; raises Conflict and what `Starter.start` raises."""
        for conflict in self._starter.start(options, [request]):
            raise conflict
