"""A store of files keeps bytes or nothing, leaves its directory never, and forgets what it must."""

import os
from pathlib import Path

import pytest

from redflow.errors import InvalidInput, PayloadMissing
from redflow.payloads.files import FileStore
from redflow.payloads.store import new_key

KEY = f"shop/order-1.ship~2/{'ab' * 16}"


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_was_put_is_there(tmp_path):
    FileStore(tmp_path).put(KEY, b"data")
    assert FileStore(tmp_path).get(KEY) == b"data"
    assert files_in(tmp_path) == [f"shop/ab/{'ab' * 16}.order-1.ship~2"]


def test_the_same_again_changes_nothing(tmp_path):
    store = FileStore(tmp_path)
    store.put(KEY, b"data")
    store.put(KEY, b"data")
    assert [one.key for one in store.kept("shop")] == [KEY]


def test_what_is_not_there_is_named_with_its_store(tmp_path):
    with pytest.raises(PayloadMissing, match=f"payload '{KEY}' is not in FileStore") as found:
        FileStore(tmp_path).get(KEY)
    assert "give all of them the same one" in found.value.hint


@pytest.mark.parametrize(
    "key",
    [
        "",
        "../order/" + "a" * 32,
        "shop/../" + "a" * 32,
        f"shop/a/b/{'a' * 32}",
        f"shop/a\x00/{'a' * 32}",
        f"/etc/{'a' * 32}",
        "shop/order/../../passwd",
        f"shop/{'e' * 201}/{'a' * 32}",
        f"shop/order/{'A' * 32}",
    ],
)
def test_keys_of_another_form_are_refused(tmp_path, key):
    store = FileStore(tmp_path / "in")
    for call in (lambda: store.put(key, b"x"), lambda: store.get(key), lambda: store.delete([key])):
        with pytest.raises((InvalidInput, PayloadMissing)):
            call()
    assert [one for one in files_in(tmp_path) if not one.startswith("in/")] == []


@pytest.mark.parametrize("refuse", ["fsync", "replace"])
def test_what_cannot_be_written_in_full_is_not_there(tmp_path, monkeypatch, refuse):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, refuse, full)
    with pytest.raises(OSError, match="No space left"):
        FileStore(tmp_path).put(KEY, b"data")
    assert files_in(tmp_path) == []


def test_a_crash_leaves_what_is_listed_under_its_owner(tmp_path, monkeypatch):
    class Crash(BaseException):
        pass

    def crash(*_):
        raise Crash

    monkeypatch.setattr(os, "replace", crash)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # the process is gone
    with pytest.raises(Crash):
        FileStore(tmp_path).put(KEY, b"data")
    (left,) = FileStore(tmp_path).kept("shop")
    assert left.key.startswith("shop/order-1.ship~2/")
    assert left.key != KEY


def test_only_its_own_files_are_listed_and_removed(tmp_path):
    store, mine, other = FileStore(tmp_path), new_key("a", "e1"), new_key("b", "e1")
    store.put(mine, b"1")
    store.put(other, b"2")
    (tmp_path / "a" / "readme.txt").write_text("kept")
    (tmp_path / "a" / "zz").mkdir()
    (tmp_path / "a" / "zz" / "notes.txt").write_text("kept")
    assert [one.key for one in store.kept("a")] == [mine]
    store.delete([mine, mine])
    assert list(store.kept("a")) == []
    assert store.get(other) == b"2"


def test_a_directory_that_is_not_there_yet_holds_nothing(tmp_path):
    assert list(FileStore(tmp_path / "none").kept("a")) == []


def test_ids_that_differ_by_case_alone_stay_apart(tmp_path):
    store, upper, lower = FileStore(tmp_path), new_key("a", "E"), new_key("a", "e")
    store.put(upper, b"1")
    store.put(lower, b"2")
    assert {one.key for one in store.kept("a")} == {upper, lower}
