"""Registering handlers: names that are made, and what is refused."""

import pytest

from redflow.errors import InvalidInput
from tests.events.kit import Heard, bus_of


def handle(event):
    """Do nothing."""


async def test_a_name_is_made_of_type_module_and_function(client):
    bus = bus_of(client)
    bus.register_handler("step.failed", handle)
    bus.register_handler(["step.failed", "workflow.failed"], handle)
    bus.register_global_handler(handle)
    assert list(bus._consumers) == [
        "step.failed:tests.events.test_registering.handle",
        "step.failed.workflow.failed:tests.events.test_registering.handle",
        "all:tests.events.test_registering.handle",
    ]
    with pytest.raises(InvalidInput, match="there is a consumer"):
        bus.register_global_handler(handle)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"type": "step.faild"}, "is no type of event"),
        ({"handler": lambda event: None}, "has no name of its own"),
        ({"handler": Heard()}, "has no name of its own"),
        ({"handler": 5}, "no function"),
        ({"name": "a b"}, "is not 1 to 200"),
        ({"name": ""}, "is not 1 to 200"),
        ({"start": "yesterday"}, "start is neither"),
        ({"attempts": 0}, "attempts is below 1"),
        ({"timeout": 0}, "timeout is not above 0"),
    ],
)
def test_bad_registrations(client, given, problem):
    bus = bus_of(client)
    options = {"type": "step.failed", "handler": handle, **given}
    with pytest.raises(InvalidInput, match=problem):
        bus.register_handler(options.pop("type"), options.pop("handler"), **options)
