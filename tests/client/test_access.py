"""Every public call asks first, once, and leaves one record when it changes something."""

import inspect
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from redflow.auth import AsyncGate, RoleProvider, current, identity, workflow_metadata
from redflow.auth.actions import FREE, RULES, Choice, rules_of
from redflow.client import AsyncClient, Client
from redflow.client.access import calls_of, conceal
from redflow.driver import Connector
from redflow.errors import AccessDenied, InvalidInput, Misconfigured, RedflowError, Unavailable
from tests.client.kit import Workers, act_by, chain, count_trips, failed

ALICE = {"subject": "alice", "tenant": "acme", "method": "jwt", "request": "r-1"}
CALLS = {call: rules_of(call) for call in RULES}
CHANGING = sorted(call for call, rules in CALLS.items() if rules[0].changes)
READING = sorted(call for call, rules in CALLS.items() if not rules[0].changes)
ARGUMENTS = {
    "workflow": "order",
    "inputs": [1, 2],
    "id": "one",
    "node": "a",
    "message": "no",
    "content_hash": "a" * 26,
    "name": "default",
    "value": "secret",
    "version": 1,
    "role": "viewer",
    "cron": "0 0 * * *",
    "queues": ["default"],
    "now": 1,
    "secret": "stripe",
    "key": b"",
    "webhook": SimpleNamespace(workflow="order", name="hook"),
    "input": None,
}


class Noting:
    """A provider that notes what it is asked, and denies what it is told to."""

    blocking = False

    def __init__(self, *denied: str, everything: bool = False) -> None:
        self.denied, self.everything, self.asked = denied, everything, []
        self.metadata = []

    def check_access(self, resource: str, action: str) -> bool:
        self.asked.append((resource, action))
        self.metadata.append(dict(workflow_metadata()))
        return not self.everything and action not in self.denied


@pytest.fixture
def provider() -> Noting:
    return Noting()


@pytest.fixture
async def shop(
    connector: Connector, namespace: str, provider: Noting
) -> AsyncIterator[AsyncClient]:
    """Return a client with a provider, in a namespace with a workflow of somebody's."""
    async with AsyncClient(connector, namespace=namespace) as made:
        await made.register_workflow(chain("order", metadata={"customer_id": "acme"}))
        made.set_auth_provider(provider)
        yield made


def holder(client, call):
    """Return the object that has a call, by the name of its class."""
    name = call.partition(".")[0]
    found = {type(one).__name__.removeprefix("Async"): one for one in vars(client).values()}
    return {"Client": client, "Handle": client.handle("one")}.get(name) or found[name]


def arguments_of(method):
    """Return what a call needs at least."""
    needed = [
        name
        for name, one in inspect.signature(method).parameters.items()
        if one.default is one.empty and one.kind is not one.VAR_KEYWORD
    ]
    return {name: ARGUMENTS[name] for name in needed}


async def make(client, call):
    """Make a call, whatever becomes of it; answers what it raised."""
    method = getattr(holder(client, call), call.partition(".")[2])
    given = arguments_of(method)
    if call == "Client.check" and call in CHANGING:
        given["repair"] = True
    if call == "Client.register_workflow":
        given["workflow"] = chain("order")
    if call.startswith("ApiKeys.revoke"):
        given["id"] = "0" * 12
    try:
        await method(**given)
    except RedflowError as error:
        return error
    except TimeoutError as error:
        return error
    return None


async def records(client):
    provider = client._door.gate.provider
    client.set_auth_provider(None)
    try:
        return (await client.audit.list(limit=1000)).items
    finally:
        client.set_auth_provider(provider)


# The table and the classes


def managers_of(client):
    return [
        one
        for name, one in vars(client).items()
        if not name.startswith("_") and type(one).__module__.startswith("redflow.client._")
    ]


def test_every_public_call_stands_in_the_table(connector, namespace):
    client, sync = (
        AsyncClient(connector, namespace=namespace),
        Client(connector, namespace=namespace),
    )
    found = set()
    for one in (client, sync):
        for thing in (one, one.handle("a"), *managers_of(one)):
            kind = type(thing)
            name = kind.__name__.removeprefix("Async")
            found |= {f"{name}.{method}" for method in calls_of(kind)}
            wrapped = [getattr(kind, method) for method in calls_of(kind)]
            assert all(hasattr(method, "__wrapped__") for method in wrapped), kind
            assert thing._door is one._door
    classes = {call.partition(".")[0] for call in found}
    assert found == {call for call in RULES if call.partition(".")[0] in classes}
    assert set(RULES) & FREE == set()


