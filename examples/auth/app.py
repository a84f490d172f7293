"""Acme and Globex share an engine: python -m examples.auth.app"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from examples.auth.provider import MultiTenantAuth
from redflow import AccessDenied, Engine, Workflow, identity

ANN: dict[str, Any] = {"customer_id": "acme", "user_id": "ann", "role": "admin"}
BEN: dict[str, Any] = {
    "customer_id": "acme",
    "user_id": "ben",
    "role": "user",
    "teams": ("billing",),
}
CLEO: dict[str, Any] = {"customer_id": "acme", "user_id": "cleo", "role": "viewer", "teams": ()}
EVE: dict[str, Any] = {"customer_id": "globex", "user_id": "eve", "role": "admin"}


def workflow(id: str, **metadata: str) -> Workflow:
    """A workflow of Acme's, which Ann owns."""
    owned = {"customer_id": "acme", "owner_id": "ann", **metadata}
    return (
        Workflow.builder(id).with_metadata(**owned).add_node("log", "log", message="done").build()
    )


WORKFLOWS = (
    workflow("invoice", visibility="team", team_id="billing"),
    workflow("newsletter", visibility="organization"),
    workflow("payroll"),
)


async def allowed(call: Awaitable[object]) -> str:
    """Make a call, and say how it went."""
    try:
        await call
    except AccessDenied:
        return "no"
    return "yes"


async def main() -> None:
    """Let everybody try to see and to start every workflow."""
    async with Engine.memory(auth=MultiTenantAuth()) as engine:
        with identity(**ANN):
            for one in WORKFLOWS:
                await engine.register_workflow(one)
        print(f"{'':6}{'':12}view  start")
        for who in (ANN, BEN, CLEO, EVE):
            with identity(**who):
                for one in WORKFLOWS:
                    view = await allowed(engine.get_workflow(one.id))
                    start = await allowed(engine.execute(one.id))
                    print(f"{who['user_id']:6}{one.id:12}{view:5} {start}")


if __name__ == "__main__":
    asyncio.run(main())
