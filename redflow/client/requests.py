"""Executions to start, as users ask for them: checked and encoded before anything is sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from redflow.client.arguments import check_labels, check_limit_of_time, check_version, due_of
from redflow.crypto.values import Away, Field, Values
from redflow.defaults import EDGE_BUDGET
from redflow.errors import InvalidInput
from redflow.model import codec
from redflow.model.ids import (
    check_execution_id,
    check_workflow_id,
    id_from_key,
    new_execution_id,
    partition_of,
)
from redflow.model.plan import Plan
from redflow.store.executions import Start
from redflow.store.keys import Keys, PartitionKeys

OnConflict = Literal["error", "return"]
OnStarted = Callable[[str, int], None]

STARTS = 100
"""Executions started by one call of the script."""
START_BYTES = 1024 * 1024
"""Input of one call; a larger single input goes alone."""

_META_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Timing:
    """When an execution begins, "" for now, and the milliseconds it may take, 0 for no limit."""

    due: str = ""
    timeout: int = 0


NOW = Timing()


def timing_of(at: object, delay: object, timeout: object) -> Timing:
    """Check when an execution begins and how long it may take."""
    return Timing(due_of(at, delay), check_limit_of_time(timeout))


@dataclass(frozen=True, slots=True)
class Request:
    """One execution to start."""

    id: str
    input: bytes
    meta: bytes
    timing: Timing
    digests: list[str]
    """What identifies the input, under the newest key first; one where there are no keys."""
    headers: bytes = b""
    """What travels beside the input, as stored."""
    away: Away | None = None
    """A large input on its way to the payload store; `input` then stands for it."""

    @property
    def digest(self) -> str:
        """What identifies the input."""
        return self.digests[0]

    @property
    def older(self) -> Self | None:
        """The request as it would have been made with the key before, if there is one."""
        return replace(self, digests=self.digests[1:]) if len(self.digests) > 1 else None

    def start(self, version: int) -> Start:
        """Return the row of the script; a version of 0 means the latest."""
        return Start(
            self.id,
            1,
            1,
            self.input,
            self.digest,
            version,
            self.meta,
            self.headers,
            due=self.timing.due,
            timeout=self.timing.timeout,
        )


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for all executions of one call; a version of 0 means the latest."""

    workflow: str
    version: int
    on_conflict: OnConflict
    claim: int = 0
    """Of a webhook's delivery: milliseconds for which it is not taken twice."""


def options_of(workflow: object, version: object, on_conflict: object) -> Options:
    """Check what holds for all executions of one call."""
    name = check_workflow_id(workflow)
    number = 0 if version is None else check_version(version)
    if on_conflict in ("error", "return"):
        return Options(name, number, on_conflict)
    raise InvalidInput(
        f"on_conflict {on_conflict!r} is not 'error' or 'return'", field="on_conflict"
    )


def request_of(
    options: Options,
    values: Values,
    input: object,
    *,
    id: object,
    key: object,
    meta: bytes,
    timing: Timing = NOW,
) -> Request:
    """Check and encode one execution; without id and key it gets a new id."""
    if id is not None and key is not None:
        raise InvalidInput(
            "id and idempotency_key are both given",
            field="idempotency_key",
            hint="give one: the key stands for an id",
        )
    if id is not None:
        execution = check_execution_id(id, field="id")
    elif key is not None:
        execution = id_from_key(values.namespace, options.workflow, key)
    else:
        execution = new_execution_id()
    data = values.encode(input)
    packed, away = values.pack(data, execution, Field.INPUT)
    return Request(execution, packed, meta, timing, values.digests(data), away=away)


def requests_of(
    options: Options,
    values: Values,
    inputs: object,
    *,
    ids: object,
    meta: bytes,
    timing: Timing = NOW,
) -> list[Request]:
    """Check and encode many executions; errors name the one they mean by its place."""
    if isinstance(inputs, (str, bytes, Mapping)) or not isinstance(inputs, Iterable):
        raise InvalidInput(f"inputs is a {type(inputs).__name__}, not a list", field="inputs")
    given = list(inputs)
    made: list[Request] = []
    for place, (value, id) in enumerate(zip(given, _ids(ids, len(given)), strict=True)):
        try:
            made.append(
                request_of(options, values, value, id=id, key=None, meta=meta, timing=timing)
            )
        except InvalidInput as error:
            raise type(error)(
                f"inputs[{place}]: {error.args[0]}", field=error.field, hint=error.hint
            ) from error
    return made


def _ids(ids: object, count: int) -> list[object]:
    if ids is None:
        return [None] * count
    if not isinstance(ids, Sequence) or isinstance(ids, (str, bytes)):
        raise InvalidInput(f"ids is a {type(ids).__name__}, not a list", field="ids")
    if len(ids) != count:
        raise InvalidInput(f"there are {len(ids)} ids for {count} inputs", field="ids")
    places: dict[str, int] = {}
    for place, id in enumerate(ids):
        first = places.setdefault(check_execution_id(id, field=f"ids[{place}]"), place)
        if first != place:
            raise InvalidInput(f"ids[{place}] repeats ids[{first}]: {id!r}", field="ids")
    return list(ids)


def meta_of(labels: object, metadata: object) -> bytes:
    """Check and encode labels and metadata; b"" when there are none."""
    checked = check_labels(labels)
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidInput(f"metadata is a {type(metadata).__name__}, not a map", field="metadata")
    if not checked and not metadata:
        return b""
    try:
        return codec.encode([checked, dict(metadata or {})], limit=_META_BYTES)
    except InvalidInput as error:
        path = error.field.replace("$[1]", "metadata", 1)
        raise type(error)(
            str(error.args[0]).replace("$[1]", "metadata", 1),
            field=path if path != "$" else "metadata",
            hint=error.hint,
        ) from error


@dataclass(frozen=True, slots=True)
class Batch:
    """Executions of one partition to be started by one call."""

    partition: PartitionKeys
    plan: Plan
    requests: Sequence[Request]


def batches(keys: Keys, plan: Plan, requests: Sequence[Request]) -> list[Batch]:
    """Split requests by partition and so that a call starts at most STARTS and START_BYTES.

    A workflow with many roots gets fewer: what is over the edges of one call becomes orders, each
    of which takes a call of its own.
    """
    if len(requests) == 1:
        return [Batch(keys.partition_of(requests[0].id), plan, requests)]
    most = min(STARTS, max(1, EDGE_BUDGET // len(plan.roots)))
    by_partition: dict[int, list[Request]] = {}
    for request in requests:
        number = partition_of(request.id, keys.partitions)
        by_partition.setdefault(number, []).append(request)
    return [
        Batch(keys.partition(number), plan, part)
        for number, all_of_it in by_partition.items()
        for part in _parts(all_of_it, most)
    ]


def _parts(requests: Sequence[Request], most: int) -> Iterator[list[Request]]:
    part: list[Request] = []
    size = 0
    for request in requests:
        if part and (len(part) == most or size + len(request.input) > START_BYTES):
            yield part
            part, size = [], 0
        part.append(request)
        size += len(request.input)
    yield part
