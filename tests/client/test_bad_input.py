"""Every door refuses what breaks a rule with a typed error that names it, and asks nothing."""

import inspect
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.client import AsyncClient, AsyncHandle, Client, Handle
from redflow.client._async.queues import AsyncQueues
from redflow.client._async.workers import AsyncWorkers
from redflow.client._async.workflows import AsyncWorkflows
from redflow.client._sync.queues import Queues
from redflow.client._sync.workers import Workers
from redflow.client._sync.workflows import Workflows
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.driver import MemoryConnector
from redflow.errors import InvalidInput, Misconfigured, NotFound, PayloadTooLarge
from redflow.model.codec import decode, encode
from tests.client.kit import chain, nowhere

NAMES: list[Any] = [
    "", " ", "a b", "x" * 201, "{a}", "a}", "a:b", "a\0", "a\n", "..", "a/b", "%00", "\u202ea",
    "😀", "e\u0301", "é", "a.b", "a~1", None, b"order", 7, True, 1.5, [], {}, object(), "\ud800",
]  # fmt: skip
MADE = ("a.b", "a~1")
"""Ids of this form are redflow's own: they can be asked about, and not be given."""
UNENCODABLE: list[Any] = [
    float("nan"), float("inf"), 2**64, {1}, {1: 2}, {"a": object()}, "\ud800", lambda: 1,
    {"deep": [1, {"x": (float("-inf"),)}]},
]  # fmt: skip
CRYPTO = Crypto([Key.new("k1")])
NUMBERS: list[Any] = [0, -1, 10**9, 2**70, True, 1.0, float("nan"), "5", b"5", [], {}]


def door(namespace: str = "ns") -> AsyncClient:
    return AsyncClient(nowhere(), namespace=namespace)


def itself(depth: int = 0) -> list[Any]:
    value: list[Any] = []
    value.append(value)
    for _ in range(depth):
        value = [value]
    return value


