"""`examples/shop.py` runs as its first lines say."""

import pytest

from redflow.driver import RedisConnector
from tests.cli.kit import Running, in_process, saying
from tests.support.leaks import left_by, remove
from tests.support.tree import ROOT

pytestmark = pytest.mark.server


@pytest.fixture
def shop(server_url, namespace):
    """Return what runs a command line in the directory of the examples."""
    own = {"REDFLOW_URL": server_url, "REDFLOW_NAMESPACE": namespace}
    yield lambda *arguments: in_process(*arguments, cwd=ROOT / "examples", **own), own
    driver = RedisConnector(server_url).driver()
    remove(driver, left_by(driver, namespace))
    driver.close()


def test_the_shop(shop):
    redflow, own = shop
    assert redflow("workflow", "register", "-A", "shop:engine").rows == [
        ["order", "1", "ACTIVE", "7"]
    ]
    worker = Running("worker", "start", "-A", "shop:engine", cwd=ROOT / "examples", **own)
    try:
        worker.wait_for(saying(" started: namespace "))
        outputs = [
            redflow("execute", "order", f'{{"id": "A-1", "amount": {amount}}}', "--wait").json
            for amount in (42, 420, 4200)
        ]
        worker.process.terminate()
        assert worker.ends() == 0
    finally:
        worker.close()
    assert outputs == [
        {"send_post": {"shelf": "shelf-A-1", "arrives": "in two days"}},
        {"send_courier": {"shelf": "shelf-A-1", "arrives": "today"}},
        {"apologise": "order A-1 was not charged: over the limit of the card"},
    ]
