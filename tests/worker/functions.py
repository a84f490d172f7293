"""Functions that child processes import."""

import os
import signal
import time
from typing import Any

from redflow.model.outcome import Branch, Fail, Retry


class Unfriendly(Exception):
    """Cannot be made again from what pickle keeps of it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Poisoned(Exception):
    """Breaks whoever unpickles it."""

    def __reduce__(self) -> Any:
        return (int, ("poison",))


def double(value: int) -> dict[str, int]:
    return {"double": value * 2, "pid": os.getpid()}


def choose(value: str) -> Branch:
    return Branch("left", {"chose": value})


def gives_up(value: Any) -> None:
    raise Fail("never again")


def asks_again(value: Any) -> None:
    raise Retry(after=0.25, message="later")


def unfriendly(value: Any) -> None:
    raise Unfriendly(7, "no pickle")


def poisoned(value: Any) -> None:
    raise Poisoned("poison")


def leaves(value: Any) -> None:
    raise SystemExit(3)


def dies(value: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def times_out(value: Any) -> None:
    raise TimeoutError("of its own")


def unstorable(value: Any) -> set[int]:
    return {1}


def hangs(path: str) -> None:
    """Tell who hangs, and never return."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    while True:
        time.sleep(60)


class Holder:
    """A class with functions that can and cannot be imported."""

    @staticmethod
    def static(value: int) -> int:
        return value + 1

    @classmethod
    def of_class(cls, value: int) -> int:
        return value + 2

    def of_object(self, value: int) -> int:
        return value + 3