async def refused(call: Awaitable[Any], field: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        await call
    assert field in caught.value.field
    assert len(str(caught.value)) < 700
    return caught.value


@pytest.mark.parametrize("name", NAMES)
async def test_names(name: Any):
    client = door()
    await refused(client.execute(name), "workflow")
    await refused(client.execute_many(name, [1]), "workflow")
    await refused(client.get_workflow(name), "workflow")
    if name is not None:
        await refused(client.execute("w", id=name), "id")
        await refused(client.execute_many("w", [1], ids=[name]), "id")
        await refused(client.list_executions(name), "workflow")
    if name not in MADE:
        await refused(client.get_execution(name), "id")
        await refused(client.get_execution_steps(name), "id")
        with pytest.raises(InvalidInput, match="id"):
            client.handle(name)
        for act in acts_on(client, name):
            await refused(act, "id")
    if name is not None:
        await refused(client.explain("e", name), "node")
        await refused(client.rerun_execution("e", name), "from_node")
    await refused(client.signal_execution("e", name), "node")
    await refused(client.skip_step("e", name), "node")
    await refused(client.workflows.get(name), "id")
    await refused(client.workflows.activate(name, 1), "id")
    for call in (client.workflows.deactivate, client.workflows.reactivate):
        await refused(call(name), "id")
    for call in (client.workflows.pause, client.workflows.resume):
        await refused(call(name), "id")
    for switch in (client.queues.pause, client.queues.resume):
        await refused(switch(name), "name")
    with pytest.raises(InvalidInput, match="namespace"):
        AsyncClient(nowhere(), namespace=name)


def acts_on(client: AsyncClient, id: Any) -> list[Awaitable[Any]]:
    return [
        client.cancel_execution(id), client.fail_execution(id, "x"), client.pause_execution(id),
        client.resume_execution(id), client.signal_execution(id, "n"), client.skip_step(id, "n"),
        client.rerun_execution(id), client.plan_rerun(id), client.explain(id),
    ]  # fmt: skip


TEXTS: list[Any] = [None, 7, b"x", [], {}, object(), "\ud800", "x" * 4097, "é" * 2049]


@pytest.mark.parametrize("text", TEXTS)
async def test_reasons_and_messages(text: Any):
    client = door()
    await refused(client.cancel_execution("e", text), "reason")
    await refused(client.fail_execution("e", text), "message")
    await refused(client.pause_execution("e", text), "reason")
    await refused(client.workflows.pause("w", text), "reason")
    await refused(client.pause_namespace(text), "reason")
    await refused(client.workers.drain(text), "id")


@pytest.mark.parametrize("id", ["", "x" * 256, "\ud800", b"i", 7, True, [], 1.5])
async def test_signal_ids(id: Any):
    await refused(door().signal_execution("e", "n", signal_id=id), "signal_id")


@pytest.mark.parametrize("label", ["", "a b", "success", "x" * 64, 7, b"x", True, [], "\ud800"])
async def test_branches_of_a_skip(label: Any):
    await refused(door().skip_step("e", "n", label=label), "label")


@pytest.mark.parametrize("name", ["Shop", "v1", "api", "health", "metrics", "webhooks", "ui"])
def test_namespaces_that_are_reserved_or_in_capitals(name: str):
    for kind in (AsyncClient, Client):
        with pytest.raises(InvalidInput, match="namespace"):
            kind(nowhere(), namespace=name)


@pytest.mark.parametrize("prefix", ["{", "a}", " ", "é", "x" * 33, "a\n", None, b"rf:", 7])
def test_prefixes(prefix: Any):
    with pytest.raises(InvalidInput, match="prefix"):
        AsyncClient(nowhere(), prefix=prefix)


@pytest.mark.parametrize("server", [None, 7, b"redis://x", [], "", "http://x", "redis://", "x"])
def test_servers(server: Any):
    with pytest.raises(Misconfigured, match=r"redis://"):
        AsyncClient(server)


@pytest.mark.parametrize("key", ["", "x" * 256, "é" * 128, "\ud800", b"k", 7, True, [], 1.5])
async def test_idempotency_keys(key: Any):
    await refused(door().execute("w", idempotency_key=key), "idempotency_key")


async def test_a_key_beside_an_id():
    error = await refused(door().execute("w", id="a", idempotency_key="b"), "idempotency_key")
    assert "give one" in str(error)


@pytest.mark.parametrize("value", UNENCODABLE)
async def test_values(value: Any):
    client = door()
    await refused(client.execute("w", value), "$")
    await refused(client.execute("w", metadata={"k": value}), "metadata.k")
    await refused(client.execute_many("w", [1, value]), "$")
    await refused(client.skip_step("e", "n", value), "$")
    await refused(client.rerun_execution("e", input=value), "$")


async def test_values_that_never_end():
    for depth in (0, 50):
        await refused(door().execute("w", itself(depth)), "$")
        await refused(door().execute("w", metadata={"k": itself(depth)}), "metadata")


async def test_inputs_over_the_limit():
    with pytest.raises(PayloadTooLarge, match="1,048,576"):
        await door().execute("w", "x" * (1024 * 1024))
    with pytest.raises(PayloadTooLarge, match="16,384"):
        await door().execute("w", metadata={"k": "x" * 16_384})


@pytest.mark.parametrize("metadata", [7, "x", [("a", 1)], {1: 2}, {None: 1}, {"\ud800": 1}])
async def test_metadata(metadata: Any):
    await refused(door().execute("w", metadata=metadata), "metadata")


@pytest.mark.parametrize(
    "labels",
    [
        7, "x", ["a"], {1: "a"}, {"a": 1}, {"a": None}, {None: "a"}, {"a": b"x"}, {b"a": "x"},
        {"a": "x" * 256}, {"x" * 256: "a"}, {"a": "é" * 128}, {"a": "\ud800"}, {"\ud800": "a"},
        {f"k{n}": "v" for n in range(65)},
    ],
)  # fmt: skip
async def test_labels(labels: Any):
    await refused(door().execute("w", labels=labels), "labels")
    await refused(door().execute_many("w", [], labels=labels), "labels")
    await refused(door().list_executions(labels=labels), "labels")


@pytest.mark.parametrize("number", NUMBERS)
async def test_versions_and_limits(number: Any):
    client = door()
    if number != 10**9:
        await refused(client.execute("w", version=number), "version")
        await refused(client.execute_many("w", [], version=number), "version")
        await refused(client.get_workflow("w", number), "version")
    await refused(client.list_executions(limit=number), "limit")


@pytest.mark.parametrize("mode", ["ignore", "", None, 1, True, ["error"], {"error"}])
async def test_what_to_do_on_conflict(mode: Any):
    await refused(door().execute("w", on_conflict=mode), "on_conflict")


@pytest.mark.parametrize("status", ["running", "", "DONE", 1, True, b"RUNNING", [], {}, object()])
async def test_statuses(status: Any):
    error = await refused(door().list_executions(status=status), "status")
    assert "RUNNING" in str(error)


@pytest.mark.parametrize("since", [0, 1.5, "2026-01-01", datetime(2026, 1, 1), [], True])
async def test_times(since: Any):
    await refused(door().list_executions(since=since), "since")


@pytest.mark.parametrize("cursor", ["", "x", "é", b"", 7, [], "A" * 5000])
async def test_cursors(cursor: Any):
    await refused(door().list_executions(cursor=cursor), "cursor")


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.dates()
    | st.decimals()
    | st.just(object())
    | st.just({1, 2}),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)
