"""Texts that look like keys are found wherever they stand, and never repeated."""

import asyncio

import pytest

from redflow import Engine, Workflow
from redflow.secrets.literals import literal_keys

# Put together here, so that no scanner takes this file for a leak.
KEYS = {
    "an OpenAI or Anthropic key": "sk" + "-proj-" + "a1" * 12,
    "a Stripe key": "sk" + "_test_" + "a1" * 12,
    "a GitHub token": "ghp" + "_" + "a1" * 18,
    "a GitLab token": "glpat" + "-" + "a1" * 10,
    "a Slack token": "xoxb" + "-" + "12" * 8,
    "an AWS access key": "AKIA" + "Z9" * 8,
    "a Google API key": "AIza" + "a" * 35,
    "a SendGrid key": "SG" + "." + "a" * 22 + "." + "b" * 22,
    "a Hugging Face token": "hf" + "_" + "a" * 34,
    "an npm token": "npm" + "_" + "a" * 36,
    "a PyPI token": "pypi" + "-" + "a" * 40,
    "a webhook secret": "whsec" + "_" + "a" * 32,
    "a JSON web token": ".".join(["eyJ" + "a" * 12, "eyJ" + "b" * 12, "c" * 20]),
    "a private key": "-----BEGIN RSA PRIVATE" + " KEY-----\nabc",
}


@pytest.mark.parametrize(("kind", "key"), KEYS.items())
@pytest.mark.parametrize("around", ["{}", "Bearer {}", '{{"key": "{}"}}', "x={};"])
def test_a_key_is_found_and_named(kind, key, around):
    (found,) = literal_keys({"headers": [{"Authorization": around.format(key)}]})
    assert (found.pointer, found.kind) == ("/headers/0/Authorization", kind)
    assert str(found).startswith(f"/headers/0/Authorization looks like {kind}: ")
    assert key not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-" + "short",
        "task-" + "a" * 30,
        "risk_test_" + "a" * 30,
        "https://api.example.com/v1/charges",
        "AKIA",
        "${vars.key}",
        "the message of an ordinary log node, with words-and-hyphens",
    ],
)
def test_other_texts_are_left_alone(text):
    assert literal_keys({"text": text, "number": 7, "none": None}) == []


def test_each_place_is_told_once():
    both = f"{KEYS['a GitHub token']} {KEYS['a Slack token']}"
    assert [one.pointer for one in literal_keys({"a": both, "b": [both]})] == ["/a", "/b/0"]


def test_a_key_in_a_workflow_is_told_when_it_is_registered(caplog):
    key = KEYS["a Stripe key"]
    workflow = Workflow.builder("w").add_node("a", "log", message="m", fields={"k": key}).build()

    async def register():
        async with Engine.memory() as engine:
            await engine.register_workflow(workflow)

    asyncio.run(register())
    (told,) = [one.getMessage() for one in caplog.records if one.name == "redflow.client"]
    assert told.startswith("workflow w: /nodes/a/config/fields/k looks like a Stripe key: write")
    assert key not in caplog.text
