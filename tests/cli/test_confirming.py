"""Acts that cannot be taken back ask on a terminal, and never where there is none."""

import sys
from contextlib import contextmanager

import click
import pytest
from click.testing import CliRunner

from redflow.cli.confirming import confirm
from redflow.cli.failures import Interrupted
from redflow.errors import InvalidInput


@contextmanager
def typed(text, *, terminals=("stdin", "stderr")):
    """Let some standard streams be a terminal on which somebody has typed a text."""
    with CliRunner().isolation(text) as (out, err, _):
        for name in terminals:
            getattr(sys, name).isatty = lambda: True
        yield out, err


def test_yes_asks_nothing():
    with typed("") as (out, err):
        confirm("cancels execution 'x'", yes=True)
    assert (out.getvalue(), err.getvalue()) == (b"", b"")


def test_it_asks_on_standard_error():
    with typed("y\n") as (_, err):
        confirm("cancels \x1bexecution 'x'", yes=False)
        asked = err.getvalue()
    assert asked.startswith(b"This cancels \\x1bexecution 'x'. Go on? [y/N]:")


@pytest.mark.parametrize("text", ["n\n", "\n"])
def test_no_does_nothing(text):
    with typed(text), pytest.raises(Interrupted) as caught:
        confirm("cancels execution 'x'", yes=False)
    assert caught.value.message == "nothing was done"


def test_the_end_of_input_is_no_yes():
    with typed(""), pytest.raises(click.Abort):
        confirm("cancels execution 'x'", yes=False)


@pytest.mark.parametrize("terminal", ["stdin", "stderr"])
def test_without_a_terminal_on_both_sides_it_never_asks(terminal):
    with typed("y\n", terminals=(terminal,)) as (out, err):
        with pytest.raises(InvalidInput, match="there is no terminal to ask on") as caught:
            confirm("cancels execution 'x'", yes=False)
        assert (out.getvalue(), err.getvalue()) == (b"", b"")
    assert caught.value.hint == "add --yes"
