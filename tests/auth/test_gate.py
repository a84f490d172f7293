"""Anything but a clear yes is a no: each way a provider may answer, fail or hang, in both gates."""

import asyncio
import threading

import pytest

from redflow.auth import AsyncGate, Gate, Principal, current, identity, workflow_metadata
from redflow.errors import AccessDenied, InvalidInput, Misconfigured

ALICE = Principal("alice", method="jwt")
YES, NO = [None, True], [False, 0, 1, "yes", "", object, ValueError("returned")]


class Answering:
    """A provider that answers or raises what it was given."""

    def __init__(self, answer, *, blocking=True):
        self.answer, self.blocking, self.seen = answer, blocking, []

    def check_access(self, resource, action):
        self.seen.append((resource, action, current(), threading.current_thread().name))
        if isinstance(self.answer, BaseException) and not isinstance(self.answer, ValueError):
            raise self.answer
        return self.answer


class Awaited(Answering):
    async def check_access(self, resource, action):
        await asyncio.sleep(0)
        return super().check_access(resource, action)


class Later(Answering):
    """A plain function that answers something to wait for."""

    def check_access(self, resource, action):
        async def answer():
            return self.answer

        return answer()


def plain(provider, **options):
    Gate(provider, **options).check("workflow:shop:order", "execute")


def asynchronous(provider, **options):
    asyncio.run(AsyncGate(provider, **options).check("workflow:shop:order", "execute"))


KINDS = [
    (plain, Answering),
    (asynchronous, Answering),
    (asynchronous, Awaited),
    (asynchronous, Later),
]


@pytest.mark.parametrize(("check", "kind"), KINDS)
@pytest.mark.parametrize("answer", YES)
def test_yes(check, kind, answer):
    assert check(kind(answer)) is None


@pytest.mark.parametrize(("check", "kind"), KINDS)
@pytest.mark.parametrize("answer", NO, ids=repr)
def test_no(check, kind, answer):
    with pytest.raises(AccessDenied, match="somebody may not execute on workflow:shop:order"):
        check(kind(answer))


ERRORS = [RuntimeError("down"), KeyError("user_id"), TimeoutError()]


@pytest.mark.parametrize(("check", "kind"), KINDS[:3])
@pytest.mark.parametrize(
    ("error", "blocking"),
    [(asyncio.CancelledError(), True), *((one, blocks) for one in ERRORS for blocks in (0, 1))],
)
def test_an_error_is_a_no(check, kind, error, blocking):
    with pytest.raises(AccessDenied) as caught:
        check(kind(error, blocking=blocking))
    assert not caught.value.hidden
    assert "down" not in str(caught.value)


@pytest.mark.parametrize(("check", "kind"), KINDS[:3])
def test_a_denial_is_passed_on_as_it_is(check, kind):
    denial = AccessDenied("not yours", hidden=True)
    with pytest.raises(AccessDenied) as caught:
        check(kind(denial))
    assert caught.value is denial


def test_a_thread_that_takes_too_long_is_a_no():
    go_on = threading.Event()

    class Hanging:
        def check_access(self, resource, action):
            go_on.wait(20)

    try:
        for check in (plain, asynchronous):
            with pytest.raises(AccessDenied):
                check(Hanging(), patience=0.02)
    finally:
        go_on.set()


def test_a_coroutine_that_ignores_its_cancelling_is_a_no():
    class Stubborn:
        async def check_access(self, resource, action):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                for _ in range(3):
                    await asyncio.sleep(0)

    with pytest.raises(AccessDenied):
        asynchronous(Stubborn(), patience=0.02)


def test_two_seconds_are_the_default():
    assert (AsyncGate().patience, Gate().patience) == (2.0, 2.0)


@pytest.mark.parametrize("check", [plain, asynchronous])
def test_a_plain_provider_has_a_thread_and_the_identity(check):
    provider = Answering(True)
    with identity(ALICE):
        check(provider)
    assert provider.seen == [("workflow:shop:order", "execute", ALICE, "redflow-auth")]


@pytest.mark.parametrize("check", [plain, asynchronous])
def test_one_that_never_waits_runs_in_place(check):
    provider = Answering(True, blocking=False)
    check(provider)
    assert provider.seen[0][3] == threading.current_thread().name


def test_without_a_provider_everything_is_allowed():
    plain(None)
    asynchronous(None)


@pytest.mark.parametrize("kind", [Awaited, Later])
def test_a_plain_gate_cannot_wait(kind):
    with pytest.raises(Misconfigured, match=f"{kind.__name__} is asynchronous"):
        plain(kind(True))


@pytest.mark.parametrize("gate", [AsyncGate, Gate])
def test_what_is_no_provider_is_refused(gate):
    with pytest.raises(InvalidInput) as caught:
        gate("admin")
    assert caught.value.field == "auth"


class Reading:
    """A provider that looks at the workflow, and at whether it is asked itself."""

    def __init__(self, reads=True):
        self.reads_metadata, self.seen = reads, []

    def check_access(self, resource, action):
        self.seen.append(dict(workflow_metadata()))
        Gate(Answering(False)).check(resource, action)  # what a provider asks is not asked about


def test_metadata_are_read_for_who_wants_them():
    provider, idle, read = Reading(), Reading(reads=False), []

    def metadata():
        read.append(1)
        return {"customer_id": "acme"}

    async def later():
        return metadata()

    async def both():
        for one in (provider, idle):
            await AsyncGate(one).check("workflow:a:b", "view", metadata=later)

    Gate(provider).check("workflow:a:b", "view", metadata=metadata)
    Gate(idle).check("workflow:a:b", "view", metadata=metadata)
    asyncio.run(both())
    assert (provider.seen, idle.seen) == ([{"customer_id": "acme"}] * 2, [{}] * 2)
    assert len(read) == 2
    assert workflow_metadata() == {}


def test_decisions_are_told():
    told = []
    for answer in (True, False, AccessDenied("no")):
        gate = Gate(Answering(answer))
        gate.on_decision = lambda method, result: told.append((method, result))
        with identity(ALICE):
            try:
                gate.check("a", "b")
            except AccessDenied:
                continue
    assert told == [("jwt", "allowed"), ("jwt", "denied"), ("jwt", "denied")]
