"""The protocol of a node type: a name, a typed config, and what its step runs."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from redflow import defaults
from redflow.errors import InvalidInput, InvalidWorkflow
from redflow.nodes.configs import TemplatedConfig
from redflow.secrets.reference import check_references

if TYPE_CHECKING:
    from redflow.nodes.context import Context
    from redflow.nodes.registry import Registry

Where = Literal["loop", "thread", "process"]

_PLACE = re.compile(r"at `\$\.(\w+)|unknown field `(\w+)`$")
"""Where msgspec says that a key of a config is wrong, or should not be there."""


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of config models; unknown fields are refused."""


class NotOffered(InvalidInput):
    """This process does not offer what a plan names; its step is released, uncharged."""


class UnfitInput(InvalidInput):
    """What reached a node has not the shape it asks for; its step fails and is not retried."""


@dataclass(frozen=True, slots=True)
class Runner:
    """A step ready to run: what to call with its context, where, and for how long (seconds)."""

    call: Callable[[Context], Any]
    where: Where
    timeout: float | None
    name: str
    function: Callable[..., Any] | None = None
    """What a child process calls with the input."""


class NodeType:
    """A kind of node; subclasses set `type`, maybe `Config`, and write `execute`."""

    type: ClassVar[str]
    timeout: ClassVar[float | None] = defaults.FUNCTION_TIMEOUT
    labels: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[builtins.type[NodeConfig]] = NodeConfig

    async def execute(self, ctx: Context, config: Any) -> Any:
        """Do the work of one attempt; return the output, or Branch(label, output).

        What returns Sleeping, AwaitingSignal or StartingChild rests without a worker and is called
        again with the answer in `ctx.resume`; Failed fails the attempt as it says.
        """
        raise TypeError(f"node type {self.type!r} does not define execute(ctx, config)")

    def read_config(self, config: Mapping[str, Any]) -> Any:
        """The typed config; raises InvalidInput naming the field."""
        try:
            return msgspec.convert(dict(config), self.Config)
        except msgspec.ValidationError as error:
            raise self._unlike(error) from None

    def _unlike(self, error: msgspec.ValidationError) -> InvalidInput:
        """A config that is not of its model; the field is its key, if one is there."""
        at = _PLACE.search(str(error))
        field = "" if at is None else at[1] or at[2]
        return InvalidInput(f"config of node type {self.type!r}: {error}", field=field)

    def labels_of(self, config: Any) -> Sequence[str]:
        """The labels a node with this typed config declares."""
        return self.labels

    def declared_by(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Check a config as far as it is known before it runs; answer the labels it declares.

        Raises InvalidInput.
        """
        check_references(self.Config, config)
        try:
            templated = TemplatedConfig(self.type, config)
        except InvalidWorkflow:  # told with its place where every expression is checked
            return self.labels
        if not templated.open_keys:
            return self.labels_of(self.read_config(templated.filled({})))
        try:
            return self.labels_of(templated.known(self.Config))
        except msgspec.ValidationError as error:
            raise self._unlike(error) from None

    def runner(self, config: Mapping[str, Any], registry: Registry) -> Runner:
        """Prepare a step; done once per worker and plan, not once per attempt.

        A config with templates is filled in and read again for every attempt.
        """
        templated = TemplatedConfig(self.type, config)
        if not templated.open_keys:
            typed = self.read_config(templated.filled({}))
            return Runner(lambda ctx: self.execute(ctx, typed), "loop", self.timeout, self.type)

        async def call(ctx: Context) -> Any:
            filled = templated.filled(ctx.scope)
            try:
                typed = self.read_config(filled)
            except InvalidInput as error:
                raise UnfitInput(*error.args, field=error.field, hint=error.hint) from error
            return await self.execute(ctx, typed)

        return Runner(call, "loop", self.timeout, self.type)
