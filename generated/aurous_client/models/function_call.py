from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..types import UNSET, JsonObject

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"name", "arguments"})


@_define(kw_only=True)
class FunctionCall(JsonObject):
    """The function and the arguments that the model chose."""

    name: str
    arguments: str
    """A JSON text, which the model wrote and which may not fit the schema."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["name"] = self.name
        encoded["arguments"] = self.arguments
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        name: Any = src_dict.get("name", UNSET)
        if name.__class__ is not str:
            name = _parse.member("name", name, _parse.string)
        arguments: Any = src_dict.get("arguments", UNSET)
        if arguments.__class__ is not str:
            arguments = _parse.member("arguments", arguments, _parse.string)
        _made = _blank(cls)
        _made.name = name
        _made.arguments = arguments
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.name = self.name
        _made.arguments = self.arguments
        _made.additional_properties = {**self.additional_properties}
        return _made