def test_a_public_call_that_is_in_no_table_cannot_be_made():
    class Client:
        async def new(self) -> None: ...

    with pytest.raises(TypeError, match=r"Client\.new is public"):
        calls_of(Client)


# Asking


@pytest.mark.parametrize("call", sorted(RULES))
async def test_a_denied_call_does_nothing(shop, call):
    shop.set_auth_provider(Noting(everything=True))
    trips = count_trips(shop)
    with identity(**ALICE):
        error = await make(shop, call)
    assert isinstance(error, AccessDenied)
    assert set(trips.asked) <= {"append_audit", "read_workflow", "read_fields", "put_namespace"}


@pytest.mark.parametrize("call", CHANGING)
async def test_a_change_leaves_one_record(shop, provider, call):
    with identity(**ALICE):
        await make(shop, call)
    (found,) = await records(shop)
    assert (found.resource, found.action) == provider.asked[0]
    assert len(provider.asked) == 1
    who = (found.subject, found.tenant, found.method, found.request)
    assert who == ("alice", "acme", "jwt", "r-1")
    assert found.decision == "allowed"


@pytest.mark.parametrize("call", CHANGING)
async def test_a_denied_change_leaves_one_record(shop, call):
    shop.set_auth_provider(Noting(everything=True))
    await make(shop, call)
    assert [one.decision for one in await records(shop)] == ["denied"]


@pytest.mark.parametrize("call", [one for one in READING if one != "Handle.result"])
async def test_reading_leaves_none(shop, provider, call):
    await make(shop, call)
    assert await records(shop) == ()
    assert len(provider.asked) == 1 + rules_of(call)[-1].payload


async def test_a_choice_goes_by_its_argument(shop, provider, namespace):
    assert isinstance(RULES["Client.check"], Choice)
    await shop.check()
    await shop.check(repair=True)
    await shop.list_executions("order")
    assert [one for one in provider.asked if one[1] != "view_payload"] == [
        (f"namespace:{namespace}", "view"),
        (f"namespace:{namespace}", "edit"),
        (f"workflow:{namespace}:order", "list"),
    ]
    assert len(await records(shop)) == 1


async def test_a_handle_is_about_its_own_execution(shop, provider, namespace):
    """Its signals have an id as well, which is another's."""
    with pytest.raises(RedflowError):
        await shop.handle("mine").signal("a", id="yours")
    assert provider.asked == [(f"execution:{namespace}:mine", "signal")]


async def test_what_a_provider_asks_of_the_client_is_not_asked_about(shop, namespace):
    found = []

    class Looking:
        async def check_access(self, resource: str, action: str) -> None:
            found.append((await shop.get_workflow("order")).metadata)

    shop.set_auth_provider(Looking())
    await shop.list_workflows()
    assert found == [{"customer_id": "acme"}]


async def test_custom_actions(shop, provider):
    await shop.check_access("report:shop:sales", "export")
    provider.denied = ("export",)
    with pytest.raises(AccessDenied):
        await shop.check_access("report:shop:sales", "export")
    assert provider.asked == [("report:shop:sales", "export")] * 2
    with pytest.raises(InvalidInput):
        await shop.check_access(7, "export")


async def test_wrong_arguments_are_told_as_before(shop):
    with pytest.raises(TypeError, match="missing a required argument: 'workflow'"):
        await shop.execute()
    with pytest.raises(InvalidInput):
        await shop.execute(7)


# Metadata of the workflow


async def test_metadata_are_those_of_the_workflow(shop, provider):
    await shop.execute("order", id="one")
    await shop.get_workflow("order")
    await shop.handle("one").status()
    await shop.register_workflow(chain("order", metadata={"customer_id": "evil"}))
    assert provider.metadata == [{"customer_id": "acme"}] * 4
    await shop.register_workflow(chain("other", metadata={"customer_id": "new"}))
    await shop.list_workflows()
    with pytest.raises(RedflowError):
        await shop.get_workflow("unknown")
    assert provider.metadata[4:] == [{"customer_id": "new"}, {}, {}]


