"""What a step leaves holds no secret it used, in whatever form it comes back."""

import base64
import html
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus, urlencode
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.secrets import Mask, SecretValue

CANARY = 'p@ss w/ord<&"é+~\\'
MARK = "***key***"


def mask_of(*values: str, name: str = "key") -> Mask:
    mask = Mask()
    for value in values:
        mask.add(SecretValue(value, (), name))
    return mask


FORMS = {
    "itself": CANARY,
    "json": json.dumps({"echo": CANARY}),
    "json in utf-8": json.dumps({"echo": CANARY}, ensure_ascii=False),
    "repr": repr(["echo", CANARY]),
    "error": str(ValueError(f"server said {CANARY!r}")),
    "html": f"<p>{html.escape(CANARY)}</p>",
    "query": urlencode({"key": CANARY}),
    "path": f"/x/{quote(CANARY, safe='')}",
    "quoted": quote(CANARY),
    "quoted in small letters": quote_plus(CANARY).lower(),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64 without padding": base64.b64encode(CANARY.encode()).decode().rstrip("="),
    "base64 for URLs": base64.urlsafe_b64encode(CANARY.encode()).decode(),
    "hex": CANARY.encode().hex(),
    "HEX": CANARY.encode().hex().upper(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found(form):
    text = f"before {FORMS[form]} after"
    masked = mask_of(CANARY).text(text)
    assert MARK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert len(masked) < len(text)


@pytest.mark.parametrize("before", ["", "a", "ab", "user:", "someone:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_of_a_longer_text(before, encode):
    """A server that echoes `Authorization: Basic ...` gives nothing away."""
    masked = mask_of("hunter2-canary").text(encode(f"{before}hunter2-canary".encode()).decode())
    assert MARK in masked
    rest = masked.replace(MARK, "").rstrip("=")
    decoded = base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4)) if len(rest) % 4 != 1 else b""
    assert b"canar" not in decoded


def test_values_at_any_depth():
    value = {
        "list": [1, None, f"x{CANARY}x", (CANARY,)],
        f"key {CANARY}": True,
        "bytes": CANARY.encode() + b"\x00",
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "ratio": 0.5,
    }
    assert mask_of(CANARY).mask(value) == {
        "list": [1, None, f"x{MARK}x", [MARK]],
        f"key {MARK}": True,
        "bytes": MARK.encode() + b"\x00",
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "ratio": 0.5,
    }


@dataclass
class Echo:
    text: str
    count: int = 1


class Model(msgspec.Struct):
    text: str


@pytest.mark.parametrize("value", [Echo(f"x{CANARY}"), Model(f"x{CANARY}")])
def test_objects_become_what_is_stored_of_them(value):
    masked = mask_of(CANARY).mask([value])
    assert masked[0]["text"] == f"x{MARK}"


@pytest.mark.parametrize(
    ("secret", "value"),
    [
        ("12345678", 12345678),
        ("1234.50", Decimal("1234.50")),
        ("12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
    ],
)
def test_a_secret_that_became_a_number(secret, value):
    assert mask_of(secret).mask({"pin": value, "other": 7}) == {"pin": MARK, "other": 7}


def test_each_line_of_a_secret():
    key = "-----BEGIN-----\nMIIEabcdefgh\nMIIEijklmnop\nab\n-----END-----"
    masked = mask_of(key).text("line 2 is MIIEijklmnop, and so is crab")
    assert masked == f"line 2 is {MARK}, and so is crab"


def test_a_secret_inside_of_another():
    mask = Mask()
    mask.add(SecretValue("canary", (), "short"))
    mask.add(SecretValue("canary-4711", (), "long"))
    assert mask.text("canary-4711, canary") == "***long***, ***short***"


@pytest.mark.parametrize("short", ["a", "ab", "abc"])
def test_a_short_secret_is_masked_where_it_stands_alone(short):
    masked = mask_of(short).mask({"pin": short, "text": f"cab {short}"})
    assert masked == {"pin": MARK, "text": f"cab {short}"}


def test_without_secrets_a_value_is_itself():
    value: dict[str, Any] = {"a": [1, "x"]}
    assert not Mask()
    assert Mask().mask(value) is value


def test_an_empty_value_masks_nothing():
    assert not mask_of("")


def test_a_mask_knows_something():
    assert mask_of(CANARY)


def test_what_is_nested_too_deep_is_left_to_the_codec():
    value: list[Any] = []
    value.append(value)
    masked = mask_of(CANARY).mask(value)
    for _ in range(101):
        (masked,) = masked
    assert masked is value


texts = st.text(st.characters(codec="utf-8"), max_size=12)


@given(secret=st.text(st.characters(codec="utf-8"), min_size=4, max_size=40), around=texts)
def test_no_secret_survives(secret, around):
    """Whatever it is made of, no form that a server answers holds it any more."""
    mask = mask_of(secret, name="k")
    for text in (
        secret,
        json.dumps(secret),
        repr(secret),
        quote(secret, safe=""),
        html.escape(secret),
    ):
        masked = mask.text(f"{around}|{text}|{around}")
        assert secret not in masked.replace("***k***", "")


@given(before=st.binary(max_size=4), secret=st.text("abcXYZ019", min_size=8, max_size=20))
def test_no_base64_survives(before, secret):
    masked = mask_of(secret).text(base64.b64encode(before + secret.encode()).decode())
    assert MARK in masked
