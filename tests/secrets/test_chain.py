"""The secrets of a worker: the first provider that has one decides, for a short while."""

import asyncio
from typing import Any

import pytest

from redflow.errors import InvalidInput, Misconfigured, Unavailable
from redflow.secrets import (
    EnvSecrets,
    Mask,
    SecretNotFound,
    Secrets,
    SecretValue,
    providers_from,
)


class Book:
    """A provider that counts how often it is asked."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked = 0

    def get(self, namespace: str, name: str) -> SecretValue | None:
        self.asked += 1
        value = self.values.get(name)
        return None if value is None else SecretValue(value, (), name)


class Service(Book):
    """A provider that waits for its answer."""

    async def get(self, namespace: str, name: str) -> SecretValue | None:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().get(namespace, name)

    def where(self, namespace: str, name: str) -> str:
        return f"the vault ({namespace}/{name})"


class Clock:
    """A clock that stands still unless it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_first_that_has_it_decides():
    chain = Secrets([Book(a="1"), Service(a="2", b="3"), Book(b="4", c="5")])
    found = [(await chain.resolve("shop", name)).value for name in "abc"]
    assert found == ["1", "3", "5"]


async def test_those_behind_are_not_asked():
    first, second = Book(a="1"), Book(a="2")
    await Secrets([first, second]).resolve("shop", "a")
    assert (first.asked, second.asked) == (1, 0)


async def test_a_value_is_kept_for_a_while():
    book, clock = Book(a="old"), Clock()
    chain = Secrets([book], keep=10, clock=clock)
    await chain.resolve("shop", "a")
    book.values["a"] = "new"
    clock.now += 9.9
    early = await chain.resolve("shop", "a")
    clock.now += 0.1
    late = await chain.resolve("shop", "a")
    assert (early.value, late.value, book.asked) == ("old", "new", 2)


async def test_the_time_of_asking_counts_not_that_of_the_answer():
    clock = Clock()

    class Slow(Book):
        def get(self, namespace: str, name: str) -> SecretValue | None:
            clock.now += 10
            return super().get(namespace, name)

    book = Slow(a="1")
    chain = Secrets([book], keep=10, clock=clock)
    await chain.resolve("shop", "a")
    await chain.resolve("shop", "a")
    assert book.asked == 2


async def test_each_namespace_has_its_own():
    environ = {"REDFLOW_SECRET__SHOP__A": "1", "REDFLOW_SECRET__BANK__A": "2"}
    chain = Secrets([EnvSecrets(environ)])
    found = [(await chain.resolve(space, "a")).value for space in ("shop", "bank", "shop")]
    assert found == ["1", "2", "1"]


async def test_a_secret_that_nobody_has_is_asked_for_again():
    book = Book()
    chain = Secrets([book])
    with pytest.raises(SecretNotFound):
        await chain.resolve("shop", "a")
    book.values["a"] = "1"
    assert (await chain.resolve("shop", "a")).value == "1"


async def test_the_error_says_where_was_looked():
    with pytest.raises(SecretNotFound) as caught:
        await Secrets([Book(), Service(), EnvSecrets({})]).resolve("shop", "a")
    assert caught.value.looked == (
        "Book",
        "the vault (shop/a)",
        "the environment (REDFLOW_SECRET__SHOP__A)",
    )


async def test_forget_asks_again():
    book = Book(a="1")
    chain = Secrets([book])
    await chain.resolve("shop", "a")
    chain.forget()
    await chain.resolve("shop", "a")
    assert book.asked == 2


async def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr("redflow.secrets.chain._MOST_KEPT", 2)
    book = Book(a="1", b="2", c="3")
    chain = Secrets([book])
    for name in "abc":
        await chain.resolve("shop", name)
    assert len(chain._kept) == 1


async def test_a_provider_that_answers_something_else_is_named():
    class Wrong:
        def get(self, namespace: str, name: str) -> Any:
            return "canary-4711"

    with pytest.raises(Misconfigured, match="Wrong answered a str for secret 'a'") as caught:
        await Secrets([Wrong()]).resolve("shop", "a")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "canary\udcff", "canary" * 20_000])
async def test_a_value_that_nobody_can_use_is_refused_and_not_shown(value: str):
    """A variable that is not UTF-8 has such a surrogate."""
    with pytest.raises(InvalidInput, match="secret 'a'") as caught:
        await Secrets([Book(a=value)]).resolve("shop", "a")
    assert "canary" not in str(caught.value)


async def test_an_error_of_a_provider_passes_and_is_not_kept():
    class Down(Book):
        def get(self, namespace: str, name: str) -> SecretValue | None:
            self.asked += 1
            raise Unavailable("the vault does not answer")

    down, behind = Down(), Book(a="1")
    chain = Secrets([down, behind])
    for _ in range(2):
        with pytest.raises(Unavailable):
            await chain.resolve("shop", "a")
    assert (down.asked, behind.asked) == (2, 0)


@pytest.mark.parametrize(("namespace", "name"), [("Shop", "a"), ("..", "a"), ("shop", "../a")])
async def test_bad_names_reach_no_provider(namespace: str, name: str):
    book = Book(a="1")
    with pytest.raises(InvalidInput):
        await Secrets([book]).resolve(namespace, name)
    assert book.asked == 0


async def test_the_environment_names_the_usual_places(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a").write_text("file")
    (tmp_path / "shop" / "b").write_text("file")
    environ = {"REDFLOW_SECRETS_DIR": str(tmp_path), "REDFLOW_SECRET__SHOP__A": "variable"}
    chain = Secrets(providers_from(environ))
    found = [(await chain.resolve("shop", name)).value for name in "ab"]
    assert found == ["variable", "file"]


def test_without_a_directory_there_are_variables_alone():
    assert [type(one) for one in providers_from({})] == [EnvSecrets]


async def test_a_mask_learns_what_a_step_resolves():
    mask = Mask()
    chain = Secrets([Book(a="canary-4711", b="canary-4712")])
    source = chain.masked_by(mask)
    await chain.resolve("shop", "b")
    await source.resolve("shop", "a")
    assert mask.text("canary-4711 canary-4712") == "***a*** canary-4712"


async def test_a_mask_learns_what_was_kept_as_well():
    chain = Secrets([Book(a="canary-4711")])
    await chain.resolve("shop", "a")
    mask = Mask()
    await chain.masked_by(mask).resolve("shop", "a")
    assert mask.text("canary-4711") == "***a***"
