"""The one table of what may be asked: each public call, the resource it touches, the action.

A call that stands in neither table cannot be made public: wrapping its class fails.
"""

# ruff: noqa: E501 - a table reads best in rows

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """What a call needs. `{ns}` is the namespace, other names are arguments; never attributes, but
    `{self.id}`.

    A call that `changes` something leaves one record in the audit. One that shows `payload` asks
    for `view_payload` as well, and leaves values out for who may not see them.
    """

    resource: str
    action: str
    changes: bool = False
    payload: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A call that needs one thing when an argument is given, or true, and another when not."""

    argument: str
    given: Rule
    otherwise: Rule


WORKFLOW, WORKFLOWS = "workflow:{ns}:{workflow}", "workflow:{ns}:*"
EXECUTION, EXECUTIONS = "execution:{ns}:{id}", "execution:{ns}:*"
WEBHOOK, WEBHOOKS = "webhook:{ns}:{name}", "webhook:{ns}:*"
SECRET, SECRETS = "secret:{ns}:{name}", "secret:{ns}:*"
SCHEDULE, SCHEDULES = "schedule:{ns}:{id}", "schedule:{ns}:*"
NAMESPACE = "namespace:{ns}"
KEYS, API_KEYS, AUDIT = "system:{ns}:keys", "system:{ns}:api_keys", "system:{ns}:audit"
OWN_WORKFLOW = "workflow:{ns}:{id}"
ITSELF = "execution:{ns}:{self.id}"

RULES: dict[str, Rule | Choice] = {
    "Client.create_namespace": Rule(NAMESPACE, "create", changes=True),
    "Client.register_workflow": Rule(WORKFLOW, "create", changes=True),
    "Client.get_workflow": Rule(WORKFLOW, "view"),
    "Client.list_workflows": Rule(WORKFLOWS, "list"),
    "Client.get_plan": Rule(WORKFLOWS, "view"),
    "Client.pause_namespace": Rule(NAMESPACE, "pause", changes=True),
    "Client.resume_namespace": Rule(NAMESPACE, "pause", changes=True),
    "Client.execute": Rule(WORKFLOW, "execute", changes=True),
    "Client.execute_many": Rule(WORKFLOW, "execute", changes=True),
    "Client.get_execution": Rule(EXECUTION, "view", payload=True),
    "Client.get_execution_steps": Rule(EXECUTION, "view", payload=True),
    "Client.list_executions": Choice("workflow", Rule(WORKFLOW, "list", payload=True), Rule(EXECUTIONS, "list", payload=True)),
    "Client.cancel_execution": Rule(EXECUTION, "cancel", changes=True),
    "Client.fail_execution": Rule(EXECUTION, "cancel", changes=True),
    "Client.signal_execution": Rule(EXECUTION, "signal", changes=True),
    "Client.pause_execution": Rule(EXECUTION, "pause", changes=True),
    "Client.resume_execution": Rule(EXECUTION, "pause", changes=True),
    "Client.skip_step": Rule(EXECUTION, "edit", changes=True),
    "Client.rerun_execution": Rule(EXECUTION, "retry", changes=True),
    "Client.plan_rerun": Rule(EXECUTION, "view"),
    "Client.purge": Rule(EXECUTIONS, "delete", changes=True),
    "Client.explain": Rule(EXECUTION, "view"),
    "Client.put_secret": Rule(SECRET, "edit", changes=True),
    "Client.list_secrets": Rule(SECRETS, "list"),
    "Client.delete_secret": Rule(SECRET, "delete", changes=True),
    "Client.check": Choice("repair", Rule(NAMESPACE, "edit", changes=True), Rule(NAMESPACE, "view")),
    "Client.diagnose": Rule(NAMESPACE, "view"),
    "Handle.result": Rule(ITSELF, "view_payload"),
    "Handle.status": Rule(ITSELF, "view"),
    "Handle.execution": Rule(ITSELF, "view", payload=True),
    "Handle.steps": Rule(ITSELF, "view", payload=True),
    "Handle.cancel": Rule(ITSELF, "cancel", changes=True),
    "Handle.fail": Rule(ITSELF, "cancel", changes=True),
    "Handle.signal": Rule(ITSELF, "signal", changes=True),
    "Handle.pause": Rule(ITSELF, "pause", changes=True),
    "Handle.resume": Rule(ITSELF, "pause", changes=True),
    "Workflows.get": Rule(OWN_WORKFLOW, "view"),
    "Workflows.list": Rule(WORKFLOWS, "list"),
    "Workflows.activate": Rule(OWN_WORKFLOW, "edit", changes=True),
    "Workflows.deactivate": Rule(OWN_WORKFLOW, "edit", changes=True),
    "Workflows.reactivate": Rule(OWN_WORKFLOW, "edit", changes=True),
    "Workflows.pause": Rule(OWN_WORKFLOW, "pause", changes=True),
    "Workflows.resume": Rule(OWN_WORKFLOW, "pause", changes=True),
    "Queues.list": Rule(NAMESPACE, "view"),
    "Queues.load": Rule(NAMESPACE, "view"),
    "Queues.pause": Rule(NAMESPACE, "pause", changes=True),
    "Queues.resume": Rule(NAMESPACE, "pause", changes=True),
    "Webhooks.put": Rule(WEBHOOK, "edit", changes=True),
    "Webhooks.get": Rule(WEBHOOK, "view"),
    "Webhooks.list": Rule(WEBHOOKS, "list"),
    "Webhooks.delete": Rule(WEBHOOK, "delete", changes=True),
    "Webhooks.rotate": Rule(WEBHOOK, "edit", changes=True),
    "Webhooks.start": Rule("workflow:{ns}:{webhook.workflow}", "execute", changes=True),
    "Workers.list": Rule(NAMESPACE, "view"),
    "Workers.of_queues": Rule(NAMESPACE, "view"),
    "Workers.drain": Rule(NAMESPACE, "edit", changes=True),
    "Keyring.status": Rule(KEYS, "view"),
    "Keyring.rotate": Rule(KEYS, "edit", changes=True),
    "Payloads.sweep": Rule(EXECUTIONS, "delete", changes=True),
    "ApiKeys.create": Rule(API_KEYS, "create", changes=True),
    "ApiKeys.list": Rule(API_KEYS, "list"),
    "ApiKeys.revoke": Rule(API_KEYS, "delete", changes=True),
    "AuditLog.list": Rule(AUDIT, "list"),
    "Schedules.put": Rule(SCHEDULE, "edit", changes=True),
    "Schedules.get": Rule(SCHEDULE, "view"),
    "Schedules.list": Rule(SCHEDULES, "list"),
    "Schedules.delete": Rule(SCHEDULE, "delete", changes=True),
    "Schedules.pause": Rule(SCHEDULE, "pause", changes=True),
    "Schedules.resume": Rule(SCHEDULE, "pause", changes=True),
    "Schedules.run_now": Rule(SCHEDULE, "execute", changes=True),
    "Schedules.next_times": Rule(SCHEDULE, "view"),
}  # fmt: skip
"""By class and method, without `Async`."""

FREE = frozenset(
    {
        "Client.close",  # gives connections back
        "Client.handle",  # asks nothing
        "Client.set_auth_provider",  # whoever holds the client holds its connection
        "Client.check_access",  # is the question itself
        "Webhooks.admit",  # counts whoever knocks, before there is anybody to judge
        "AuditLog.record",  # what others have judged: webhooks, schedules, the egress guard
    }
)
"""Public calls that need nothing."""


def rules_of(call: str) -> tuple[Rule, ...]:
    """Return every rule that may hold for a call; none for one that is free."""
    rule = RULES.get(call)
    if isinstance(rule, Choice):
        return (rule.given, rule.otherwise)
    return () if rule is None else (rule,)
