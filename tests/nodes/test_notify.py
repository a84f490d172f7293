"""The `notify` node: signed webhooks, what their receivers answer, and messages by Apprise."""

import asyncio
import base64
import hashlib
import hmac
import sys
import time
from types import ModuleType

import pytest

from redflow.errors import Misconfigured
from redflow.model.outcome import Retry
from redflow.nodes.base import UnfitInput
from redflow.nodes.failures import NotSent, UnexpectedStatus
from redflow.nodes.webhook_signature import message_id, signature, signing_key
from redflow.secrets import SecretValue
from tests.nodes.kit import problems
from tests.nodes.outgoing import Sender, reply

URL = "https://example.com/hooks"
KEY, OLD = (bytes([byte]) * 32 for byte in (7, 9))
WHSEC, OLD_WHSEC = ("whsec_" + base64.b64encode(key).decode() for key in (KEY, OLD))
APPRISE = "mailtos://user:token-1@example.com"


def expected(key: bytes, message: str, timestamp: str, body: bytes) -> str:
    """The signature as the specification words it."""
    signed = message.encode() + b"." + timestamp.encode() + b"." + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


# --- webhooks


async def test_the_signature_of_the_example_of_the_specification():
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "s")
    body = b'{"test": 2432232314}'
    assert signature([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


async def test_a_webhook_is_signed_and_the_input_passes_through():
    sender = Sender("notify", reply(204, body=b""), sign=WHSEC)
    value = {"order": 7}
    assert await sender.run(value, url=URL, secret={"$secret": "sign"}) == value
    headers, sent = sender.headers, sender.sent
    assert (sent.method, sent.content, sent.written) == ("POST", b'{"order":7}', True)
    assert headers["content-type"] == "application/json"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["webhook-signature"] == expected(
        KEY, headers["webhook-id"], headers["webhook-timestamp"], sent.content
    )


async def test_a_signature_goes_where_its_keys_may_go():
    sender = Sender("notify", sign=WHSEC)
    await sender.run(url=URL, secret={"$secret": "sign"})
    credential = sender.credential("webhook-signature")
    assert (credential.hosts, credential.name) == (("example.com",), "sign")


async def test_two_keys_sign_while_they_change():
    sender = Sender("notify", new=WHSEC, old=OLD_WHSEC)
    await sender.run(url=URL, secret=[{"$secret": "new"}, {"$secret": "old"}])
    headers = sender.headers
    signed = (headers["webhook-id"], headers["webhook-timestamp"], sender.sent.content)
    both = [expected(KEY, *signed), expected(OLD, *signed)]
    assert headers["webhook-signature"].split(" ") == both


def test_the_id_of_a_message_is_that_of_the_step_and_has_no_dot():
    assert message_id("e1.n~2:n") == message_id("e1.n~2:n")
    assert message_id("e1.n~2:n") != message_id("e1.n~2:m")
    assert message_id("e1.n~2:n").removeprefix("msg_").isalnum()


async def test_a_body_of_its_own_without_a_signature():
    sender = Sender("notify")
    body = {"text": "order ${input.order}"}
    await sender.run({"order": 7}, url=URL, method="put", body=body, headers={"X-A": "b"})
    assert (sender.sent.method, sender.sent.content) == ("PUT", b'{"text":"order 7"}')
    assert sender.headers.keys() == {"x-a", "content-type", "webhook-id", "webhook-timestamp"}


async def test_text_is_sent_as_it_is():
    sender = Sender("notify")
    await sender.run({"n": 7}, url=URL, body='{"order": ${input.n}}')
    assert sender.sent.content == b'{"order": 7}'
    assert sender.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_url_may_be_a_secret_and_counts_as_written():
    sender = Sender("notify", reply(500, "no"), hook=URL + "/token-1\n")
    with pytest.raises(UnexpectedStatus) as caught:
        await sender.run(url={"$secret": "hook"})
    assert (sender.sent.url, sender.sent.written) == (URL + "/token-1", True)
    assert "token-1" not in str(caught.value)
    assert sender.masked(f"{URL}/token-1\n") == "***hook***"


async def test_a_url_from_data_is_not_written():
    sender = Sender("notify")
    await sender.run({"url": URL}, url="${input.url}")
    assert sender.sent.written is False


@pytest.mark.parametrize("status", [301, 400, 404, 408, 500, 503])
async def test_a_receiver_that_does_not_take_it_is_tried_again(status):
    with pytest.raises(UnexpectedStatus, match=f"POST https://example.com answered {status}"):
        await Sender("notify", reply(status)).run(url=URL)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_receiver_chooses_the_delay(status):
    with pytest.raises(Retry) as caught:
        await Sender("notify", reply(status, retry_after="30")).run(url=URL)
    assert caught.value.after == 30.0


async def test_a_receiver_that_is_gone_ends_it():
    failed = await Sender("notify", reply(410)).run(url=URL)
    assert not failed.retryable
    assert "remove the node" in failed.error.message


@pytest.mark.parametrize(
    "key", ["whsec_AAAA", "whsec_" + "*" * 44, base64.b64encode(KEY).decode(), "whsec_" + "A" * 200]
)
async def test_a_key_that_is_none_is_named_and_not_shown(key):
    sender = Sender("notify", sign=key)
    with pytest.raises(UnfitInput, match="secret 'sign' is no key") as caught:
        await sender.run(url=URL, secret={"$secret": "sign"})
    assert key not in str(caught.value)
    assert sender.egress.requests == []


# --- Apprise


class Library(ModuleType):
    """Stands for the package: knows mailtos, and remembers what it sent."""

    def __init__(self, *, takes: bool = True) -> None:
        super().__init__("apprise")
        self.sent: list[tuple[str, dict[str, str]]] = []
        library = self

        class Apprise:
            def add(self, url: str) -> bool:
                self.url = url
                return url.startswith("mailtos://")

            async def async_notify(self, **message: str) -> bool:
                library.sent.append((self.url, message))
                return takes

        self.Apprise = Apprise


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setitem(sys.modules, "apprise", made)
    return made


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("order ${input.n}", {"body": "order 7", "title": "", "notify_type": "info"}),
        (
            {"body": "b", "title": "t", "type": "failure"},
            {"body": "b", "title": "t", "notify_type": "failure"},
        ),
    ],
)
async def test_a_message_by_apprise(library, body, message):
    sender = Sender("notify", apprise=True, mail=APPRISE)
    assert await sender.run({"n": 7}, url={"$secret": "mail"}, body=body) == {"n": 7}
    assert library.sent == [(APPRISE, message)]
    assert sender.egress.requests == []


