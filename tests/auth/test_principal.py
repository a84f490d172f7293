"""Who acts: set for a block, seen by what runs inside, kept beside what it starts."""

import asyncio
from dataclasses import replace

import pytest

from redflow.auth import Principal, acting_for, current, identity, request_id

ALICE = Principal("alice", "acme", ("shop",), ("operator",), "jwt", {"team": "blue"})


def test_nobody_acts_at_first():
    assert (current(), request_id()) == (None, "")


def test_an_identity_holds_for_its_block():
    with identity(ALICE, request="r-1") as acting:
        assert (acting, current(), request_id()) == (ALICE, ALICE, "r-1")
        with identity(subject="bob", roles=["viewer"], customer_id="acme"):
            inner = current()
            assert request_id() == "r-1"
        assert current() == ALICE
    assert (current(), request_id()) == (None, "")
    assert inner == Principal("bob", roles=("viewer",), claims={"customer_id": "acme"})


def test_it_ends_with_an_error_as_well():
    with pytest.raises(ValueError), identity(ALICE):
        raise ValueError
    assert current() is None


async def test_tasks_see_who_started_them_and_not_each_other():
    async def who():
        await asyncio.sleep(0)
        acting = current()
        return acting and acting.subject

    def started(name):
        with identity(subject=name):
            return asyncio.create_task(who())

    assert await asyncio.gather(*map(started, "abc")) == ["a", "b", "c"]


def test_what_is_stored_comes_back():
    assert Principal.from_stored(ALICE.stored()) == ALICE
    assert Principal(subject="bob").stored() == {"subject": "bob", "method": "application"}


@pytest.mark.parametrize(
    "value",
    [None, "alice", [], {"subject": 1}, {"roles": "admin"}, {"roles": [1]}, {"claims": []}],
)
def test_what_is_no_principal_is_nobody(value):
    assert Principal.from_stored(value) is None


def test_acting_for_somebody_says_what_acts():
    with acting_for(ALICE, "schedule"):
        assert current() == replace(ALICE, method="schedule")
    with identity(ALICE), acting_for(None, "schedule"):
        assert current() is None
