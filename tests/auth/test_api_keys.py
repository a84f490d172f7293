"""API keys: their form, who is let in by one, and what is compared when nobody is."""

import hmac

import pytest

from redflow.auth import ApiKeyAuthenticator, Credentials, Principal, StoredKey, api_keys
from redflow.auth.api_keys import digest_of_key, id_of, new_key
from redflow.errors import StoreError, Unauthenticated

NOW = 1_800_000_000.0


def test_keys_have_an_id_a_secret_and_a_checksum():
    made = [new_key() for _ in range(50)]
    assert all(id_of(key) == id and len(key) == 68 for id, key in made)
    assert len({key for _, key in made}) == 50
    assert all(id not in digest_of_key(key) for id, key in made)


def test_what_has_not_the_form_of_a_key():
    _, key = new_key()
    other = "0" if key[20] != "0" else "1"
    wrong = ["", "rf_", key[:-1], key + "0", key[:20] + other + key[21:], key.upper(), f" {key}"]
    assert [id_of(one) for one in wrong] == [None] * len(wrong)


class Keeper:
    """Stands for Redis: keeps keys, notes what is asked."""

    def __init__(self, *kept):
        self.kept = {one.id: one for one in kept}
        self.touched, self.refuses = [], False

    async def find(self, id):
        return self.kept.get(id)

    async def touch(self, id):
        if self.refuses:
            raise StoreError("full")
        self.touched.append(id)

    async def ask(self, headers):
        door = ApiKeyAuthenticator("shop", self.find, self.touch, now=lambda: NOW)
        return await door.authenticate(Credentials(headers))


def kept(**changes):
    id, key = new_key()
    fields = {"role": "operator", "name": "", "created": 1} | changes
    return key, StoredKey(id, digest_of_key(key), **fields)


def bearer(key):
    return {"authorization": f"Bearer {key}"}


async def test_a_key_is_recognised_in_either_header():
    key, stored = kept()
    expected = Principal(
        f"key:{stored.id}", namespaces=("shop",), roles=("operator",), method="api_key"
    )
    keeper = Keeper(stored)
    for headers in (bearer(key), {"x-api-key": key}, {"authorization": f"bearer  {key}"}):
        assert await keeper.ask(headers) == expected


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Basic rf_x"}, bearer("a.b.c"), {"authorization": "Bearer "}]
)
async def test_other_credentials_are_left_to_others(headers):
    assert await Keeper().ask(headers) is None


async def test_what_does_not_count_is_refused_alike():
    key, stored = kept()
    gone, _ = kept()
    expired, old = kept(expires=round(NOW * 1000))
    foreign = StoredKey(stored.id, digest_of_key(gone), "admin", "", 1)
    cases = [
        (gone, Keeper(stored)),
        (expired, Keeper(old)),
        (key, Keeper(foreign)),
        ("rf_malformed", Keeper(stored)),
    ]
    said = set()
    for presented, keeper in cases:
        with pytest.raises(Unauthenticated) as caught:
            await keeper.ask(bearer(presented))
        said.add(str(caught.value))
        assert keeper.touched == []
    assert len(said) == 1
    assert key not in said.pop()


async def test_it_says_when_it_expires():
    key, stored = kept(expires=round(NOW * 1000) + 1)
    assert (await Keeper(stored).ask(bearer(key))).claims == {"expires": NOW + 0.001}


async def test_every_path_compares_once_in_constant_time(monkeypatch):
    """What is unknown costs the comparison that what is known costs."""
    compared = []

    def counting(first, second):
        if len(first) == 64:
            compared.append((first, second))
        return hmac.compare_digest(first, second)

    monkeypatch.setattr(api_keys, "compare_digest", counting)
    key, stored = kept()
    gone, _ = kept()
    assert await Keeper(stored).ask(bearer(key))
    for presented in (gone, "rf_malformed"):
        with pytest.raises(Unauthenticated):
            await Keeper(stored).ask(bearer(presented))
    assert [pair[0] for pair in compared] == [
        digest_of_key(one) for one in (key, gone, "rf_malformed")
    ]
    assert [pair[1] for pair in compared[1:]] == [api_keys._NOBODYS] * 2


@pytest.mark.parametrize(("ago", "noted"), [(59_999, False), (60_000, True), (NOW * 1000, True)])
async def test_its_use_is_noted_once_a_minute(ago, noted):
    key, stored = kept(used=round(NOW * 1000 - ago))
    keeper = Keeper(stored)
    await keeper.ask(bearer(key))
    assert keeper.touched == ([stored.id] if noted else [])


async def test_a_use_that_cannot_be_noted_lets_in_all_the_same():
    key, stored = kept()
    keeper = Keeper(stored)
    keeper.refuses = True
    assert await keeper.ask(bearer(key))
