"""On whose behalf: it travels with executions, children, schedules; rights are those of now."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from redflow import Engine, ExecutionFailed, Workflow, identity
from redflow.auth import Principal, RoleProvider, current
from redflow.errors import AccessDenied
from redflow.model.headers import PRINCIPAL, decode_headers
from redflow.store.steps import read_fields
from tests.worker.kit import until

ALICE = Principal("alice", namespaces=("default",), roles=("operator",), method="jwt")


class Revocable(RoleProvider):
    """Goes by roles, but for those who lost their rights since."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()
        self.seen: list[tuple[str, str, str]] = []

    def check_access(self, resource: str, action: str) -> None:
        who = current()
        if who is not None:
            self.seen.append((who.subject, who.method, resource))
            if who.subject in self.revoked:
                raise AccessDenied(f"{who.subject} has left")
        super().check_access(resource, action)


@pytest.fixture
def provider() -> Revocable:
    return Revocable()


@pytest.fixture
async def engine(provider: Revocable) -> AsyncIterator[Engine]:
    child = Workflow.builder("child").add_node("log", "log", message="x").build()
    parent = Workflow.builder("parent").add_node("sub", "subworkflow", workflow="child").build()
    async with Engine.memory() as made:
        await made.register_workflow(child)
        await made.register_workflow(parent)
        made.set_auth_provider(provider)
        yield made


async def behalf_of(engine: Engine, execution: str) -> Principal | None:
    partition = await engine._namespace.partition_of(execution)
    op = read_fields(partition, execution, ("headers",))
    (headers,) = await engine._namespace.driver.run(op)
    return Principal.from_stored(decode_headers(headers).get(PRINCIPAL))


async def test_an_execution_and_its_children_carry_who_started_them(
    engine: Engine, provider: Revocable
):
    async with engine.worker():
        with identity(ALICE):
            run = await engine.execute("parent", id="one")
            alone = await engine.execute_many("child", [1, 2], ids=["a", "b"])
            await run.result(timeout=20)
    found = [await behalf_of(engine, id) for id in ("one", "one.sub", "a", "b")]
    assert found == [ALICE] * 4
    assert len(alone) == 2
    assert ("alice", "subworkflow", "workflow:default:child") in provider.seen


async def test_a_child_is_not_started_for_somebody_who_may_no_longer(
    engine: Engine, provider: Revocable
):
    with identity(ALICE):
        run = await engine.execute("parent", id="one")
    provider.revoked.add("alice")
    root = identity(subject="root", namespaces=["*"], roles=["admin"])
    async with engine.worker():
        with root, pytest.raises(ExecutionFailed, match="alice has left"):
            await run.result(timeout=20)


async def test_what_was_started_without_a_provider_needs_no_rights(
    engine: Engine, provider: Revocable
):
    engine.set_auth_provider(None)
    run = await engine.execute("parent", id="one")
    engine.set_auth_provider(provider)
    root = identity(subject="root", namespaces=["*"], roles=["admin"])
    async with engine.worker():
        with root:
            await run.result(timeout=20)
    assert await behalf_of(engine, "one") is None


async def test_a_schedule_carries_who_put_it(engine: Engine):
    with identity(subject="bob", namespaces=["*"], roles=["author"]):
        await engine.schedules.put("nightly", "child", "0 0 * * *")
    with identity(ALICE), pytest.raises(AccessDenied):
        await engine.schedules.put("nightly", "child", "0 1 * * *")


async def test_rights_are_judged_when_a_schedule_fires(engine: Engine, provider: Revocable):
    with identity(ALICE) as alice:
        headers = encode_of(alice)
    await engine._door.may_start(headers, "child", "schedule")
    provider.revoked.add("alice")
    with pytest.raises(AccessDenied):
        await engine._door.may_start(headers, "child", "schedule")
    assert provider.seen[-1] == ("alice", "schedule", "workflow:default:child")


async def test_a_schedule_starts_nothing_for_somebody_who_may_no_longer(
    engine: Engine, provider: Revocable
):
    zoe = Principal("zoe", namespaces=("default",), roles=("author",))
    with identity(zoe):
        await engine.schedules.put("often", "child", "* * * * * *")
    provider.revoked.add("zoe")
    asked = ("zoe", "schedule", "workflow:default:child")
    root = identity(subject="root", namespaces=["*"], roles=["admin"])
    async with engine.worker(sweep=0.1):
        with root:
            await until(lambda: asked in provider.seen)
            assert (await engine.list_executions()).items == ()
            provider.revoked.clear()
            await until(started(engine))


def started(engine: Engine) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return len((await engine.list_executions()).items) > 0

    return look


async def test_decisions_are_counted(engine: Engine):
    stranger = identity(Principal("eve", method="of this test"))
    with stranger, pytest.raises(AccessDenied):
        await engine.execute("child")
    line = 'redflow_auth_decisions_total{method="of this test",result="denied"} 1.0'
    assert line in engine.metrics.expose().decode().splitlines()


@pytest.mark.parametrize("headers", [b"\xff", b"\xc4\x01\xff"])
async def test_damaged_headers_stand_for_nobody_with_rights(engine: Engine, headers: bytes):
    with pytest.raises(AccessDenied):
        await engine._door.may_start(headers, "child", "schedule")


def encode_of(principal: Principal) -> bytes:
    from redflow.auth.principal import principal_part
    from redflow.model.headers import encode_headers

    with identity(principal):
        return encode_headers(principal_part())


async def test_included_flows_are_the_applications_own(provider: Revocable):
    flow = Workflow.builder("own").add_node("log", "log", message="x").build()
    async with Engine.memory(auth=provider) as engine:
        engine.include(flow)
        with identity(ALICE):
            await engine.execute("own", id="one")
        assert [one[2] for one in provider.seen] == ["workflow:default:own"]
