"""URLs that name a cluster or sentinels: several hosts, one service, no secret in any message."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.driver import RedisConnector
from redflow.driver.links import Replicas
from redflow.driver.urls import parse_url
from redflow.errors import Misconfigured

CLUSTERS = [
    ("redis+cluster://h", "cluster h:6379", (("h", 6379),)),
    ("redis+cluster://h:1/", "cluster h:1", (("h", 1),)),
    ("redis+cluster://h:1/0", "cluster h:1", (("h", 1),)),
    ("REDIS+CLUSTER://a:1,b:2", "cluster a:1,b:2", (("a", 1), ("b", 2))),
    ("redis+cluster://me:p%2C%40@a:1,b", "cluster a:1,b:6379", (("a", 1), ("b", 6379))),
    ("redis+cluster://a:1,a:1,b:2", "cluster a:1,b:2", (("a", 1), ("b", 2))),
    ("redis+cluster://h:1,[::1]:2", "cluster h:1,[::1]:2", (("h", 1), ("::1", 2))),
    ("rediss+cluster://h:1?ssl_cert_reqs=none", "cluster h:1", (("h", 1),)),
]

SENTINELS = [
    ("redis+sentinel://h/mymaster", "mymaster/0 of sentinels h:26379", 0),
    ("redis+sentinel://h:1,i:2/my.one", "my.one/0 of sentinels h:1,i:2", 0),
    ("redis+sentinel://h:1/main/3", "main/3 of sentinels h:1", 3),
    ("rediss+sentinel://:pw@h:1/main/3?replicas=1", "main/3 of sentinels h:1", 3),
]

BAD = [
    ("redis+cluster://", "host"),
    ("redis+cluster://a,,b", "host"),
    ("redis+cluster://a,b:port", "port"),
    ("redis+cluster://a:0,b:1", "port"),
    ("redis+cluster://a:1,b:", "port"),
    ("redis+cluster://[::1,b", "host"),
    ("redis+cluster://a:1/1", "path"),
    ("redis+cluster://a:1/x", "path"),
    ("redis+cluster://a:1?db=1", "query"),
    ("redis+cluster://a:1?sentinel_password=x", "query"),
    ("redis+cluster://a:1?ssl_cert_reqs=none", "query"),
    ("redis+cluster://a:1#x", "fragment"),
    ("redis+sentinel://a:1", "path"),
    ("redis+sentinel://a:1/", "path"),
    ("redis+sentinel://a:1/one/two", "path"),
    ("redis+sentinel://a:1/one/0/1", "path"),
    ("redis+sentinel:///one", "host"),
    ("redis+sentinel://a:1/one?db=1", "query"),
    ("redis+other://a:1", "scheme"),
    ("unix+cluster://a:1", "scheme"),
]


@pytest.mark.parametrize(("url", "where", "places"), CLUSTERS)
def test_a_cluster_has_places(url: str, where: str, places: Any):
    address = parse_url(url)
    assert (address.kind, address.where, address.places) == ("cluster", where, places)
    assert RedisConnector(url).where == where


@pytest.mark.parametrize(("url", "where", "database"), SENTINELS)
def test_sentinels_have_a_service(url: str, where: str, database: int):
    address = parse_url(url)
    assert (address.kind, address.where, address.options["db"]) == ("sentinel", where, database)
    assert RedisConnector(url).where == where


@pytest.mark.parametrize(("url", "part"), BAD)
def test_bad_urls_name_the_part_and_show_the_right_form(url: str, part: str):
    with pytest.raises(Misconfigured, match=f"^the {part} of the Redis URL ") as caught:
        parse_url(url)
    assert part == "scheme" or url.partition(":")[0] in caught.value.hint


def test_a_database_of_a_cluster_is_refused_plainly():
    with pytest.raises(Misconfigured, match="names a database: a cluster has only /0"):
        RedisConnector("redis+cluster://h:7000/3")


def test_a_node_gets_what_the_url_says_of_all():
    address = parse_url("rediss+cluster://me:pw@h:1?ssl_cert_reqs=none&replicas=1")
    node = address.at(("10.0.0.2", 7001))
    assert (node.where, node.scheme, node.replicas) == ("10.0.0.2:7001", "rediss", Replicas(1))
    assert node.options == {
        "username": "me",
        "password": "pw",
        "ssl_cert_reqs": "none",
        "ssl_check_hostname": False,
        "host": "10.0.0.2",
        "port": 7001,
    }


def test_sentinels_have_a_login_of_their_own(tmp_path: Path):
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    url = f"rediss+sentinel://me:pw@h:1/main?sentinel_password=s&ssl_ca_certs={certificate}"
    address = parse_url(url)
    sentinel = address.sentinel(("h", 1))
    shared = {"ssl_ca_certs": str(certificate)}
    assert sentinel.options == {"password": "s", "host": "h", "port": 1, "db": 0, **shared}
    assert address.options == {"username": "me", "password": "pw", "db": 0, **shared}


SECRET = "s3cr3t-p4ss"
FORMS = ["redis+cluster://me:{0}@a:1,b:2/0", "redis+sentinel://a:1/m/0?sentinel_password={0}"]


@given(st.integers(0, 2**32), st.sampled_from(FORMS))
def test_no_message_and_no_name_holds_a_password(seed: int, form: str):
    url, chance = list(form.format(SECRET)), random.Random(seed)
    start = form.index("{")
    for _ in range(chance.randrange(4)):
        places = [at for at in range(len(url)) if not start - 1 <= at < start + len(SECRET) + 1]
        url[chance.choice(places)] = chance.choice("@:/?#[]%&, x")
    try:
        address: Any = parse_url("".join(url))
        said = f"{address.where} {address!r}"
    except Misconfigured as error:
        said = str(error)
    assert SECRET not in said
