"""What `http`, `notify` and `ai` share: configs checked as written, deadlines, and final errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from redflow import defaults
from redflow.egress.errors import EgressDenied, EgressFailed
from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.expressions import parse_template
from redflow.model.durations import seconds
from redflow.model.outcome import ErrorInfo, Failed, OutcomeReason
from redflow.nodes.base import Runner
from redflow.nodes.failures import RequestFailed
from redflow.nodes.shaped import ShapedType, refuse, wrong
from redflow.secrets.values import SecretNotFound

if TYPE_CHECKING:
    from redflow.nodes.context import Context
    from redflow.nodes.registry import Registry

_SHORTEST = 0.001


class OutgoingType(ShapedType):
    """A type that sends a request; `perform` does it, and `execute` says which errors are final."""

    timeout: ClassVar[float] = defaults.HTTP_TIMEOUT

    async def perform(self, ctx: Context, config: Any) -> Any:
        """Do the work of one attempt."""
        raise TypeError(f"node type {self.type!r} does not define perform(ctx, config)")

    async def execute(self, ctx: Context, config: Any) -> Any:
        """Do the work; what cannot get better by trying again fails the step for good."""
        try:
            return await self.perform(ctx, config)
        except (EgressDenied, EgressFailed, RequestFailed, SecretNotFound) as error:
            if not _is_final(error):
                raise
            reason = OutcomeReason.NOT_RETRYABLE
            info = ErrorInfo.from_exception(error, reason=reason, attempts=ctx.attempt)
            return Failed(info, retryable=False)

    def written_problems(self, config: Mapping[str, Any]) -> Iterator[Problem]:
        """Say what is wrong with a config as it is written, before anything is filled in."""
        for key in config.keys() - set(self.templated):
            if _has_expression(config[key]):
                yield wrong("it takes no ${...}: it is fixed when the workflow is registered", key)

    def declared_by(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Check a config; raises InvalidWorkflow with every problem."""
        found = list(self.written_problems(config))
        if found:
            raise InvalidWorkflow(found)
        return super().declared_by(config)

    def runner(self, config: Mapping[str, Any], registry: Registry) -> Runner:
        """Prepare a step, of a config that is checked here again; `timeout` in it may be longer
        than what an attempt of this type has by itself.
        """
        refuse(self.written_problems(config))
        runner = super().runner(config, registry)
        wanted = config.get("timeout")
        if wanted is None:
            return runner
        return replace(runner, timeout=max(self.timeout, seconds(wanted, field="timeout")))

    def time_left(self, ctx: Context, wanted: Any) -> float:
        """Return the seconds that a request may take: what is wanted, within the attempt's rest."""
        longest = self.timeout if wanted is None else seconds(wanted, field="timeout")
        if ctx.deadline is None:
            return longest
        left = (ctx.deadline - datetime.now(UTC)).total_seconds()
        return max(_SHORTEST, min(longest, left))


def timeout_problems(timeout: Any) -> Iterator[Problem]:
    """Say what is wrong with a field `timeout`."""
    try:
        if timeout is not None:
            seconds(timeout, positive=True, field="timeout")
    except InvalidInput as error:
        yield wrong(str(error), "timeout")


def _is_final(error: Exception) -> bool:
    if isinstance(error, EgressFailed):
        return not error.retryable
    return not isinstance(error, RequestFailed) or error.final


def _has_expression(value: Any) -> bool:
    try:
        return not parse_template(value).is_literal
    except InvalidWorkflow:  # told where every expression is checked
        return False
