"""A parent whose step runs a child, for tests of subworkflows."""

from typing import Any

from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from tests.worker.kit import Bench, Run, until


def parent_of(child: str = "child", *, retry: RetryPolicy | None = None, **config: Any) -> Workflow:
    """A node `sub` that runs a child, then one that passes on what it gave."""
    builder = Workflow.builder("parent").add_node("sub", "subworkflow", workflow=child, **config)
    if retry is not None:
        builder = builder.with_retry(retry)
    builder = builder.add_node("after", "log", message="after").connect("sub", "after")
    return builder.build()


async def families(bench: Bench, work: Any, **options: Any) -> None:
    """Publish a parent and a child whose node `a` calls a function."""
    await bench.one(work, "child")
    await bench.publish(parent_of(**options))


async def child_of(bench: Bench, execution: str, suffix: str = "") -> Run:
    return await bench.read(f"{execution}.sub{suffix}", "child")


async def waits(bench: Bench, execution: str) -> None:
    """Wait until the parent waits for its child."""

    async def found() -> bool:
        return (await bench.read(execution, "parent")).letters() == "sub:k"

    await until(found)
