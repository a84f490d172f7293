"""Texts in a config that look like somebody's key: known prefixes of what services give out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from redflow.model.workflow import Workflow
from redflow.secrets.reference import KEY, child_pointer, children

_KINDS = {
    "an OpenAI or Anthropic key": r"sk-[\w-]{20,}",
    "a Stripe key": r"[sr]k_(?:live|test)_\w{16,}",
    "a GitHub token": r"(?:gh[oprsu]_\w{36,}|github_pat_\w{22,})",
    "a GitLab token": r"glpat-[\w-]{20,}",
    "a Slack token": r"xox[abeoprs]-[\w-]{10,}",
    "an AWS access key": r"A(?:KI|SI)A[A-Z0-9]{16}\b",
    "a Google API key": r"AIza[\w-]{35}",
    "a SendGrid key": r"SG\.[\w-]{16,}\.[\w-]{16,}",
    "a Hugging Face token": r"hf_\w{30,}",
    "an npm token": r"npm_\w{36}",
    "a PyPI token": r"pypi-[\w-]{16,}",
    "a webhook secret": r"whsec_[\w+/=-]{24,}",
    "a JSON web token": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
}
_PATTERNS = {
    kind: re.compile(rf"(?<![A-Za-z0-9_-]){pattern}", re.ASCII) for kind, pattern in _KINDS.items()
}


@dataclass(frozen=True, slots=True)
class LiteralKey:
    """Where a config holds what looks like a key, and whose; never the key."""

    pointer: str
    kind: str

    def __str__(self) -> str:
        return (
            f'{self.pointer or "/"} looks like {self.kind}: write {{"{KEY}": "NAME"}} instead, and'
            " redflow secret set NAME"
        )


def keys_written_in(workflow: Workflow) -> list[LiteralKey]:
    """Return what looks like a key in the configs of a workflow, with its place in the document."""
    return [
        replace(found, pointer=f"/nodes/{node.id}/config{found.pointer}")
        for node in workflow.nodes
        for found in literal_keys(node.config)
    ]


def literal_keys(config: Any) -> list[LiteralKey]:
    """Return the texts of a config, at any depth, that look like keys; keys of maps as well."""
    return list(_found(config, ""))


def _found(value: Any, pointer: str) -> Iterator[LiteralKey]:
    if isinstance(value, str):
        for kind, pattern in _PATTERNS.items():
            if pattern.search(value):
                yield LiteralKey(pointer, kind)
                return
    for key, item in children(value):
        yield from _found(item, child_pointer(pointer, key))
