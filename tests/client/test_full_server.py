"""A server that is near its maxmemory, at it, or takes no writes: what clients hear of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, RedisConnector
from redflow.errors import OutOfMemory
from redflow.model.explain import Reason
from redflow.store.keys import Keys
from tests.client.kit import Workers, chain, set_clock
from tests.support.server import started_server

NOON = 1_900_000_000_000


@pytest.fixture
async def near(client: AsyncClient, workers: Workers, driver: AsyncDriver) -> AsyncClient:
    """A namespace that a sweep has found near maxmemory; execution `e` ran before."""
    await client.register_workflow(chain("order", "a"), partitions=1)
    set_clock(client, NOON)
    await client.execute("order", id="e")
    await workers.run()
    await client.execute("order", id="waits")
    await driver.raw("HSET", sweeper_of(client), "full", NOON + 1)
    return client


def sweeper_of(client: AsyncClient) -> str:
    return Keys(client.namespace, 1).partition(0).permanent["sweeper"]


async def test_a_start_near_maxmemory_is_refused_and_says_what_to_do(near: AsyncClient):
    with pytest.raises(OutOfMemory, match="near its maxmemory; what runs goes on") as raised:
        await near.execute("order", id="new")
    assert "purge finished executions" in str(raised.value.hint)
    assert (await near.execute("order", id="e")).id == "e", "what is there is answered"


async def test_many_starts_near_maxmemory_are_refused(near: AsyncClient):
    with pytest.raises(OutOfMemory):
        await near.execute_many("order", range(300))
    assert [one.id for one in (await near.list_executions()).items] == ["waits", "e"]


async def test_a_rerun_near_maxmemory_is_refused(near: AsyncClient):
    with pytest.raises(OutOfMemory):
        await near.rerun_execution("e")


async def test_what_runs_near_maxmemory_goes_on(near: AsyncClient, workers: Workers):
    await workers.run()
    assert (await near.get_execution("waits")).status == "COMPLETED"


async def test_explain_says_that_the_server_is_near_its_maxmemory(near: AsyncClient):
    (full, _) = await near.explain("waits")
    assert (str(full.code), full.node, full.params["near"]) == ("redis_full", None, True)
    assert "raise maxmemory" in full.fix


async def test_explain_of_what_has_ended_says_no_more_than_that(near: AsyncClient):
    assert [str(one.code) for one in await near.explain("e")] == ["ended"]


# A server of our own, whose settings are spoiled


@pytest.fixture
def url() -> Iterator[str]:
    with started_server() as url:
        yield url


@pytest.fixture
async def own(url: str, namespace: str) -> AsyncIterator[AsyncClient]:
    """A client of a server of its own, with execution `e` that nobody runs."""
    async with AsyncClient(RedisConnector(url), namespace=namespace) as client:
        await client.register_workflow(chain("order", "a"), partitions=1)
        await client.execute("order", id="e")
        yield client


async def first(client: AsyncClient) -> Reason:
    return (await client.explain("e"))[0]


async def spoil(url: str, *words: str) -> None:
    driver = RedisConnector(url).async_driver()
    await driver.raw(*words)
    await driver.close()


@pytest.mark.server
async def test_explain_says_that_the_server_is_at_its_maxmemory(own: AsyncClient, url: str):
    await spoil(url, "CONFIG", "SET", "maxmemory", "1mb")
    await spoil(url, "CONFIG", "SET", "maxmemory", "1")
    reason = await first(own)
    assert (str(reason.code), reason.params["limit"]) == ("redis_full", 1)
    assert reason.params["near"] is False


@pytest.mark.server
@pytest.mark.parametrize(
    ("words", "because"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), "replica"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), "replicas"),
    ],
)
async def test_explain_says_that_the_server_takes_no_writes(
    own: AsyncClient, url: str, words, because
):
    await spoil(url, *words)
    reason = await first(own)
    assert (str(reason.code), reason.params) == ("redis_read_only", {"because": because})
    assert reason.fix
