"""What an engine gives its workers: a way out that never leads to its own Redis, and secrets."""

import pytest

from redflow.egress import Egress, EgressDenied, EgressRequest
from redflow.engine import Engine
from redflow.metrics import Metrics
from redflow.secrets import SecretNotFound, SecretValue
from redflow.worker.outfit import BARE

SERVERS = [
    ("redis://127.0.0.1:6390/0", ["http://127.0.0.1:6390/"]),
    (
        "redis+cluster://127.0.0.1:7000,127.0.0.1:7001",
        ["http://127.0.0.1:7000/", "http://127.0.0.1:7001/"],
    ),
]


def request(url: str) -> EgressRequest:
    return EgressRequest(namespace="shop", method="GET", url=url, timeout=5.0, written=True)


@pytest.mark.parametrize(("server", "urls"), SERVERS)
async def test_no_rule_opens_the_own_redis_and_refusals_are_counted(server, urls, monkeypatch):
    monkeypatch.setenv("REDFLOW_EGRESS_ALLOW", "127.0.0.1:6390, 127.0.0.1:7000, 127.0.0.1:7001")
    metrics = Metrics()
    async with Engine(server, metrics=metrics) as engine:
        egress = engine._outfit().egress
        assert egress is not None
        for url in urls:
            with pytest.raises(EgressDenied):
                await egress.send(request(url))
    (line,) = [
        one for one in metrics.expose().decode().splitlines()
        if one.startswith("redflow_egress_denied_total{")
    ]  # fmt: skip
    assert 'namespace="shop"' in line
    assert line.endswith(f" {len(urls)}.0")


async def test_all_workers_of_an_engine_have_one_way_out():
    async with Engine.memory() as engine:
        assert engine._outfit().egress is engine._outfit().egress
    mine = Egress()
    async with Engine.memory(egress=mine) as engine:
        assert engine._outfit().egress is mine


class Own:
    """A provider of an application."""

    def get(self, namespace: str, name: str) -> SecretValue | None:
        return SecretValue(f"own {name}", (), name) if name in ("both", "own") else None


async def test_own_providers_are_asked_before_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("REDFLOW_SECRET__DEFAULT__BOTH", "from the environment")
    monkeypatch.setenv("REDFLOW_SECRET__DEFAULT__ENV", "from the environment")
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "file").write_text("from a file")
    monkeypatch.setenv("REDFLOW_SECRETS_DIR", str(tmp_path))
    async with Engine.memory(secrets=[Own()]) as engine:
        driver = engine.connector.async_driver()
        services = engine._outfit().services(driver, engine.prefix)
        assert services is not None
        found = {
            name: (await services.secrets.resolve("default", name)).value
            for name in ("both", "own", "env", "file")
        }
        with pytest.raises(SecretNotFound, match="Redis: no, this worker has no key"):
            await services.secrets.resolve("default", "nowhere")
        await driver.close()
    assert found == {
        "both": "own both",
        "own": "own own",
        "env": "from the environment",
        "file": "from a file",
    }


def test_a_worker_without_a_way_out_lends_none():
    assert BARE.services(None, "rf:") is None
