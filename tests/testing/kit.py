"""Workflows that tests of the environment run."""

from itertools import pairwise
from typing import Any

from redflow import RetryPolicy, Workflow

STEADY = RetryPolicy(max_attempts=4, initial_interval=10, jitter="none")
"""Rests of 10, 20 and 40 seconds."""


def functions(workflow: str, *names: str, **options: Any) -> Workflow:
    """Make a chain of nodes that call functions of their own names."""
    builder = Workflow.builder(workflow)
    for name in names:
        builder = builder.add_node(name, "function", function=name)
        if "retry" in options:
            builder = builder.with_retry(options["retry"])
        if "timeout" in options:
            builder = builder.with_timeout(options["timeout"])
    for first, second in pairwise(names):
        builder = builder.connect(first, second)
    return builder.build()


def onboarding() -> Workflow:
    """Greet, wait for two weeks, remind."""
    return (
        Workflow.builder("onboarding")
        .add_node("greet", "function", function="greet")
        .add_node("rest", "wait", duration="14d")
        .add_node("remind", "function", function="remind")
        .connect("greet", "rest")
        .connect("rest", "remind")
        .build()
    )


def approval(**signal: Any) -> Workflow:
    """Wait for a signal, then publish."""
    return (
        Workflow.builder("article")
        .add_node("approve", "signal", **signal)
        .add_node("publish", "function", function="publish")
        .connect("approve", "publish")
        .build()
    )


def trip() -> Workflow:
    """Book two things that are undone when the payment fails."""
    return (
        Workflow.builder("trip")
        .add_node("hotel", "function", function="hotel")
        .with_saga("leave_hotel")
        .add_node("flight", "function", function="flight")
        .with_saga("leave_flight")
        .add_node("pay", "function", function="pay")
        .add_node("leave_hotel", "function", function="leave_hotel")
        .add_node("leave_flight", "function", function="leave_flight")
        .connect("hotel", "flight")
        .connect("flight", "pay")
        .build()
    )


def fortnight() -> Workflow:
    """Make a workflow with two waits of a week, a signal and a step that is retried."""
    builder = Workflow.builder("order")
    for name in ("reserve", "charge", "ship"):
        builder = builder.add_node(name, "function", function=name).with_retry(4)
    builder = builder.add_node("approve", "signal")
    builder = builder.add_node("week", "wait", duration="7d").add_node(
        "more", "wait", duration="7d"
    )
    for first, second in pairwise(("reserve", "week", "charge", "approve", "more", "ship")):
        builder = builder.connect(first, second)
    return builder.build()
