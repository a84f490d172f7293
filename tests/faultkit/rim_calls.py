"""One call at least of every script around executions: secrets, API keys, audit, events."""

from collections.abc import Callable
from typing import Any

from redflow.store import api_keys, audit_log, resealing, secrets
from redflow.store.events import Place, forget_consumer, lead_consumers, move_consumers
from redflow.store.op import Op
from tests.store.arrange import Scene
from tests.store.support import EPOCH

Call = Callable[[Scene], object]


def asked(make: Callable[[Scene], Op[Any]]) -> Call:
    """A call that needs nothing to be there."""
    return lambda scene: scene.store.run(make(scene))


def forget_secret(scene: Scene) -> object:
    """A secret that is there is removed."""
    space = scene.store.space
    scene.store.run(secrets.put_secret(space, "stripe", sealed=b"x", hosts=[]))
    return scene.store.run(secrets.delete_secret(space, "stripe"))


def use_api_key(scene: Scene) -> object:
    """A key that is there was used, a minute after it was made."""
    space = scene.store.space
    made = api_keys.put_api_key(space, "k", digest="d", role="viewer", name="", lifetime=0)
    scene.store.run(made)
    return scene.store.run(api_keys.touch_api_key(space, "k", pause=60_000))


def revoke_api_key(scene: Scene) -> object:
    """A key that is there is revoked."""
    use_api_key(scene)
    return scene.store.run(api_keys.revoke_api_key(scene.store.space, "k"))


def lead_events(scene: Scene) -> Op[Any]:
    return lead_consumers(scene.store.space, ["mail", "audit"], process="p1", lease=15_000)


def move_events(scene: Scene) -> Op[Any]:
    moves = [("mail", EPOCH, Place(EPOCH, 0, 7)), ("audit", EPOCH, Place(EPOCH, 0, 9))]
    return move_consumers(scene.store.space, scene.store.partition, moves)


def forget_events(scene: Scene) -> object:
    """A consumer that has come somewhere is forgotten."""
    scene.store.run(move_events(scene))
    return scene.store.run(forget_consumer(scene.store.space, scene.store.partition, "mail"))


def reseal_secret(scene: Scene) -> object:
    """A secret is replaced by itself under another key, unless it changed."""
    space = scene.store.space
    scene.store.run(secrets.put_secret(space, "stripe", sealed=b"x", hosts=[]))
    values = [("v:stripe", b"x", b"y")]
    return scene.store.run(resealing.reseal_values(space, space.keys.secrets, values))


RIM: dict[str, Call] = {
    "secret": asked(
        lambda s: secrets.put_secret(s.store.space, "stripe", sealed=b"x", hosts=["a.example"])
    ),
    "secret forgotten": forget_secret,
    "events led": asked(lead_events),
    "events passed": asked(move_events),
    "events forgotten": forget_events,
    "API key": asked(
        lambda s: api_keys.put_api_key(
            s.store.space, "k", digest="d", role="viewer", name="", lifetime=0
        )
    ),
    "API key used": use_api_key,
    "API key revoked": revoke_api_key,
    "audit": asked(
        lambda s: audit_log.append_audit(
            s.store.space,
            "1",
            decision="allowed",
            subject="",
            tenant="",
            method="",
            action="execute",
            resource="workflow:a:b",
            request="",
        )
    ),
    "secret sealed anew": reseal_secret,
}
