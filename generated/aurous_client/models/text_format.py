from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..types import UNSET, JsonObject

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"type"})


@_define(kw_only=True)
class TextFormat(JsonObject):
    """Plain text."""

    type: Literal["text"] = "text"
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["type"] = self.type
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        type: Any = src_dict.get("type", UNSET)
        type = _parse.member("type", type, lambda value: _parse.constant(value, "text"))
        _made = _blank(cls)
        _made.type = type
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.type = self.type
        _made.additional_properties = {**self.additional_properties}
        return _made