# Values


async def test_values_are_left_out_for_who_may_not_see_them(shop, driver, provider):
    handle = await shop.execute("order", {"card": "canary"}, id="one")
    boom = act_by(a=failed("canary"))
    shop.set_auth_provider(None)
    await Workers(shop, driver).run(boom)
    shop.set_auth_provider(provider)
    shown = await handle.execution(), *(await handle.steps()), *(await shop.list_executions()).items
    provider.denied = ("view_payload",)
    hidden = (
        await handle.execution(),
        *(await handle.steps()),
        *(await shop.list_executions()).items,
    )
    assert "canary" in repr(shown)
    assert "canary" not in repr(hidden)
    assert [one.status for one in shown] == [one.status for one in hidden]
    assert {one.error.type for one in hidden} == {"ValueError"}
    with pytest.raises(AccessDenied):
        await handle.result()


def test_what_is_not_known_to_hold_values_is_not_concealed():
    with pytest.raises(TypeError):
        conceal({"input": 1})


# The audit


async def test_nothing_is_done_that_cannot_be_recorded(shop, monkeypatch):
    async def failing(*ops: object, **options: object) -> None:
        raise Unavailable("no answer", ambiguous=False)

    shop.set_auth_provider(Noting(everything=True))
    shop._door.gate.provider.reads_metadata = False
    monkeypatch.setattr(shop._namespace.driver, "run", failing)
    with pytest.raises(AccessDenied):
        await shop.execute("order")
    shop.set_auth_provider(RoleProvider())
    with identity(namespaces=["*"], roles=["admin"]), pytest.raises(Unavailable):
        await shop.execute("order")


async def test_the_audit_is_read_in_pages(shop, provider):
    for number in range(5):
        await shop.execute("order", id=f"e{number}", input={"card": "canary"})
    first = await shop.audit.list(limit=3)
    rest = await shop.audit.list(limit=3, cursor=first.cursor)
    assert (len(first.items), len(rest.items), rest.more) == (3, 2, False)
    times = [one.at for one in (*first.items, *rest.items)]
    assert times == sorted(times, reverse=True)
    assert "canary" not in repr((first, rest))
    with pytest.raises(InvalidInput):
        await shop.audit.list(cursor="x")


async def test_what_others_judge_is_recorded(shop):
    with identity(subject="hook"):
        await shop.audit.record("execute", "webhook:shop:unsigned", allowed=False)
    (found,) = await records(shop)
    assert (found.subject, found.decision) == ("hook", "denied")


async def test_without_a_provider_nothing_is_recorded(shop):
    shop.set_auth_provider(None)
    await shop.execute("order")
    assert await records(shop) == ()


async def test_a_denied_start_in_no_namespace_leaves_no_key(connector, namespace, driver):
    async with AsyncClient(connector, namespace=namespace, auth=Noting(everything=True)) as client:
        with pytest.raises(AccessDenied):
            await client.execute("order")
        key = client._namespace.unknown_space().keys.audit
        assert await driver.raw("EXISTS", key) == 0


# The plain client


def test_a_plain_client_asks_as_well(connector, namespace):
    provider = Noting("execute")
    with Client(connector, namespace=namespace, auth=provider) as client, identity(**ALICE):
        client.register_workflow(chain("order"))
        with pytest.raises(AccessDenied):
            client.execute("order")
        client.check_access("report:a", "export")
        assert [one.decision for one in client.audit.list().items] == ["denied", "allowed"]
    assert provider.asked == [
        (f"workflow:{namespace}:order", "create"),
        (f"workflow:{namespace}:order", "execute"),
        ("report:a", "export"),
        (f"system:{namespace}:audit", "list"),
    ]


def test_a_plain_client_cannot_wait_for_a_provider(connector, namespace):
    class Later:
        async def check_access(self, resource: str, action: str) -> None: ...

    with pytest.raises(Misconfigured, match="Later is asynchronous"):
        Client(connector, namespace=namespace, auth=Later())
    with Client(connector, namespace=namespace) as client:
        with pytest.raises(Misconfigured):
            client.set_auth_provider(Later())
        assert client._door.open


async def test_the_patience_of_a_client_is_that_of_its_gate(shop):
    assert isinstance(shop._door.gate, AsyncGate)
    assert (shop._door.gate.patience, current()) == (2.0, None)
