"""Payload stores of tests: one in memory that refuses, hangs and loses as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from redflow.payloads.store import Kept, missing


def nobody_in_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 find a region and credentials, and look nowhere else for them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Memory:
    """Keeps payloads in memory; `refuse` is the number of puts it refuses, -1 all of them."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.at: dict[str, float] = {}
        self.refuse = 0
        self.unreadable = False
        self.puts = 0
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    def put(self, key: str, data: bytes) -> None:
        self.puts += 1
        self.entered.set()
        assert self.open.wait(10)
        if self.refuse:
            self.refuse -= 1
            raise ConnectionRefusedError("the store is away")
        self.data[key] = data
        self.at[key] = time.time()

    def get(self, key: str) -> bytes:
        if self.unreadable:
            raise ConnectionRefusedError("the store is away")
        if key not in self.data:
            raise missing(key, "memory")
        return self.data[key]

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.data.pop(key, None)

    def kept(self, namespace: str) -> Iterator[Kept]:
        for key in list(self.data):
            if key.startswith(f"{namespace}/"):
                yield Kept(key, self.at[key])

    def __repr__(self) -> str:
        return "Memory()"

    def age(self, seconds: float) -> None:
        """Make everything older."""
        self.at = {key: at - seconds for key, at in self.at.items()}

    def owners(self) -> list[str]:
        """The executions that have made what is kept."""
        return sorted(key.split("/")[1] for key in self.data)
