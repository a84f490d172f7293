"""Schemes: what is signed passes; what is changed, late, early or signed by nobody does not."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook as Oracle
from standardwebhooks.webhooks import WebhookVerificationError

from redflow.defaults import WEBHOOK_SKEW
from redflow.model.webhook import SchemeOptions, WebhookScheme
from redflow.nodes.webhook_signature import message_id, signature, signing_key
from redflow.webhooks.refusals import Refused, Result
from redflow.webhooks.schemes import VERIFIERS
from redflow.webhooks.schemes.slack import greeting_of
from redflow.webhooks.schemes.verifying import UnfitSecret, Verified, require_match
from tests.webhooks.kit import (
    NOW,
    SENDERS,
    WHSEC,
    Sender,
    delivery,
    github,
    slack,
    standard,
    stripe,
)

BODY = b'{"amount": 42, "id": "evt_1", "event_id": "Ev1"}'
SKEW = int(WEBHOOK_SKEW)
TIMED = {name: one for name, one in SENDERS.items() if one.signs_time}
BODIES = {name: one for name, one in SENDERS.items() if one.signs_body}


def verify(
    sender: Sender, headers: dict[str, str], body: bytes = BODY, *, secrets=None, now: float = NOW
) -> Verified:
    live = secrets if secrets is not None else sender.secrets[:1]
    return VERIFIERS[sender.scheme](delivery(body, headers), live, sender.options, now)


def result_of(*args, **given) -> Result:
    with pytest.raises(Refused) as caught:
        verify(*args, **given)
    return caught.value.result


@pytest.fixture(params=SENDERS.values(), ids=list(SENDERS))
def sender(request: pytest.FixtureRequest) -> Sender:
    return request.param


def test_what_is_signed_passes(sender: Sender):
    assert verify(sender, sender.sign(BODY, sender.secrets[0], int(NOW)))


def test_while_secrets_rotate_either_passes(sender: Sender):
    for secret in sender.secrets:
        assert verify(sender, sender.sign(BODY, secret, int(NOW)), secrets=sender.secrets)


def test_another_secret_does_not(sender: Sender):
    signed = sender.sign(BODY, sender.secrets[1], int(NOW))
    assert result_of(sender, signed) is Result.SIGNATURE


@pytest.mark.parametrize("sender", BODIES.values(), ids=BODIES)
def test_a_body_that_was_changed_does_not(sender: Sender):
    signed = sender.sign(BODY, sender.secrets[0], int(NOW))
    assert result_of(sender, signed, BODY + b" ") is Result.SIGNATURE


def test_no_headers_at_all(sender: Sender):
    assert result_of(sender, {}) is Result.SIGNATURE


def test_each_header_counts(sender: Sender):
    signed = sender.sign(BODY, sender.secrets[0], int(NOW))
    for name in signed:
        if name == "x-github-delivery":
            continue  # it is not signed
        assert result_of(sender, {**signed, name: ""}) is Result.SIGNATURE
        assert result_of(sender, {**signed, name: signed[name] + "é"}) is Result.SIGNATURE


@pytest.mark.parametrize("sender", TIMED.values(), ids=TIMED)
@pytest.mark.parametrize("skew", [SKEW, -SKEW])
def test_a_time_at_the_edge_passes(sender: Sender, skew: int):
    assert verify(sender, sender.sign(BODY, sender.secrets[0], int(NOW) + skew))


@pytest.mark.parametrize("sender", TIMED.values(), ids=TIMED)
@pytest.mark.parametrize("skew", [SKEW + 1, -SKEW - 1])
def test_a_time_that_is_late_or_early_does_not(sender: Sender, skew: int):
    signed = sender.sign(BODY, sender.secrets[0], int(NOW) + skew)
    assert result_of(sender, signed) is Result.TIME


@pytest.mark.parametrize("sender", TIMED.values(), ids=TIMED)
def test_the_signature_is_judged_before_the_time(sender: Sender):
    """Or a stale delivery of anybody would tell that the path leads somewhere."""
    signed = sender.sign(BODY, sender.secrets[1], 1)
    assert result_of(sender, signed) is Result.SIGNATURE


@pytest.mark.parametrize("sender", TIMED.values(), ids=TIMED)
@pytest.mark.parametrize("time", ["", "-1", "1e9", "٣", "9" * 13, " 1"])
def test_a_time_that_is_none(sender: Sender, time: str):
    signed = {
        name: value.replace(str(int(NOW)), time)
        for name, value in sender.sign(BODY, sender.secrets[0], int(NOW)).items()
    }
    assert result_of(sender, signed) is Result.SIGNATURE


# --- vectors that the services publish


def test_githubs_own_example():
    headers = {
        "x-hub-signature-256": (
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        )
    }
    found = verify(
        SENDERS["github"], headers, b"Hello, World!", secrets=["It's a Secret to Everybody"]
    )
    assert found.key.startswith(b"signed:")


def test_slacks_own_example():
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    secret = "8f742231b10e8888abcd99yyyzzz85a5"
    assert verify(SENDERS["slack"], headers, body, secrets=[secret], now=1531420618)


def test_the_example_of_standard_webhooks():
    id, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}'
    headers = {
        "webhook-id": id,
        "webhook-timestamp": "1614265330",
        "webhook-signature": Oracle(WHSEC).sign(id, datetime.fromtimestamp(1614265330, UTC), body),
    }
    found = verify(SENDERS["standard"], headers, body.encode(), now=1614265330)
    assert found == Verified(id, f"id:{id}".encode())


# --- standard


@pytest.mark.parametrize("skew", [0, 299, -299, 301, -301])
@pytest.mark.parametrize("body", [b"{}", b'{"a": "\xc3\xa9"}', b'{"a":' + b" " * 5000 + b"1}"])
def test_the_library_of_standard_webhooks_says_the_same(skew: int, body: bytes):
    """It knows no clock but its own, so what is signed lies around that of this machine."""
    now = datetime.now(UTC)
    sent = now + timedelta(seconds=skew)
    oracle = Oracle(WHSEC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(sent.timestamp())),
        "webhook-signature": oracle.sign("msg_1", sent, body.decode()),
    }
    try:
        oracle.verify(body, headers)
        right = True
    except WebhookVerificationError:
        right = False
    try:
        verify(SENDERS["standard"], headers, body, now=now.timestamp())
        ours = True
    except Refused:
        ours = False
    assert ours == right == (abs(skew) < 300)


def test_what_our_own_notify_nodes_send_is_verified():
    id, time = message_id("order-1/notify"), int(NOW)
    headers = {
        "webhook-id": id,
        "webhook-timestamp": str(time),
        "webhook-signature": signature([signing_key(WHSEC, "s")], id, time, BODY),
    }
    assert verify(SENDERS["standard"], headers).id == id


@pytest.mark.parametrize("id", ["", "a.b", "a b", "x" * 129, "é", "a\n"])
def test_ids_that_are_none(id: str):
    signed = standard(BODY, WHSEC, int(NOW), id)
    assert result_of(SENDERS["standard"], signed) is Result.SIGNATURE


def test_one_of_several_signatures_is_enough():
    signed = standard(BODY, WHSEC, int(NOW))
    signed["webhook-signature"] = f"v2,x v1,AAAA v1a,AAAA v1 {signed['webhook-signature']}"
    assert verify(SENDERS["standard"], signed)


def test_signatures_are_looked_at_up_to_a_bound():
    signed = standard(BODY, WHSEC, int(NOW))
    signed["webhook-signature"] = "v1,AAAA " * 16 + signed["webhook-signature"]
    assert result_of(SENDERS["standard"], signed) is Result.SIGNATURE


@pytest.fixture
def private() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def public(private: Ed25519PrivateKey) -> str:
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return "whpk_" + base64.b64encode(raw).decode()


def asymmetric(private: Ed25519PrivateKey, body: bytes, time: int) -> dict[str, str]:
    made = base64.b64encode(private.sign(f"msg_1.{time}.".encode() + body)).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(time),
        "webhook-signature": f"v1a,{made}",
    }


def test_ed25519(private: Ed25519PrivateKey):
    signed = asymmetric(private, BODY, int(NOW))
    live = [public(private)]
    assert verify(SENDERS["standard"], signed, secrets=live).id == "msg_1"
    assert verify(SENDERS["standard"], signed, secrets=[WHSEC, *live]).id == "msg_1"
    assert result_of(SENDERS["standard"], signed, b"{}", secrets=live) is Result.SIGNATURE
    late = asymmetric(private, BODY, int(NOW) - SKEW - 1)
    assert result_of(SENDERS["standard"], late, secrets=live) is Result.TIME


def test_a_public_key_verifies_no_hmac(private: Ed25519PrivateKey):
    """Everybody knows it: who signs with it as if it were a secret has signed nothing."""
    known = public(private)
    key = base64.b64decode(known.removeprefix("whpk_"))
    made = hmac.digest(key, f"msg_1.{int(NOW)}.".encode() + BODY, "sha256")
    signed = asymmetric(private, BODY, int(NOW))
    for version in ("v1", "v1a"):
        signed["webhook-signature"] = f"{version},{base64.b64encode(made).decode()}"
        assert result_of(SENDERS["standard"], signed, secrets=[known]) is Result.SIGNATURE


@pytest.mark.parametrize(
    "secret", ["canary", "whsec_AAAA", "whsec_" + "A" * 88, "whpk_AAAA", "whsec_é"]
)
def test_secrets_that_are_none_for_the_scheme(secret: str):
    with pytest.raises(UnfitSecret) as caught:
        verify(SENDERS["standard"], standard(BODY, WHSEC, int(NOW)), secrets=[secret])
    assert secret not in str(caught.value)


# --- what tells deliveries apart


@pytest.mark.parametrize(
    ("sender", "sign", "id"), [("stripe", stripe, "evt_1"), ("slack", slack, "Ev1")]
)
def test_an_id_in_a_signed_body_counts_whatever_the_time(sender, sign, id):
    keys = {
        verify(SENDERS[sender], sign(BODY, SENDERS[sender].secrets[0], int(NOW) + late)).key
        for late in (0, 60)
    }
    assert keys == {f"id:{id}".encode()}


@pytest.mark.parametrize("body", [b"", b"[]", b"a=b", b'{"id": 7, "event_id": ""}', b"[" * 9999])
@pytest.mark.parametrize(("sender", "sign"), [("stripe", stripe), ("slack", slack)])
def test_without_one_what_was_signed_counts(sender, sign, body):
    secret = SENDERS[sender].secrets[0]
    first, again, later = (
        verify(SENDERS[sender], sign(body, secret, int(NOW) + late), body) for late in (0, 0, 1)
    )
    assert first == again != later
    assert first.id == ""


def test_the_id_that_github_does_not_sign_does_not_count():
    signed = github(BODY, SENDERS["github"].secrets[0], 0)
    first = verify(SENDERS["github"], signed)
    again = verify(SENDERS["github"], {**signed, "x-github-delivery": "d-2"})
    assert (first.id, again.id) == ("d-1", "d-2")
    assert first.key == again.key


@pytest.mark.parametrize("name", ["github", "hmac", "hmac with a time"])
def test_the_other_of_two_signatures_is_the_same_delivery(name: str):
    sender = SENDERS[name]
    keys = {
        verify(sender, sender.sign(BODY, secret, int(NOW)), secrets=sender.secrets).key
        for secret in sender.secrets
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("key", "found"),
    [("", (("", b""))), ("k 1", ("", b"")), ("x" * 256, ("", b"")), ("k-1", ("k-1", b"id:k-1"))],
)
def test_who_shows_a_key_says_what_is_a_repetition(key, found):
    sender = SENDERS["api_key"]
    signed = {**sender.sign(BODY, sender.secrets[0], 0), "idempotency-key": key}
    assert verify(sender, signed) == Verified(*found)
    unsigned = VERIFIERS[WebhookScheme.UNSIGNED]
    given = delivery(BODY, {"idempotency-key": key})
    assert unsigned(given, [], SchemeOptions(), NOW) == Verified(*found)


# --- comparing


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch):
    """All of them, whichever fits, and never by `==`."""
    compared = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return first == second

    monkeypatch.setattr("redflow.webhooks.schemes.verifying.hmac.compare_digest", compare)
    require_match([b"a", b"b"], [b"a", b"c"])
    assert compared == [(b"a", b"a"), (b"a", b"c"), (b"b", b"a"), (b"b", b"c")]


@pytest.mark.parametrize("name", SENDERS)
def test_every_scheme_compares_so(name: str, monkeypatch: pytest.MonkeyPatch):
    sender = SENDERS[name]
    monkeypatch.setattr(
        "redflow.webhooks.schemes.verifying.hmac.compare_digest", lambda first, second: False
    )
    signed = sender.sign(BODY, sender.secrets[0], int(NOW))
    assert result_of(sender, signed) is Result.SIGNATURE


# --- the question of Slack


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"type": "url_verification", "challenge": "c"}', {"challenge": "c"}),
        (b'{"type": "url_verification"}', None),
        (b'{"type": "url_verification", "challenge": 7}', None),
        (b'{"type": "event_callback", "challenge": "c"}', None),
        (b"[]", None),
        (b"a=b", None),
    ],
)
def test_a_greeting(body, answer):
    assert greeting_of(delivery(body, {})) == answer


def test_every_scheme_has_a_verifier():
    assert set(VERIFIERS) == set(WebhookScheme)
    assert {one.scheme for one in SENDERS.values()} == set(WebhookScheme) - {WebhookScheme.UNSIGNED}
