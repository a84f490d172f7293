"""Secrets in the environment: one variable stands for one secret of one namespace, or for none."""

import pytest

from redflow.errors import InvalidInput, Misconfigured
from redflow.secrets import EnvSecrets, SecretValue
from redflow.secrets.environment import variable_of

ENVIRON = {
    "REDFLOW_SECRET__SHOP__STRIPE_KEY": "value",
    "REDFLOW_SECRET__SHOP__STRIPE_KEY__HOSTS": "api.stripe.example, *.example.com",
    "REDFLOW_SECRET__MY_TEAM__TOKEN": "team",
    "REDFLOW_SECRET__SHOP__EMPTY": "",
    "STRIPE_KEY": "not ours",
}
SECRETS = EnvSecrets(ENVIRON)


@pytest.mark.parametrize("name", ["stripe-key", "stripe_key", "STRIPE_KEY", "Stripe-Key"])
def test_letters_of_any_case_and_hyphens(name):
    hosts = ("api.stripe.example", "*.example.com")
    assert SECRETS.get("shop", name) == SecretValue("value", hosts, name)


def test_a_namespace_with_a_hyphen():
    assert SECRETS.get("my-team", "token") == SecretValue("team", (), "token")


@pytest.mark.parametrize(
    ("namespace", "name"),
    [("shop", "other"), ("default", "stripe-key"), ("my", "token"), ("shop", "empty")],
)
def test_others_are_not_there(namespace, name):
    assert SECRETS.get(namespace, name) is None


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("a--b", "c"),
        ("a", "b__c"),
        ("a", "b--c"),
        ("a", "b-_c"),
        ("a-", "c"),
        ("a", "_c"),
        ("a", "c-"),
        ("shop", "stripe_key__hosts"),
    ],
)
def test_a_name_that_two_namespaces_could_have_is_read_for_none(namespace, name):
    variable = f"REDFLOW_SECRET__{namespace}__{name}".upper().replace("-", "_")
    secrets = EnvSecrets({variable: "whose?"})
    assert secrets.get(namespace, name) is None
    assert "ambiguous" in secrets.where(namespace, name)


def test_every_variable_is_of_one_namespace():
    parts = ["a", "b", "a-b", "a--b", "a_b", "a__b", "b-", "-b", "hosts"]
    namespaces = [one for one in parts if "_" not in one]
    made = [(variable_of(space, name), space) for space in namespaces for name in parts]
    owners: dict[str, set[str]] = {}
    for variable, space in made:
        if variable is not None:
            owners.setdefault(variable, set()).add(space)
    assert len(owners) == 16
    assert {len(spaces) for spaces in owners.values()} == {1}


def test_two_variables_for_one_secret_are_refused():
    secrets = EnvSecrets({"REDFLOW_SECRET__A__B_C": "x", "REDFLOW_SECRET__a__b-c": "y"})
    with pytest.raises(Misconfigured, match="2 environment variables") as caught:
        secrets.get("a", "b_c")
    assert "keep REDFLOW_SECRET__A__B_C" in caught.value.hint


def test_hosts_that_are_none_name_the_variable():
    secrets = EnvSecrets({"REDFLOW_SECRET__A__B": "x", "REDFLOW_SECRET__A__B__HOSTS": "http://h"})
    with pytest.raises(InvalidInput, match="REDFLOW_SECRET__A__B__HOSTS"):
        secrets.get("a", "b")


def test_it_reads_the_environment_of_the_process_when_asked(monkeypatch):
    secrets = EnvSecrets()
    before = secrets.get("shop", "late")
    monkeypatch.setenv("REDFLOW_SECRET__SHOP__LATE", "now")
    assert (before, secrets.get("shop", "late")) == (None, SecretValue("now", (), "late"))


def test_it_says_where_it_looked():
    assert SECRETS.where("my-team", "a-b") == "the environment (REDFLOW_SECRET__MY_TEAM__A_B)"


@pytest.mark.parametrize("name", ["", "a.b", "a/b", 7])
def test_bad_names(name):
    with pytest.raises(InvalidInput):
        SECRETS.get("shop", name)