async def test_apprise_is_refused_unless_it_is_allowed(library):
    failed = await Sender("notify", mail=APPRISE).run(url={"$secret": "mail"}, body="b")
    assert not failed.retryable
    assert "REDFLOW_APPRISE=1" in failed.error.message
    assert "token-1" not in failed.error.message
    assert library.sent == []


async def test_data_never_choose_where_apprise_leads(library):
    sender = Sender("notify", apprise=True)
    failed = await sender.run({"url": APPRISE}, url="${input.url}", body="b")
    assert (failed.retryable, library.sent) == (False, [])


async def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Misconfigured, match=r'pip install "redflow-engine\[notify\]"'):
        await Sender("notify", apprise=True).run(url=APPRISE, body="b")


async def test_a_service_that_takes_nothing_is_tried_again(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", Library(takes=False))
    with pytest.raises(NotSent, match="did not take the message"):
        await Sender("notify", apprise=True).run(url=APPRISE, body="b")


async def test_a_url_that_apprise_does_not_know_ends_it(library):
    failed = await Sender("notify", apprise=True).run(url="carrier-pigeon://token-1", body="b")
    assert not failed.retryable
    assert "token-1" not in failed.error.message


@pytest.mark.parametrize("body", [{"n": 7}, 7, "", {"title": "t"}, {"body": "b", "type": "loud"}])
async def test_a_message_is_text(library, body):
    with pytest.raises(UnfitInput):
        await Sender("notify", apprise=True).run(url=APPRISE, body=body)
    assert library.sent == []


# --- what is wrong with a config


@pytest.mark.parametrize(
    ("config", "at", "says"),
    [
        ({"url": 5}, "/url", "Expected `str | object`"),
        ({"url": "example.com"}, "/url", "no URL"),
        ({"url": "https://a:b@example.com"}, "/url", "do not belong in a URL"),
        ({"url": "json://${input.host}"}, "/url", "takes no ${...}"),
        ({"url": {"$secret": "a/b"}}, "/url/$secret", "name of a secret"),
        ({"url": APPRISE, "headers": {"X-A": "b"}}, "/headers", "http and https only"),
        ({"url": APPRISE, "secret": {"$secret": "a"}}, "/secret", "http and https only"),
        ({"url": APPRISE, "method": "PUT"}, "/method", "http and https only"),
        ({"method": "GET"}, "/method", "'GET' sends no body"),
        ({"headers": {"Webhook-Id": "x"}}, "/headers/Webhook-Id", "redflow sets this header"),
        ({"headers": {"Cookie": "x"}}, "/headers/Cookie", "by its name"),
        ({"secret": WHSEC}, "/secret", "never by its value"),
        ({"secret": [{"$secret": "a"}, WHSEC]}, "/secret/1", "never by its value"),
        ({"body": {"key": {"$secret": "a"}}}, "/body/key", "no secret is filled in here"),
        ({"timeout": -1}, "/timeout", "out of range"),
        ({"timeout": "${input.t}"}, "/timeout", "takes no"),
        ({"subject": "x"}, "/subject", "unknown field `subject`"),
    ],
)
def test_what_is_wrong_with_the_config(config, at, says):
    found = problems("notify", **({"url": URL} | config))
    assert [where for where, _ in found] == [at]
    assert says in found[0][1]
    assert WHSEC not in found[0][1], "a literal is never shown"


async def test_keys_without_a_host_in_common_sign_for_nobody():
    class Two:
        def get(self, namespace, name):
            return SecretValue(WHSEC, (f"{name}.example.com",), name)

    sender = Sender("notify", provider=Two())
    await sender.run(url=URL, secret=[{"$secret": "a"}, {"$secret": "b"}])
    assert sender.credential("webhook-signature").hosts == ()


async def test_a_service_that_says_nothing_in_time_is_tried_again(library):
    class Silent:
        def add(self, url):
            return True

        async def async_notify(self, **message):
            await asyncio.Event().wait()

    library.Apprise = Silent
    with pytest.raises(NotSent, match=r"no answer within 0\.01 s"):
        await Sender("notify", apprise=True).run(url=APPRISE, body="b", timeout="10ms")
