"""Runs an audit of a store's partition, as any driver would: each question, each answer."""

from typing import Any

import redis

from redflow.errors import StoreError
from redflow.store.auditor import INDEXES, Auditor
from redflow.store.questions import Questions, next_of
from redflow.store.report import Report
from tests.store.arrange import QUEUES
from tests.store.support import Store


def audit(store: Store, *, repair: bool = False, queues: Any = QUEUES) -> Report:
    """Walk through everything."""
    auditor = Auditor(store.space, store.partition, queues, repair=repair)
    answer(store, auditor.walk(INDEXES))
    return auditor.report


def mend(store: Store) -> Report:
    """Walk and repair, then once more for tokens that were missing, as after a lease."""
    auditor = Auditor(store.space, store.partition, QUEUES, repair=True)
    answer(store, auditor.walk(INDEXES))
    answer(store, auditor.mend_lost(sorted(auditor.report.lost)))
    return auditor.report


def answer(store: Store, questions: Questions) -> int:
    """Answer questions until there are none; a refusal is thrown in."""
    calls = 0
    answers: list[Any] | None = None
    error: StoreError | None = None
    while (asked := next_of(questions, answers, error)) is not None:
        calls += 1
        answers = error = None
        try:
            answers = [store.run(op) for op in asked.ops]
        except redis.exceptions.ResponseError as refused:
            error = StoreError(str(refused))
    return calls
