"""`redflow worker start`: a worker for an application's engine, in one process or several."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.inputs import duration_option

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS = ("json", "console")
HIGHEST_PORT = 65_535


class WorkerGroup(Group):
    """`redflow worker -A shop:engine` means `redflow worker start -A shop:engine`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `start` where an option stands in place of a command."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["start", *args]
        return super().parse_args(ctx, args)


@click.group("worker", cls=WorkerGroup)
def worker() -> None:
    """Run workers, list them. `redflow worker -A shop:engine` means `redflow worker start`."""


@worker.command("start")
@click.option("-A", "--app", required=True, metavar="MODULE:ENGINE", help="Such as shop:engine.")
@click.option("-c", "--concurrency", type=int, metavar="N", help="Steps under way at once; 100.")
@click.option(
    "--processes", type=click.IntRange(1, 256), default=1, metavar="N", help="Worker processes; 1."
)
@click.option("-q", "--queue", "queues", multiple=True, metavar="QUEUE", help="May be repeated.")
@click.option("--threads", type=int, metavar="N", help="Plain functions under way at once; 8.")
@click.option(
    "--lease",
    metavar="TIME",
    callback=duration_option(positive=True),
    help="Until a silent worker's steps move; 30s.",
)
@click.option(
    "--drain-timeout",
    metavar="TIME",
    callback=duration_option(),
    help="For steps under way at a stop; 25s.",
)
@click.option(
    "--keep-completed",
    metavar="TIME",
    callback=duration_option(positive=True),
    help="Until a completed execution is removed; 24h.",
)
@click.option(
    "--keep-others",
    metavar="TIME",
    callback=duration_option(positive=True),
    help="Until one that failed or was cancelled is removed; 7d.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, HIGHEST_PORT),
    metavar="PORT",
    help="Serve Prometheus metrics here; further processes on the next ports.",
)
@click.option(
    "--health-port",
    type=click.IntRange(1, HIGHEST_PORT),
    metavar="PORT",
    help="Answer /livez, /readyz and /healthz here; may be the metrics' own.",
)
@click.option(
    "--log-format", type=click.Choice(LOG_FORMATS), default="json", help="json when left out."
)
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False), help="INFO when left out."
)
@click.option("--supervised", is_flag=True, hidden=True)
@pass_state
def start(
    state: State,
    /,
    *,
    app: str,
    processes: int,
    metrics_port: int | None,
    health_port: int | None,
    log_level: str | None,
    log_format: str,
    supervised: bool,
    **given: Any,
) -> int:
    """Run a worker until SIGTERM or Ctrl-C.

    At the first signal it claims nothing more and lets the steps under way finish; at the second
    it gives them back at once. No attempt is charged for that. Logs are JSON lines on standard
    error, or with --log-format console lines for people. Both ports answer the same paths:
    /metrics, /livez, /readyz, /healthz.

    \b
    Examples:
      redflow worker start -A shop:engine
      redflow worker start -A shop:engine -c 200 --processes 4 -q default -q gpu
    """
    from redflow.cli.application import engine_of
    from redflow.cli.serve import serve, settings_of
    from redflow.cli.supervisor import supervise
    from redflow.logs import configure

    settings = settings_of(**given)
    level = log_level or ("DEBUG" if state.verbose else "INFO")
    configure(level=level, format=log_format)
    engine = engine_of(state, app)
    if processes == 1:
        ports = {"metrics_port": metrics_port, "health_port": health_port}
        serve(engine, settings, **ports, supervised=supervised)
        return 0
    given |= {"log_level": log_level, "log_format": log_format}
    commands = []
    for number in range(processes):
        ports = {
            "metrics_port": _port(metrics_port, number, "--metrics-port"),
            "health_port": _port(health_port, number, "--health-port"),
        }
        commands.append(_command(state, app, given | ports))
    return supervise(commands, _environment(state))


def _port(first: int | None, number: int, option: str) -> int | None:
    """Return the port of one of several processes: they follow each other."""
    if first is None or first + number <= HIGHEST_PORT:
        return None if first is None else first + number
    raise click.BadParameter(
        f"process {number + 1} would need port {first + number}", param_hint=option
    )


def _command(state: State, app: str, given: dict[str, Any]) -> list[str]:
    """Return the command line of one child: this one with a single process."""
    words = [sys.executable, "-m", "redflow.cli", "worker", "start", "-A", app, "--supervised"]
    for queue in given["queues"]:
        words += ["--queue", queue]
    for name, value in given.items():
        if value is not None and name != "queues":
            words += [f"--{name.replace('_', '-')}", str(value)]
    if state.format is not None:
        words += ["-o", state.format]
    return [*words, "-v"] if state.verbose else words


def _environment(state: State) -> dict[str, str]:
    """Return what tells a child where Redis is; a URL may hold a password, so it is no argument."""
    own = {"REDFLOW_URL": state.url} if state.url else {}
    if "namespace" in state.given:
        own["REDFLOW_NAMESPACE"] = state.namespace
    return os.environ | own
