"""The URL door: every part of a URL is checked, every refusal names its part, none a secret."""

import random
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redflow.driver import RedisConnector
from redflow.driver.links import Replicas
from redflow.driver.urls import Address, parse_url
from redflow.errors import Misconfigured

GOOD = [
    ("redis://localhost", "localhost:6379/0", {"host": "localhost", "port": 6379, "db": 0}),
    ("redis://localhost/", "localhost:6379/0", {"db": 0}),
    ("redis://10.0.0.7:7000/9", "10.0.0.7:7000/9", {"host": "10.0.0.7", "port": 7000, "db": 9}),
    ("REDIS://Host:7000", "host:7000/0", {"host": "host"}),
    ("redis://[::1]:7000/1", "[::1]:7000/1", {"host": "::1"}),
    ("redis://:p%40ss@h", "h:6379/0", {"password": "p@ss"}),
    ("redis://me:p@h", "h:6379/0", {"username": "me", "password": "p"}),
    ("redis://my_redis.service-1.local", "my_redis.service-1.local:6379/0", {}),
    ("rediss://h:6380", "h:6380/0", {"port": 6380}),
    (
        "rediss://h?ssl_cert_reqs=none",
        "h:6379/0",
        {"ssl_cert_reqs": "none", "ssl_check_hostname": False},
    ),
    ("unix:///run/redis.sock", "/run/redis.sock db 0", {"path": "/run/redis.sock", "db": 0}),
    ("unix:///run/my%20redis?db=3", "/run/my redis db 3", {"path": "/run/my redis", "db": 3}),
    ("unix://me:pw@/run/r.sock", "/run/r.sock db 0", {"username": "me", "password": "pw"}),
]

REPLICAS = [
    ("redis://h", Replicas(0)),
    ("redis://h?replicas=2", Replicas(2, 1.0)),
    ("rediss://h?replicas=1&replica_timeout=0.25&ssl_cert_reqs=none", Replicas(1, 0.25)),
    ("unix:///run/r.sock?db=1&replicas=1&replica_timeout=4", Replicas(1, 4.0)),
]

BAD = [
    ("", "URL"),
    (None, "URL"),
    (b"redis://h", "URL"),
    ("redis://h /0", "URL"),
    ("redis://h\n", "URL"),
    ("localhost:6379", "scheme"),
    ("http://h", "scheme"),
    ("//h", "scheme"),
    ("redis://", "host"),
    ("redis://:6379", "host"),
    ("redis:///0", "host"),
    ("redis://[::1", "host"),
    ("redis://a,b:6379", "host"),
    ("redis://h:port", "port"),
    ("redis://h:0", "port"),
    ("redis://h:65536", "port"),
    ("redis://h:", "port"),
    ("redis://h:-1", "port"),
    ("redis://h/zero", "path"),
    ("redis://h/-1", "path"),
    ("redis://h/0/1", "path"),
    ("redis://h/٣", "path"),
    ("redis://h?db=1", "query"),
    ("redis://h?replicas=-1", "query"),
    ("redis://h?replicas=one", "query"),
    ("redis://h?replicas=", "query"),
    ("redis://h?replicas=1&replica_timeout=0", "query"),
    ("redis://h?replicas=1&replica_timeout=5", "query"),
    ("redis://h?replicas=1&replica_timeout=1e0", "query"),
    ("redis://h?ssl_cert_reqs=none", "query"),
    ("redis://h?retry_on_timeout=yes", "query"),
    ("rediss://h?ssl_cert_reqs=maybe", "query"),
    ("rediss://h?ssl_ca_certs=/no/such/file", "query"),
    ("redis://h#x", "fragment"),
    ("redis://:pa#ss@h", "fragment"),
    ("redis://h#", "fragment"),
    ("redis://:%ff@h", "password"),
    ("redis://%ff:x@h", "username"),
    ("unix://host/run/r.sock", "host"),
    ("unix://", "path"),
    ("unix:run/r.sock", "path"),
    ("unix:///run/%00", "path"),
    ("unix:///run/r.sock?db=x", "query"),
    ("unix:///run/r.sock?path=/etc", "query"),
]


@pytest.mark.parametrize(("url", "where", "options"), GOOD)
def test_good_urls(url, where, options):
    address = parse_url(url)
    assert address.where == where
    assert options.items() <= address.options.items()


@pytest.mark.parametrize(("url", "part"), BAD)
def test_bad_urls_name_the_part(url, part):
    with pytest.raises(Misconfigured, match=f"^the {part} of the Redis URL ") as caught:
        parse_url(url)
    assert "redis://[user:password@]host" in caught.value.hint


def test_a_certificate_that_exists_is_passed_on(tmp_path: Path):
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    assert parse_url(f"rediss://h?ssl_ca_certs={certificate}").options["ssl_ca_certs"] == str(
        certificate
    )


SECRET = "s3cr3t-p4ss"


def outcome_of(url: str) -> tuple[Address | None, str]:
    try:
        return parse_url(url), ""
    except Misconfigured as error:
        return None, str(error)


@given(
    st.text(max_size=40)
    | st.from_regex(r"(redis|rediss|unix|redis\+(x|cluster|sentinel))://.{0,30}")
)
@example("redis://[")
@example("redis://[::1]x:1/")
@example("redis://h:\uff11/")
@example("redis://\u2100/")
def test_any_text_is_an_address_or_a_refusal_that_names_a_part(text: str):
    address, refusal = outcome_of(text)
    assert "Redis URL" in refusal or (
        address and address.where and address.options.get("db", 0) >= 0
    )


@given(
    st.integers(0, 2**32),
    st.sampled_from("redis rediss unix http redis+cluster redis+sentinel".split()),
)
def test_no_message_and_no_name_holds_the_password(seed: int, scheme: str):
    url = list(f"{scheme}://me:{SECRET}@host:6379/0?db=1")
    chance = random.Random(seed)
    for _ in range(chance.randrange(4)):
        at = chance.choice([i for i in range(len(url)) if not 12 < i < 40] or [0])
        url[at] = chance.choice("@:/?#[]%& x")
    address, refusal = outcome_of("".join(url))
    assert SECRET not in f"{refusal} {address and address.where} {address!r}"


@pytest.mark.parametrize(("url", "replicas"), REPLICAS)
def test_what_is_asked_of_replicas_is_no_setting_of_a_connection(url: str, replicas: Replicas):
    address = parse_url(url)
    assert address.replicas == replicas
    assert not {"replicas", "replica_timeout"} & set(address.options)


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_user_and_password_survive_percent_encoding(user: str, password: str):
    try:
        url = f"redis://{quote(user, safe='')}:{quote(password, safe='')}@h"
    except UnicodeEncodeError:
        return
    options = parse_url(url).options
    assert (options["username"], options["password"]) == (user, password)


async def test_nothing_is_left_to_the_defaults_of_redis_py():
    connector = RedisConnector("redis://h", connections=3)
    for driver, connections, seconds in (
        (connector.async_driver(), 3, None),  # limited by the driver itself
        (connector.driver(), 3, 5.0),
        (connector.heartbeat_driver(), 1, 5.0),
    ):
        single: Any = driver
        pool: Any = single._pool
        connection = pool.make_connection()
        assert connection.protocol == 2
        assert connection.retry.get_retries() == 0
        assert connection.socket_timeout == seconds
        assert connection.socket_connect_timeout == 3.0
        assert connection.health_check_interval == 15
        assert connection.socket_keepalive
        assert not connection.encoder.decode_responses
        assert pool.timeout == 3.0
        assert pool.max_connections == connections
