"""Secrets in mounted files: read as they are now, from inside their namespace, or not at all."""

import os
import shutil
from pathlib import Path

import pytest

from redflow.errors import InvalidInput, Misconfigured
from redflow.secrets import FileSecrets, SecretValue

CANARY = "canary-4711"


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """Return a directory with one secret of the namespace shop, beside one nobody may read."""
    folder = tmp_path / "mount" / "shop"
    folder.mkdir(parents=True)
    (folder / "stripe").write_text(f"{CANARY}\n")
    (folder / "stripe.hosts").write_text("api.stripe.example\n*.example.com\n")
    (tmp_path / "outside").write_text("not yours")
    return tmp_path / "mount"


async def test_a_file_and_its_hosts(mount: Path):
    hosts = ("api.stripe.example", "*.example.com")
    assert await FileSecrets(mount).get("shop", "stripe") == SecretValue(CANARY, hosts, "stripe")


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("a", "a"),
        ("a\n", "a"),
        ("a\r\n", "a"),
        ("a\n\n", "a\n"),
        (" a \n", " a "),
        ("a\nb\n", "a\nb"),
    ],
)
def test_one_line_end_is_dropped(mount: Path, content: str, value: str):
    (mount / "shop" / "key").write_bytes(content.encode())
    assert FileSecrets(mount).read("shop", "key") == SecretValue(value, (), "key")


def test_a_file_that_changed_is_read_again(mount: Path):
    secrets = FileSecrets(mount)
    before = secrets.read("shop", "stripe")
    stamp = os.stat(mount / "shop" / "stripe")
    (mount / "shop" / "stripe").write_text("canary-4712\n")
    os.utime(mount / "shop" / "stripe", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    after = secrets.read("shop", "stripe")
    assert before is not None
    assert after is not None
    assert (before.value, after.value) == (CANARY, "canary-4712")


@pytest.mark.parametrize(("namespace", "name"), [("shop", "other"), ("other", "stripe")])
def test_what_is_not_there(mount: Path, namespace: str, name: str):
    assert FileSecrets(mount).read(namespace, name) is None


def test_a_directory_that_is_not_there(tmp_path: Path):
    assert FileSecrets(tmp_path / "none").read("shop", "stripe") is None


def test_an_empty_file_is_none(mount: Path):
    (mount / "shop" / "stripe").write_text("\n")
    assert FileSecrets(mount).read("shop", "stripe") is None


@pytest.mark.parametrize(
    "name", ["../outside", "..", ".", "a/b", "/etc/passwd", "stripe.hosts", ""]
)
def test_no_name_leads_elsewhere(mount: Path, name: str):
    with pytest.raises(InvalidInput):
        FileSecrets(mount).read("shop", name)


@pytest.mark.parametrize("namespace", ["..", "../mount", "a/b", "/", ""])
def test_no_namespace_leads_elsewhere(mount: Path, namespace: str):
    with pytest.raises(InvalidInput):
        FileSecrets(mount).read(namespace, "stripe")


# Links


def kubernetes(folder: Path, version: str, **values: str) -> None:
    """Write a volume as the kubelet does: links to ..data, which is a link that is replaced."""
    data = folder / f"..{version}"
    data.mkdir(parents=True)
    for name, value in values.items():
        (data / name).write_text(value)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    fresh = folder / "..data_tmp"
    fresh.symlink_to(data.name)
    fresh.replace(folder / "..data")


def test_the_links_of_kubernetes(tmp_path: Path):
    secrets, folder = FileSecrets(tmp_path), tmp_path / "shop"
    kubernetes(folder, "2026_01", stripe="one")
    before = secrets.read("shop", "stripe")
    kubernetes(folder, "2026_02", stripe="two")
    shutil.rmtree(folder / "..2026_01")
    after = secrets.read("shop", "stripe")
    assert (before, after) == (SecretValue("one", (), "stripe"), SecretValue("two", (), "stripe"))


def test_a_volume_of_several_namespaces(tmp_path: Path):
    data = tmp_path / "..2026" / "shop"
    data.mkdir(parents=True)
    (data / "stripe").write_text("one")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "shop").symlink_to("..data/shop")
    assert FileSecrets(tmp_path).read("shop", "stripe") == SecretValue("one", (), "stripe")


def test_a_mount_that_is_itself_a_link(mount: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(mount)
    found = FileSecrets(tmp_path / "link").read("shop", "stripe")
    assert found is not None
    assert found.value == CANARY


@pytest.mark.parametrize("target", ["../../outside", "/etc/hostname", "../other/stripe", "."])
def test_a_link_that_leads_out_is_refused(mount: Path, target: str):
    (mount / "other").mkdir()
    (mount / "other" / "stripe").write_text("of another namespace")
    (mount / "shop" / "leak").symlink_to(target)
    with pytest.raises(Misconfigured, match="leads out of its namespace"):
        FileSecrets(mount).read("shop", "leak")


def test_a_namespace_that_is_a_link_out_is_refused(mount: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "stripe").write_text("x")
    (mount / "other").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Misconfigured, match="leads out"):
        FileSecrets(mount).read("other", "stripe")


def test_hosts_behind_a_link_out_are_refused(mount: Path):
    (mount / "shop" / "stripe.hosts").unlink()
    (mount / "shop" / "stripe.hosts").symlink_to("../../outside")
    with pytest.raises(Misconfigured, match=r"stripe\.hosts"):
        FileSecrets(mount).read("shop", "stripe")


def test_a_volume_replaced_while_it_is_read_is_read_again(mount: Path, monkeypatch):
    """The folder that was resolved has gone when the file is opened; the next try finds the new."""
    real, asked = os.path.realpath, []

    def realpath(path: Path) -> str:
        asked.append(path)
        found = real(path)
        return f"{found}.gone" if len(asked) == 1 else found

    monkeypatch.setattr("os.path.realpath", realpath)
    found = FileSecrets(mount).read("shop", "stripe")
    assert found is not None
    assert found.value == CANARY


# Files that are no secrets


def test_a_file_over_the_limit(mount: Path):
    (mount / "shop" / "big").write_text("x" * 101)
    assert FileSecrets(mount, limit=101).read("shop", "big") is not None
    with pytest.raises(Misconfigured, match="over 100 bytes"):
        FileSecrets(mount, limit=100).read("shop", "big")


def test_a_file_that_is_no_text(mount: Path):
    (mount / "shop" / "key").write_bytes(CANARY.encode() + b"\xff")
    with pytest.raises(Misconfigured, match="not UTF-8") as caught:
        FileSecrets(mount).read("shop", "key")
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_folder(mount: Path):
    (mount / "shop" / "key").mkdir()
    with pytest.raises(Misconfigured, match=r"no regular file|cannot be read"):
        FileSecrets(mount).read("shop", "key")


def test_a_pipe_does_not_block(mount: Path):
    os.mkfifo(mount / "shop" / "key")
    with pytest.raises(Misconfigured, match="no regular file"):
        FileSecrets(mount).read("shop", "key")


def test_a_loop_of_links(mount: Path):
    (mount / "shop" / "key").symlink_to("key")
    with pytest.raises(Misconfigured, match="cannot be read"):
        FileSecrets(mount).read("shop", "key")


def test_hosts_that_are_none_name_the_file(mount: Path):
    (mount / "shop" / "stripe.hosts").write_text("http://x\n")
    with pytest.raises(InvalidInput, match=r"shop/stripe\.hosts"):
        FileSecrets(mount).read("shop", "stripe")


def test_it_says_where_it_looked(mount: Path):
    assert FileSecrets(mount).where("shop", "x") == f"file {mount}/shop/x"
