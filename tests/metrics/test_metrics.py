"""Names, labels and numbers of the metrics: what Prometheus takes, how many series there are."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from redflow.engine import Engine
from redflow.metrics import MOST_WORKFLOWS, OTHER, Metrics
from redflow.metrics.load import MOST_QUEUES
from redflow.model.load import Load, QueueLoad
from tests.support.tree import ROOT

MOST_SERIES = 3000
UNITS = ("_seconds", "_bytes", "_ratio", "_info")
LABELS = {
    "namespace", "workflow", "trigger", "reason", "status", "node_type", "queue", "op", "state",
    "script", "kind", "version", "python", "route", "method", "status_class", "scheme", "result",
    "consumer",
}  # fmt: skip
"""None of them an id, a text of an error, a user."""


def busy() -> Metrics:
    """A process in which everything has happened once at least."""
    metrics = Metrics()
    metrics.steps("n", "http").count("COMPLETED", 0.1)
    for one in metrics.described:
        labels = getattr(one, "labels", None)
        if labels is not None and one.name != "redflow_step_duration_seconds":
            series = labels(*(f"{name}-1" for name in one.labelnames))
            (getattr(series, "observe", None) or series.inc)(1)
    metrics.slots.follow("w", "n", lambda: {"busy": 1, "free": 2})
    queue = QueueLoad("default", 3, 2, 1.5, 1)
    metrics.load.show("n", Load((queue,), 1, 0.5, 7))
    return metrics


def full_name(kind: str, name: str) -> str:
    return f"{name}_total" if kind == "counter" else name


# --- one by one


@pytest.mark.parametrize("metric", Metrics().described, ids=lambda one: one.name)
def test_names_are_as_prometheus_wants_them(metric):
    """The rules of `promtool check metrics`, where that is not installed."""
    assert re.fullmatch(r"redflow_[a-z][a-z_]*[a-z]", metric.name)
    assert metric.kind in ("counter", "gauge", "histogram")
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket"))
    assert not re.search(r"_(counter|gauge|histogram|ms|milliseconds|minutes|kb)\b", metric.name)
    assert metric.kind != "histogram" or metric.name.endswith(UNITS)
    assert metric.text.endswith(".")
    assert set(metric.labelnames) <= LABELS
    assert len(set(metric.labelnames)) == len(metric.labelnames)


@pytest.mark.slow
def test_promtool_agrees():
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: it is in the package prometheus"
    done = subprocess.run(
        [promtool, "check", "metrics"], input=busy().expose(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_text_can_be_parsed_and_holds_every_metric_with_its_labels():
    text = busy().expose().decode()
    found = {family.name: family for family in text_string_to_metric_families(text)}
    for metric in Metrics().described:
        family = found[metric.name]
        assert family.type == metric.kind
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        assert labels == set(metric.labelnames), metric.name
    assert not any(name.endswith("_created") for name in found)


def test_histograms_add_up():
    metrics = Metrics()
    tally = metrics.waits.labels("n", "default")
    for seconds in (0.0005, 0.02, 5000.0):
        tally.observe(seconds)
    get = metrics.registry.get_sample_value
    labels = {"namespace": "n", "queue": "default"}
    name = "redflow_step_queue_wait_seconds"
    assert get(f"{name}_bucket", labels | {"le": "0.001"}) == 1
    assert get(f"{name}_bucket", labels | {"le": "1800.0"}) == 2
    assert get(f"{name}_bucket", labels | {"le": "+Inf"}) == 3
    assert get(f"{name}_sum", labels) == pytest.approx(5000.0205)


def test_labels_that_are_missing_are_refused():
    for metric in (Metrics().started, Metrics().durations):
        with pytest.raises(ValueError, match="has the labels namespace"):
            metric.labels("n")


# --- how many


async def test_ten_thousand_workflows_stay_below_the_limit():
    metrics = busy()
    async with Engine.memory(metrics=metrics) as engine:
        for number in range(10_000):
            engine._count_started(f"workflow-{number}", 1)
            metrics.count_ended("default", f"workflow-{number}", "CF"[number % 2])
            metrics.count_duration("default", "CF"[number % 2], 1.0)
            metrics.steps("default", ("http", "function", "ai")[number % 3]).count("COMPLETED", 1.0)
    series = [line for line in metrics.expose().decode().splitlines() if line[0] != "#"]
    assert MOST_WORKFLOWS < len(series) <= MOST_SERIES
    other = {"namespace": "default", "workflow": OTHER, "trigger": "api"}
    found = metrics.registry.get_sample_value("redflow_workflows_started_total", other)
    assert found == 10_000 - MOST_WORKFLOWS


def test_queues_beyond_the_limit_are_one():
    metrics, queue = Metrics(), QueueLoad("q", 2, 1, 3.0, 1)
    names = [f"q{number:03}" for number in range(MOST_QUEUES + 5)]
    queues = tuple(replace(queue, name=name, oldest_ready_age=at) for at, name in enumerate(names))
    metrics.load.show("n", Load(queues, 0, 0.0, 0))
    get, other = metrics.registry.get_sample_value, {"namespace": "n", "queue": OTHER}
    assert get("redflow_queue_ready", other) == 5 * 2
    assert get("redflow_queue_oldest_ready_age_seconds", other) == MOST_QUEUES + 4
    metrics.load.forget("n")
    assert get("redflow_queue_ready", other) is None


# --- the document


def test_docs_list_every_metric():
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(redflow_\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$", text, re.M)
    assert sorted(documented) == sorted(
        (
            full_name(one.kind, one.name),
            one.kind,
            ", ".join(one.labelnames) or "-",
            one.text.removesuffix("."),
        )
        for one in Metrics().described
    )
