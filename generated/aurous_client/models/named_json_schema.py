from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..types import UNSET, JsonObject, Unset

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"name", "strict", "schema"})


@_define(kw_only=True)
class NamedJsonSchema(JsonObject):
    """A schema of at most 10 KB as JSON text and 5 levels; beyond it the request is a 400 `response_format_too_large`
    or `response_format_too_deep`. Formats, patterns and bounds inside it are kept to as best effort only; a `$ref`
    must stay inside the schema (`api-reference/chat/structured-output`).
    """

    name: str
    strict: bool | Unset = UNSET
    """Enforce the schema while decoding; otherwise it is best effort."""
    schema: dict[str, Any] | Unset = UNSET
    """A JSON Schema, passed on as it is."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["name"] = self.name
        if self.strict is not UNSET:
            encoded["strict"] = self.strict
        if self.schema is not UNSET:
            encoded["schema"] = _encode(self.schema)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        name: Any = src_dict.get("name", UNSET)
        if name.__class__ is not str:
            name = _parse.member("name", name, _parse.string)
        strict: Any = UNSET
        if "strict" in src_dict:
            _known += 1
            strict = src_dict["strict"]
            if strict.__class__ is not bool:
                strict = _parse.optional("strict", strict, _parse.boolean)
        schema: Any = UNSET
        if "schema" in src_dict:
            _known += 1
            schema = src_dict["schema"]
            schema = _parse.optional("schema", schema, _parse.mapping)
        _made = _blank(cls)
        _made.name = name
        _made.strict = strict
        _made.schema = schema
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.name = self.name
        _made.strict = self.strict
        _made.schema = self.schema
        _made.additional_properties = {**self.additional_properties}
        return _made
