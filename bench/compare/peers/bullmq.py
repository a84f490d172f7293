"""BullMQ, on Node: bullmq.js does what the agent does for peers in Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from bench.compare.peers.base import ASYNC_MODES, Kind


class Bullmq(Kind):
    """One worker in one process of Node."""

    name = "bullmq"
    setting = "Node, 64 concurrent; chains and fans are flows (children first, no head)"
    packages = ("bullmq@6.7.0", "ioredis@5.11.1")
    installer = "npm"
    modes = ASYNC_MODES
    drain = 40_000
    lacks: ClassVar[Mapping[str, str]] = {
        "diamond": "flows are trees: a step has one successor",
        "fan1000": "flows are trees: a fan has no head",
    }

    @classmethod
    def command(cls, home: Path | None, python: str) -> list[str]:
        return ["node", str(Path(__file__).with_suffix(".js")), str(home)]


PEER = Bullmq