CALLS: list[Callable[[Client, Any], Any]] = [
    lambda client, value: client.execute(value),
    lambda client, value: client.execute("w", value),
    lambda client, value: client.execute("w", id=value),
    lambda client, value: client.execute("w", idempotency_key=value),
    lambda client, value: client.execute("w", version=value),
    lambda client, value: client.execute("w", labels=value),
    lambda client, value: client.execute("w", metadata=value),
    lambda client, value: client.execute("w", on_conflict=value),
    lambda client, value: client.execute_many("w", value),
    lambda client, value: client.execute_many("w", [1], ids=value),
    lambda client, value: client.register_workflow(value),
    lambda client, value: client.get_workflow(value),
    lambda client, value: client.get_workflow("w", value),
    lambda client, value: client.get_plan(value),
    lambda client, value: client.get_execution(value),
    lambda client, value: client.get_execution_steps(value),
    lambda client, value: client.handle(value).result(0),
    lambda client, value: client.handle("e").result(value),
    lambda client, value: client.list_executions(value),
    lambda client, value: client.list_executions(status=value),
    lambda client, value: client.list_executions(labels=value),
    lambda client, value: client.list_executions(since=value),
    lambda client, value: client.list_executions(cursor=value),
    lambda client, value: client.list_executions(limit=value),
    lambda client, value: client.execute("w", at=value),
    lambda client, value: client.execute("w", delay=value),
    lambda client, value: client.execute("w", timeout=value),
    lambda client, value: client.execute_many("w", [1], delay=value),
    lambda client, value: client.cancel_execution(value),
    lambda client, value: client.cancel_execution("e", value),
    lambda client, value: client.fail_execution(value, "x"),
    lambda client, value: client.fail_execution("e", value),
    lambda client, value: client.signal_execution(value, "n"),
    lambda client, value: client.signal_execution("e", value),
    lambda client, value: client.signal_execution("e", "n", value),
    lambda client, value: client.signal_execution("e", "n", signal_id=value),
    lambda client, value: client.pause_execution(value),
    lambda client, value: client.pause_execution("e", value),
    lambda client, value: client.resume_execution(value),
    lambda client, value: client.skip_step(value, "n"),
    lambda client, value: client.skip_step("e", value),
    lambda client, value: client.skip_step("e", "n", value),
    lambda client, value: client.skip_step("e", "n", label=value),
    lambda client, value: client.rerun_execution(value),
    lambda client, value: client.rerun_execution("e", value),
    lambda client, value: client.rerun_execution("e", input=value),
    lambda client, value: client.rerun_execution("e", version=value),
    lambda client, value: client.rerun_execution("e", compensation=value),
    lambda client, value: client.plan_rerun(value),
    lambda client, value: client.purge(value),
    lambda client, value: client.purge(status=value),
    lambda client, value: client.explain(value),
    lambda client, value: client.explain("e", value),
    lambda client, value: client.pause_namespace(value),
    lambda client, value: client.workflows.get(value),
    lambda client, value: client.workflows.activate(value, 1),
    lambda client, value: client.workflows.activate("w", value),
    lambda client, value: client.workflows.deactivate(value),
    lambda client, value: client.workflows.reactivate(value),
    lambda client, value: client.workflows.pause(value),
    lambda client, value: client.workflows.pause("w", value),
    lambda client, value: client.workflows.resume(value),
    lambda client, value: client.queues.pause(value),
    lambda client, value: client.queues.pause("q", value),
    lambda client, value: client.queues.resume(value),
    lambda client, value: client.workers.drain(value),
    lambda client, value: client.webhooks.get(value),
    lambda client, value: client.webhooks.delete(value),
    lambda client, value: client.webhooks.rotate(value),
    lambda client, value: client.webhooks.rotate("h", value),
    lambda client, value: client.webhooks.put(value, workflow="w", secret="s"),
    lambda client, value: client.webhooks.put("h", workflow=value, secret="s"),
    lambda client, value: client.webhooks.put("h", workflow="w", secret=value),
    lambda client, value: client.webhooks.put("h", workflow="w", secret="s", scheme=value),
    lambda client, value: client.webhooks.put("h", workflow="w", secret="s", path=value),
    lambda client, value: client.webhooks.put("h", workflow="w", secret="s", rate=value),
    lambda client, value: client.webhooks.put("h", workflow="w", secret="s", headers=value),
    lambda client, value: client.webhooks.put(
        "h", workflow="w", secret="s", scheme="hmac", options=value
    ),
    lambda client, value: client.put_secret(value, "x"),
    lambda client, value: client.put_secret("s", value),
    lambda client, value: client.put_secret("s", "x", value),
    lambda client, value: client.delete_secret(value),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
@given(value=anything)
def test_no_value_breaks_a_door(number: int, value: Any):
    """Without a namespace nothing can be written; what is not refused finds nothing."""
    with Client(memory(), namespace="doors", crypto=CRYPTO) as client:
        error = error_of(CALLS[number], client, value)
        assert error is None or str(error)
        assert client._namespace.driver.raw("DBSIZE") == 0


def error_of(call: Callable[[Client, Any], Any], client: Client, value: Any) -> Exception | None:
    try:
        call(client, value)
    except (InvalidInput, NotFound) as error:
        return error
    return None


def memory(known: list[MemoryConnector] = []) -> MemoryConnector:  # noqa: B006 - made once
    if not known:
        known.append(MemoryConnector())
    return known[0]


@given(
    value=anything,
    labels=st.dictionaries(st.text(max_size=60), st.text(max_size=60), max_size=4),
    id=st.text(max_size=30) | st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True),
)
def test_what_is_accepted_comes_back(value: Any, labels: dict[str, str], id: str):
    with Client(MemoryConnector(), namespace="doors") as client:
        client.register_workflow(chain(), partitions=1)
        before = client._namespace.driver.raw("DBSIZE")
        try:
            handle = client.execute("order", value, id=id, labels=labels)
        except InvalidInput:
            assert client._namespace.driver.raw("DBSIZE") == before
            return
        found = client.get_execution(handle.id)
        assert (found.id, found.labels) == (id, labels)
        assert repr(found.input) == repr(plain(value))


def plain(value: Any) -> Any:
    """What the codec makes of a value that it takes."""
    return decode(encode(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (AsyncClient, Client),
        (AsyncHandle, Handle),
        (AsyncWorkflows, Workflows),
        (AsyncQueues, Queues),
        (AsyncWorkers, Workers),
    ],
)
def test_both_colours_have_the_same_doors(one: type, other: type):
    names = {name for name in vars(one) if not name.startswith("_")} | {"__init__"}
    assert names == {name for name in vars(other) if not name.startswith("_")} | {"__init__"}
    for name in names - {"namespace"}:
        asynchronous = inspect.signature(getattr(one, name)).parameters
        assert list(asynchronous) == list(inspect.signature(getattr(other, name)).parameters)
