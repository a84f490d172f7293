"""What node types that speak to the outside need: guarded egress and named secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redflow.egress import Egress
    from redflow.secrets import Secrets

APPRISE_VARIABLE = "REDFLOW_APPRISE"
"""The environment variable that allows a worker's `notify` nodes to send by Apprise."""


@dataclass(frozen=True, slots=True)
class Services:
    """Lent by the worker to every step; `apprise` allows what opens sockets of its own."""

    egress: Egress
    secrets: Secrets
    apprise: bool = False
