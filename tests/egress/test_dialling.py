"""What is dialled is what was checked: rebinding, mixed answers, redflow's own servers."""

import pytest

from redflow.egress import Egress, EgressDenied, EgressFailed
from redflow.egress.backend import GuardedBackend, connect
from redflow.egress.policy import Policy
from tests.egress.kit import OTHER, PUBLIC, PUBLIC6, Dials, Names, StubServer, answer, request


async def test_a_name_is_resolved_once_for_a_connection(egress: Egress, dials: Dials, names: Names):
    names.table["rebind.example.com"] = [[PUBLIC], ["127.0.0.1"]]
    await egress.send(request("http://rebind.example.com/"))
    assert names.asked == ["rebind.example.com"]
    assert dials.made == [(PUBLIC, 80)]


async def test_a_name_that_turned_private_is_refused_at_the_next_connection(
    egress: Egress, dials: Dials, names: Names, server: StubServer
):
    server.answers["/"] = answer(connection="close")
    names.table["rebind.example.com"] = [[PUBLIC], ["127.0.0.1"]]
    await egress.send(request("http://rebind.example.com/"))
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://rebind.example.com/"))
    assert caught.value.reason == "loopback"
    assert dials.made == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "found",
    [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC6, "::1"], [PUBLIC, "169.254.169.254"]],
)
async def test_one_bad_address_refuses_all(
    egress: Egress, dials: Dials, names: Names, found: list[str]
):
    names.table["half.example.com"] = found
    with pytest.raises(EgressDenied):
        await egress.send(request("http://half.example.com/"))
    assert dials.made == []


async def test_the_next_address_is_tried_when_one_does_not_answer(
    egress_of, names: Names, server: StubServer
):
    tried = []

    async def only_v4(address: str, port: int, timeout: float | None):
        tried.append(address)
        # Nothing listens on port 1 of loopback, so the first address refuses the connection.
        return await connect("127.0.0.1", 1 if ":" in address else server.port, timeout)

    reply = await egress_of(connect=only_v4).send(request("http://both.example.com/"))
    assert (reply.status, tried) == (200, [PUBLIC6, PUBLIC])


async def test_no_address_answers(egress_of):
    async def nobody(address: str, port: int, timeout: float | None):
        return await connect("127.0.0.1", 1, timeout)

    with pytest.raises(EgressFailed) as caught:
        await egress_of(connect=nobody).send(request("http://both.example.com/"))
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)
    assert "both.example.com" in str(caught.value)


@pytest.mark.parametrize("found", [None, [[]]], ids=["unknown", "no address"])
async def test_a_name_without_an_address(egress: Egress, names: Names, found):
    names.table["no.example.com"] = found
    with pytest.raises(EgressFailed, match=r"no\.example\.com") as caught:
        await egress.send(request("http://no.example.com/"))
    assert (caught.value.kind, caught.value.retryable) == ("resolve", True)


@pytest.mark.parametrize(
    "deny", ["private.example.com", "*.example.com", "10.1.2.3", "10.1.0.0/16:80", "redis.internal"]
)
async def test_own_servers_are_refused_whatever_is_allowed(
    egress_of, dials: Dials, names: Names, deny: str
):
    """Also by another name: what counts is where it leads."""
    names.table["redis.internal"] = names.table["private.example.com"]
    egress = egress_of(allow={"*": ["private.example.com"]}, deny=[deny])
    with pytest.raises(EgressDenied) as caught:
        await egress.send(request("http://private.example.com/"))
    assert caught.value.reason == "infrastructure"
    assert dials.made == []


async def test_another_port_of_an_own_server_is_judged_as_any(egress_of, dials: Dials):
    egress = egress_of(deny=["api.example.com:6379", f"{PUBLIC}:6379"])
    await egress.send(request("http://api.example.com/"))
    assert dials.made == [(PUBLIC, 80)]


async def test_an_own_server_that_cannot_be_resolved_lets_nothing_pass(egress_of, dials: Dials):
    with pytest.raises(EgressFailed, match=r"redis\.internal") as caught:
        await egress_of(deny=["redis.internal"]).send(request("http://api.example.com/"))
    assert caught.value.retryable
    assert dials.made == []


async def test_connections_are_kept_and_used_again(
    egress: Egress, dials: Dials, server: StubServer
):
    for _ in range(3):
        await egress.send(request("http://api.example.com/"))
    assert (len(server.received), server.connections, len(dials.made)) == (3, 1, 1)


async def test_a_connection_of_one_namespace_is_not_lent_to_another(egress_of, dials: Dials):
    egress = egress_of(allow={"shop": ["10.1.2.3:8080"]})
    await egress.send(request("http://10.1.2.3:8080/", namespace="shop"))
    for refused in (
        request("http://10.1.2.3:8080/"),
        request("http://10.1.2.3:8080/", namespace="shop", written=False),
    ):
        with pytest.raises(EgressDenied):
            await egress.send(refused)
    assert dials.made == [("10.1.2.3", 8080)]


async def test_a_kept_connection_to_an_allowed_name_is_not_lent_to_another_namespace(
    egress_of, dials: Dials, server: StubServer
):
    """At the first look the name is as good as any: only its own pool keeps the other out."""
    egress = egress_of(allow={"shop": ["private.example.com"]})
    await egress.send(request("http://private.example.com/", namespace="shop"))
    with pytest.raises(EgressDenied):
        await egress.send(request("http://private.example.com/", namespace="other"))
    assert (len(dials.made), len(server.received)) == (1, 1)


async def test_the_backend_dials_no_unix_socket(names: Names, dials: Dials):
    backend = GuardedBackend(Policy(), names, dials)
    with pytest.raises(Exception, match="unix sockets"):
        await backend.connect_unix_socket("/var/run/docker.sock")


async def test_the_backend_judges_by_itself(names: Names, dials: Dials):
    """Whatever reaches the pool, the last look is at the moment of dialling."""
    backend = GuardedBackend(Policy(), names, dials)
    for host, port in [("127.0.0.1", 80), ("private.example.com", 443), ("api.example.com", 22)]:
        with pytest.raises(EgressDenied):
            await backend.connect_tcp(host, port)
    assert dials.made == []


async def test_closing_and_sending_again(egress: Egress, dials: Dials):
    await egress.send(request("http://other.example.com/"))
    await egress.aclose()
    await egress.send(request("http://other.example.com/"))
    assert dials.made == [(OTHER, 80)] * 2
