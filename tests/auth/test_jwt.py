"""Tokens: only those of this issuer, audience and key set count, whatever their headers say."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from redflow.auth import Credentials, Principal
from redflow.auth.jwks import BETWEEN, KEPT, KeySet, parse_keys
from redflow.auth.jwt import JwtAuthenticator
from redflow.errors import InvalidInput, Unauthenticated, Unavailable

URL = "https://id.example.com/keys"
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("k1", "k2", "stranger")}
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def published(*names):
    found = [jwt.algorithms.ECAlgorithm.to_jwk(KEYS[one].public_key(), True) for one in names]
    listed = [{**one, "kid": name, "use": "sig"} for name, one in zip(names, found, strict=True)]
    rsa_key = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), True)
    return json.dumps({"keys": [*listed, {**rsa_key, "kid": "rsa"}]}).encode()


class Issuer:
    """A key set to be read, and the time."""

    def __init__(self):
        self.keys, self.reads, self.now, self.down = published("k1"), [], 1000.0, False

    async def fetch(self, url):
        self.reads.append(url)
        if self.down:
            raise OSError("no route")
        return self.keys

    def door(self, **changes):
        settings = {
            "issuer": "https://id.example.com/",
            "audience": "redflow",
            "jwks_url": URL,
            "fetch": self.fetch,
            "tenant_claim": "org",
            "keep": ("team",),
            "keys": KeySet(URL, self.fetch, clock=lambda: self.now),
        }
        return JwtAuthenticator(**settings | changes)


@pytest.fixture
def issuer():
    return Issuer()


def claims(**changes):
    known = {
        "iss": "https://id.example.com/",
        "aud": "redflow",
        "sub": "alice",
        "org": "acme",
        "exp": round(time.time()) + 60,
        "namespaces": ["shop"],
        "roles": "operator shop1:viewer",
        "team": "blue",
        "email": "alice@example.com",
    }
    return {name: one for name, one in (known | changes).items() if one is not None}


def token(key=KEYS["k1"], algorithm="ES256", headers=None, **changes):
    headers = {"kid": "k1"} if headers is None else headers
    return jwt.encode(claims(**changes), key, algorithm, headers=headers)


async def ask(door, text):
    return await door.authenticate(Credentials({"authorization": f"Bearer {text}"}))


async def test_a_good_token(issuer):
    expires = round(time.time()) + 60
    assert await ask(issuer.door(), token(exp=expires)) == Principal(
        "alice",
        "acme",
        ("shop",),
        ("operator", "shop1:viewer"),
        "jwt",
        {"team": "blue", "expires": expires + 30.0},
    )


@pytest.mark.parametrize("text", ["rf_key", "a.b", "a.b.c.d.e", ""])
async def test_other_credentials_are_left_to_others(issuer, text):
    assert await ask(issuer.door(), text) is None
    assert issuer.reads == []


PUBLIC = (
    KEYS["k1"]
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


def forged_hmac():
    """Sign with the public key as if it were a shared secret; PyJWT itself refuses to."""
    import base64
    import hashlib
    import hmac

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    body = part({"alg": "HS256", "typ": "JWT", "kid": "k1"}) + b"." + part(claims())
    mac = hmac.new(PUBLIC, body, hashlib.sha256).digest()
    return (body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


WRONG = {
    "alg none": lambda: token(None, "none"),
    "public key as a shared secret": forged_hmac,
    "another key": lambda: token(KEYS["stranger"]),
    "algorithm not allowed": lambda: token(RSA, "RS512", {"kid": "rsa"}),
    "algorithm of another key": lambda: token(RSA, "RS256", {"kid": "k1"}),
    "wrong issuer": lambda: token(iss="https://id.example.com"),
    "no issuer": lambda: token(iss=None),
    "wrong audience": lambda: token(aud="other"),
    "no audience": lambda: token(aud=None),
    "expired": lambda: token(exp=round(time.time()) - 40),
    "no expiry": lambda: token(exp=None),
    "not yet": lambda: token(nbf=round(time.time()) + 90),
    "no subject": lambda: token(sub=None),
    "no tenant": lambda: token(org=None),
    "tenant is no text": lambda: token(org=["acme"]),
    "no kid": lambda: token(headers={}),
    "kid of nobody": lambda: token(headers={"kid": "k9"}),
    "kid that walks": lambda: token(headers={"kid": "../../etc/passwd"}),
    "kid too long": lambda: token(headers={"kid": "k" * 300}),
    "own key in the header": lambda: token(
        KEYS["stranger"],
        headers={
            "kid": "k9",
            "jku": "https://evil.example.com/keys",
            "x5u": "https://evil.example.com/cert",
            "jwk": jwt.algorithms.ECAlgorithm.to_jwk(KEYS["stranger"].public_key(), True),
        },
    ),
    "garbage": lambda: "a.b.c",
    "changed": lambda: token()[:-4] + "AAAA",
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
async def test_a_token_that_does_not_count(issuer, make):
    with pytest.raises(Unauthenticated):
        await ask(issuer.door(), make())
    assert set(issuer.reads) <= {URL}


async def test_clocks_may_differ_by_thirty_seconds(issuer):
    assert await ask(issuer.door(), token(exp=round(time.time()) - 20))


async def test_a_new_key_is_found_and_an_old_one_forgotten(issuer):
    door = issuer.door()
    assert await ask(door, token())
    issuer.keys = published("k2")
    new = token(KEYS["k2"], headers={"kid": "k2"})
    with pytest.raises(Unauthenticated):  # read a moment ago
        await ask(door, new)
    issuer.now += BETWEEN
    assert await ask(door, new)
    with pytest.raises(Unauthenticated):
        await ask(door, token())
    assert len(issuer.reads) == 2


async def test_made_up_ids_do_not_make_it_ask_and_ask(issuer):
    door = issuer.door()
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await ask(door, token(headers={"kid": f"x{number}"}))
    assert len(issuer.reads) == 1


async def test_keys_count_for_ten_minutes_without_their_issuer(issuer):
    door = issuer.door()
    assert await ask(door, token())
    issuer.down = True
    issuer.now += KEPT - 1
    assert await ask(door, token())
    issuer.now += 1
    for _ in range(3):
        with pytest.raises(Unavailable):
            await ask(door, token())
    assert len(issuer.reads) == 2
    issuer.down, issuer.now = False, issuer.now + BETWEEN
    assert await ask(door, token())


def test_keys_that_cannot_verify_are_left_out():
    good = json.loads(published("k1"))["keys"]
    odd = [
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "EC", "kid": "broken"},
        {"kty": "unknown", "kid": "odd"},
        {**good[0], "kid": "sealing", "use": "enc"},
        {**good[0], "kid": 7},
    ]
    assert set(parse_keys(json.dumps({"keys": odd + good}).encode())) == {"k1", "rsa"}
    with pytest.raises(ValueError, match="over"):
        parse_keys(b" " * 65_537)


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithms": ["HS256"]},
        {"algorithms": ["ES256", "none"]},
        {"algorithms": []},
        {"tenant_claim": ""},
        {"audience": ""},
    ],
)
def test_settings_that_would_let_anybody_in(issuer, changes):
    with pytest.raises(InvalidInput):
        issuer.door(**changes)
