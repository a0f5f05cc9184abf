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
_NAMES: frozenset[str] = frozenset({"name", "description", "parameters"})


@_define(kw_only=True)
class FunctionDefinition(JsonObject):
    """A function, by name, purpose and the JSON Schema of its arguments."""

    name: str
    description: str | Unset = UNSET
    parameters: dict[str, Any] | Unset = UNSET
    """A JSON Schema, passed on as it is."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["name"] = self.name
        if self.description is not UNSET:
            encoded["description"] = self.description
        if self.parameters is not UNSET:
            encoded["parameters"] = _encode(self.parameters)
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
        description: Any = UNSET
        if "description" in src_dict:
            _known += 1
            description = src_dict["description"]
            if description.__class__ is not str:
                description = _parse.optional("description", description, _parse.string)
        parameters: Any = UNSET
        if "parameters" in src_dict:
            _known += 1
            parameters = src_dict["parameters"]
            parameters = _parse.optional("parameters", parameters, _parse.mapping)
        _made = _blank(cls)
        _made.name = name
        _made.description = description
        _made.parameters = parameters
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.name = self.name
        _made.description = self.description
        _made.parameters = self.parameters
        _made.additional_properties = {**self.additional_properties}
        return _made
