from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..errors import ParseError
from ..types import UNSET, JsonObject

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"type", "json_schema"})


@_define(kw_only=True)
class JsonSchemaFormat(JsonObject):
    """JSON that fits a schema."""

    type: Literal["json_schema"] = "json_schema"
    json_schema: NamedJsonSchema
    """A schema of at most 10 KB as JSON text and 5 levels; beyond it the request is a 400 `response_format_too_large`
    or `response_format_too_deep`. Formats, patterns and bounds inside it are kept to as best effort only; a `$ref`
    must stay inside the schema (`api-reference/chat/structured-output`).
    """
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["type"] = self.type
        encoded["json_schema"] = _encode(self.json_schema)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        type: Any = src_dict.get("type", UNSET)
        type = _parse.member("type", type, lambda value: _parse.constant(value, "json_schema"))
        json_schema: Any = src_dict.get("json_schema", UNSET)
        if json_schema.__class__ is dict:
            try:
                json_schema = NamedJsonSchema.from_dict(json_schema)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "json_schema") from None
        else:
            json_schema = _parse.member("json_schema", json_schema, NamedJsonSchema.from_dict)
        _made = _blank(cls)
        _made.type = type
        _made.json_schema = json_schema
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.type = self.type
        _made.json_schema = self.json_schema
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .named_json_schema import NamedJsonSchema
