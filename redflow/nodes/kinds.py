"""Kinds of config fields that are checked by hand, with what JSON Schema can say of them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

Duration = Annotated[Any, Meta(extra_json_schema={"type": ["number", "string"]})]
"""Seconds, or text such as "1.5s"."""

Text = Annotated[Any, Meta(extra_json_schema={"type": "string"})]
"""Text, or what stands for it where JSON has nothing of the kind."""

MapOrTemplate = Annotated[Any, Meta(extra_json_schema={"type": ["object", "string"]})]
"""A map, or one `${...}` that gives a map."""

Statuses = Annotated[Any, Meta(extra_json_schema={"type": ["integer", "string", "array"]})]
"""200, "2xx", or a list of such."""
