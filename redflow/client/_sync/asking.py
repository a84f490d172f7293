# GENERATED from redflow/client/_async/asking.py by tests/tools/unasync.py: change that file.
"""Asks what a generator asks: the walks of checks and of keys."""

from typing import Any

from redflow.driver import Driver
from redflow.errors import StoreError
from redflow.store.questions import Questions, next_of


def ask_all(driver: Driver, questions: Questions) -> None:
    """Ask until there are no more questions; what the generator does not catch is raised."""
    answers: list[Any] | None = None
    error: StoreError | None = None
    while (asked := next_of(questions, answers, error)) is not None:
        answers = error = None
        try:
            answers = driver.run_many(asked.ops)
        except StoreError as refused:
            error = refused
