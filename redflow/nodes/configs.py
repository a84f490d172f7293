"""Configs with templates: what of one can be checked before it runs, and how it is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from redflow.expressions import parse_template
from redflow.expressions.analysis import EXPRESSION_KEYS


class TemplatedConfig:
    """The config of one node; keys that are expressions themselves stay as they are."""

    def __init__(self, node_type: str, config: Mapping[str, Any]) -> None:
        """Raises InvalidWorkflow for a template that cannot be read."""
        keys = EXPRESSION_KEYS.get(node_type, ())
        self._as_is = {key: config[key] for key in keys if key in config}
        self._templates = {
            key: parse_template(value) for key, value in config.items() if key not in keys
        }

    @property
    def open_keys(self) -> frozenset[str]:
        """Keys whose values are known only when the step runs."""
        return frozenset(key for key, one in self._templates.items() if not one.is_literal)

    def filled(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """Render every template; raises ExpressionError."""
        rendered = {key: template.render(scope) for key, template in self._templates.items()}
        return rendered | self._as_is

    def known(self, model: type[msgspec.Struct]) -> Any:
        """Read what is known before the step runs; raises msgspec.ValidationError.

        An open field may become anything, and what a model checks across fields is left to its run.
        """
        fields = {one.encode_name for one in msgspec.structs.fields(model)}
        return msgspec.convert(self._known_values(), _partial(model, self.open_keys & fields))

    def _known_values(self) -> dict[str, Any]:
        literal = {
            key: None if key in self.open_keys else template.render({})
            for key, template in self._templates.items()
        }
        return literal | self._as_is


@cache
def _partial(model: type[msgspec.Struct], open_keys: frozenset[str]) -> type[msgspec.Struct]:
    """Make a model with open fields; kept, because making a class takes a while."""
    fields = msgspec.structs.fields(model)
    return msgspec.defstruct(
        model.__name__,
        [_open(one) if one.encode_name in open_keys else _same(one) for one in fields],
        kw_only=True,
        frozen=True,
        forbid_unknown_fields=model.__struct_config__.forbid_unknown_fields,
        rename={one.name: one.encode_name for one in fields},
    )


def _open(one: msgspec.structs.FieldInfo) -> tuple[str, Any, Any]:
    return one.name, Any, None


def _same(one: msgspec.structs.FieldInfo) -> Any:
    if one.default is not msgspec.NODEFAULT:
        return one.name, one.type, one.default
    if one.default_factory is not msgspec.NODEFAULT:
        return one.name, one.type, msgspec.field(default_factory=one.default_factory)
    return one.name, one.type
