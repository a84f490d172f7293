"""What every command shares: the global options, groups that suggest, and the client they ask."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from redflow.errors import Misconfigured

if TYPE_CHECKING:
    from redflow.client import Client
    from redflow.driver import Connector

TABLE, JSON, PLAIN = "table", "json", "plain"

NO_URL_HINT = (
    "add --redis redis://localhost:6379/0 or set REDFLOW_URL; "
    "without any Redis, redflow demo brings its own"
)


@dataclass(slots=True)
class State:
    """What the global options say; one per run of the command line, in the context's `obj`."""

    url: str | None = None
    namespace: str = "default"
    format: str | None = None
    no_color: bool = False
    verbose: bool = False
    given: dict[str, str] = field(default_factory=dict)
    """Which of these somebody named: on the "line", or in the "environment"."""
    server: Connector | None = None
    """Stands for the URL in tests."""

    @property
    def style(self) -> str:
        """How results are written: as asked for, else a table on a terminal and lines in a pipe."""
        return self.format or (TABLE if sys.stdout.isatty() else PLAIN)

    def address(self) -> str | Connector:
        """Return where Redis is; raises Misconfigured when nobody said."""
        if self.server is not None:
            return self.server
        if self.url is None:
            raise Misconfigured(
                "no Redis URL: neither --redis nor REDFLOW_URL is set", hint=NO_URL_HINT
            )
        return self.url

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Open a client for one command."""
        address = self.address()
        from redflow.auth.principal import identity
        from redflow.client import Client
        from redflow.client.actor import actor

        # Whoever has the password of Redis may do anything: what it starts says who that was.
        who = identity(subject=actor(), namespaces=["*"], roles=["admin"], method="cli")
        with who, Client(address, namespace=self.namespace) as client:
            yield client


class Command(click.Command):
    """A command that takes the global options behind its name as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _repeated_options()


class UnknownCommand(click.UsageError):
    """No such command; `hint` names the nearest ones."""

    def __init__(self, message: str, ctx: click.Context, hint: str) -> None:
        super().__init__(message, ctx)
        self.hint = hint


class Group(click.Group):
    """Commands in the order they were added; a wrong name is answered with the nearest."""

    command_class = Command
    group_class = type

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order they were added."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise UnknownCommand(
                f"there is no command {f'{ctx.command_path} {name}'!a}", ctx, self._hint(ctx, name)
            )
        return super().resolve_command(ctx, args)

    def _hint(self, ctx: click.Context, name: str) -> str:
        near = [f"{ctx.command_path} {one}" for one in nearest(name, self.commands)]
        for group_name, group in self.commands.items():
            if isinstance(group, click.Group) and name in group.commands:
                near.append(f"{ctx.command_path} {group_name} {name}")
        if near:
            return f"did you mean {' or '.join(near)}?"
        return f"{ctx.command_path} --help lists the commands"


def nearest(name: str, known: Any) -> list[str]:
    """Return up to three known names that look like this one."""
    return difflib.get_close_matches(name[:80], list(known), 3)


def global_options(*, hidden: bool) -> list[click.Parameter]:
    """Make the options that hold for every command; only the visible ones read the environment."""

    def option(*names: str, variable: str | None = None, **attributes: Any) -> click.Option:
        return click.Option(
            names,
            envvar=None if hidden else variable,
            show_envvar=not hidden,
            hidden=hidden,
            expose_value=False,
            is_eager=True,
            **attributes,
        )

    return [
        option(
            "--redis",
            variable="REDFLOW_URL",
            metavar="URL",
            callback=_remember("url"),
            help="Redis or Valkey, such as redis://localhost:6379/0.",
        ),
        option(
            "-n",
            "--namespace",
            variable="REDFLOW_NAMESPACE",
            metavar="NAME",
            callback=_remember("namespace"),
            help="Namespace; 'default' when left out.",
        ),
        option(
            "-o",
            "--format",
            type=click.Choice([TABLE, JSON]),
            callback=_remember("format"),
            help="A table (the default on a terminal; tab-separated lines in a pipe), or JSON.",
        ),
        option("--no-color", is_flag=True, callback=_remember("no_color"), help="No colors."),
        option(
            "-v",
            "--verbose",
            is_flag=True,
            callback=_remember("verbose"),
            help="Tracebacks of internal errors; debug logs of workers.",
        ),
    ]


@cache
def _repeated_options() -> list[click.Parameter]:
    """Return the options that every command takes too: made once, which --help can tell."""
    return global_options(hidden=True)


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Make a callback that keeps a value someone gave; a default leaves what was said before."""

    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        state = ctx.ensure_object(State)
        source = ctx.get_parameter_source(parameter.name or "")
        if source is ParameterSource.COMMANDLINE:
            state.given[name] = "line"
        elif source is ParameterSource.ENVIRONMENT:
            state.given[name] = "environment"
        else:
            return
        setattr(state, name, value)

    return keep


pass_state = click.make_pass_decorator(State, ensure=True)
