"""Secrets: their names and nothing else; values enter by the command line alone."""

from __future__ import annotations

from redflow.api.call import Call
from redflow.api.documents.operations import SecretDocument, Secrets
from redflow.api.endpoints import Table

routes = Table()


@routes.get("/api/{namespace}/secrets", "List the names of secrets", Secrets)
async def list_secrets(call: Call) -> Secrets:
    """Of those that Redis keeps."""
    kept = await call.client.list_secrets()
    return Secrets([SecretDocument(one.name, one.created_at, one.updated_at) for one in kept])
