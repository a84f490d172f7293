"""`redflow webhook`: added, listed, shown, rotated and removed by command."""

import pytest


@pytest.fixture
def shop(console):
    """Return a command line in a namespace that is there."""
    console("namespace", "create")
    return console


def add(shop, *more: str):
    return shop("webhook", "add", "stripe", "--workflow", "payment", *more)


def test_add_and_show(shop):
    made = add(shop, "--scheme", "stripe", "--secret", "stripe", "--rate", "9", "-o", "json")
    assert made.code == 0
    document = made.json
    assert document["url"].startswith(f"/webhooks/{shop.namespace}/")
    assert (document["scheme"], document["secrets"], document["rate"]) == ("stripe", ["stripe"], 9)
    assert shop("webhook", "show", "stripe", "-o", "json").json == document
    rows = dict(shop("webhook", "show", "stripe").rows)
    assert (rows["webhook"], rows["workflow"]) == ("stripe", "payment")


def test_add_with_everything(shop, tmp_path):
    template = tmp_path / "input.json"
    template.write_text('{"id": "${id}"}')
    found = add(
        shop,
        *("--scheme", "hmac", "--secret", "a", "--secret", "b", "--workflow-path"),
        *("--rate", "none", "--body-limit", "100", "--header", "X-A", "--option", "header=x-mac"),
        *("--option", "prefix=a=", "--input", f"@{template}", "-o", "json"),
    ).json
    assert found["url"].endswith("/payment")
    assert (found["secrets"], found["rate"], found["body_limit"]) == (["a", "b"], None, 100)
    assert (found["headers"], found["input"]) == (["x-a"], {"id": "${id}"})
    assert found["options"] == {"header": "x-mac", "prefix": "a="}


def test_unsigned_is_asked_for(shop):
    refused = add(shop, "--scheme", "unsigned")
    assert (refused.code, "allow_unsigned" in refused.err) == (2, True)
    assert add(shop, "--scheme", "unsigned", "--allow-unsigned").code == 0


@pytest.mark.parametrize("more", [("--rate", "x"), ("--rate", "0"), ("--option", "header")])
def test_what_is_refused(shop, more):
    assert add(shop, "--secret", "a", *more).code == 2
    assert shop("webhook", "list", "-o", "json").json == {"webhooks": []}


def test_list(shop):
    assert "no webhook" in shop("webhook", "list").err
    add(shop, "--secret", "a")
    (row,) = shop("webhook", "list").rows
    assert row[:4] == ["stripe", "payment", "standard", "a"]
    (one,) = shop("webhook", "list", "-o", "json").json["webhooks"]
    assert row[4] == one["url"]


def test_rotate(shop):
    before = add(shop, "--secret", "a", "-o", "json").json
    found = shop("webhook", "rotate", "stripe", "--secret", "b", "-o", "json").json
    assert (found["secrets"], found["url"]) == (["b", "a"], before["url"])
    found = shop("webhook", "rotate", "stripe", "--path", "-o", "json").json
    assert found["secrets"] == ["b"]
    assert found["url"] != before["url"]


def test_remove(shop):
    add(shop, "--secret", "a")
    removed = shop("webhook", "rm", "stripe", "--yes")
    assert removed.rows == [["webhook", "stripe"], ["removed", "yes"]]
    assert shop("webhook", "rm", "stripe", "--yes", "-o", "json").code == 3
    assert shop("webhook", "show", "stripe").code == 3
    add(shop, "--secret", "a")
    assert shop("webhook", "rm", "stripe", "--yes", "-o", "json").json["removed"] is True
