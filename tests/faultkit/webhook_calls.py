"""One call at least of every script of webhooks: see calls.py."""

from collections.abc import Callable
from typing import Any

from redflow.store.executions import Start, start_executions
from redflow.store.op import Op
from redflow.store.webhooks import PathChoice, admit_delivery, delete_webhook, put_webhook
from tests.store.arrange import QUEUES, Scene

Call = Callable[[Scene], object]


def kept(scene: Scene, path: str = "p", choice: PathChoice = "keep") -> Op[Any]:
    return put_webhook(
        scene.store.space, "stripe", path=path, choice=choice, rate=9, document=b"{}"
    )


def put(scene: Scene) -> object:
    """A webhook is kept."""
    return scene.store.run(kept(scene))


def put_again(scene: Scene) -> object:
    """It gets another path."""
    put(scene)
    return scene.store.run(kept(scene, "q", "new"))


def delete(scene: Scene) -> object:
    """It is forgotten."""
    put(scene)
    return scene.store.run(delete_webhook(scene.store.space, "stripe"))


def admit(scene: Scene) -> object:
    """A delivery comes."""
    put(scene)
    return scene.store.run(admit_delivery(scene.store.space, "p", rate=9))


def deliver(scene: Scene) -> object:
    """It starts an execution; one of the day before leaves."""
    scene.store.command("ZADD", scene.store.partition.deliveries, 1, "old")
    op = start_executions(
        scene.store.space, scene.store.partition, [Start("w-1", 1, 1, b"\x01", "digest")],
        workflows=["wf"], plans=[scene.plan.hash], queues=QUEUES, claim=9,
    )  # fmt: skip
    return scene.store.run(op)


WEBHOOKS: dict[str, Call] = {
    "webhook": put,
    "webhook with another path": put_again,
    "webhook forgotten": delete,
    "delivery admitted": admit,
    "delivery": deliver,
}
