"""One worker in a process: settings from options, what signals do, the loop, the entry."""

import asyncio
import importlib.util
import sys

import pytest
import uvloop

from redflow.cli.main import main
from redflow.cli.serve import Stop, fastest_loop, settings_of
from redflow.errors import InvalidInput

NOTHING = {
    "concurrency": None,
    "queues": (),
    "threads": None,
    "lease": None,
    "drain_timeout": None,
    "keep_completed": None,
    "keep_others": None,
}


def test_only_what_is_given_is_set():
    assert settings_of(**NOTHING) == {}
    given = settings_of(**NOTHING | {"queues": ("a", "b", "a"), "drain_timeout": 0.0})
    assert given == {"queues": ("a", "b"), "drain": 0.0}


def test_how_long_ended_executions_are_kept():
    given = settings_of(**NOTHING | {"keep_completed": 60.0, "keep_others": 3600.0})
    assert given == {"retention_completed": 60.0, "retention_others": 3600.0}


@pytest.mark.parametrize(("lease", "beat"), [(15.0, 5.0), (90.0, 10.0)])
def test_a_lease_has_room_for_three_beats(lease, beat):
    assert settings_of(**NOTHING | {"lease": lease}) == {"lease": lease, "beat": beat}


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"threads": -1}, {"queues": ("a b",)}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(InvalidInput):
        settings_of(**NOTHING | wrong)


def test_the_first_signal_drains_and_later_ones_give_back():
    class Worker:
        drain = 25.0
        asked: list[float | None]

        def __init__(self):
            self.asked = []

        def request_stop(self, *, drain=None):
            self.asked.append(drain)

    worker = Worker()
    stop = Stop(worker)
    for _ in range(3):
        stop()
    assert worker.asked == [None, 0, 0]


def test_uvloop_is_used_when_it_is_installed(monkeypatch):
    assert fastest_loop() is uvloop.new_event_loop
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert fastest_loop() is None
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        assert not isinstance(runner.get_loop(), uvloop.Loop)


def test_ctrl_c_before_the_command_begins(monkeypatch):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("redflow.cli.tree.run", interrupted)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130


def test_the_exit_code_is_that_of_the_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["redflow", "no-such-command"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
