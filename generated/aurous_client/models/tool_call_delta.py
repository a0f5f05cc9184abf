from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..errors import ParseError
from ..types import UNSET, JsonObject, Unset

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"index", "id", "type", "function"})


@_define(kw_only=True)
class ToolCallDelta(JsonObject):
    """A piece of a call. Id, type and name come once; arguments are appended."""

    index: int
    """Which call the piece belongs to."""
    id: str | Unset = UNSET
    type: str | Unset = UNSET
    function: FunctionCallDelta | Unset = UNSET
    """A piece of a function's name or arguments."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["index"] = self.index
        if self.id is not UNSET:
            encoded["id"] = self.id
        if self.type is not UNSET:
            encoded["type"] = self.type
        if self.function is not UNSET:
            encoded["function"] = _encode(self.function)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        index: Any = src_dict.get("index", UNSET)
        if index.__class__ is not int:
            index = _parse.member("index", index, _parse.integer)
        id: Any = UNSET
        if "id" in src_dict:
            _known += 1
            id = src_dict["id"]
            if id.__class__ is not str:
                id = _parse.optional("id", id, _parse.string)
        type: Any = UNSET
        if "type" in src_dict:
            _known += 1
            type = src_dict["type"]
            if type.__class__ is not str:
                type = _parse.optional("type", type, _parse.string)
        function: Any = UNSET
        if "function" in src_dict:
            _known += 1
            function = src_dict["function"]
            if function.__class__ is dict:
                try:
                    function = FunctionCallDelta.from_dict(function)
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "function") from None
            else:
                function = _parse.optional("function", function, FunctionCallDelta.from_dict)
        _made = _blank(cls)
        _made.index = index
        _made.id = id
        _made.type = type
        _made.function = function
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.index = self.index
        _made.id = self.id
        _made.type = self.type
        _made.function = self.function
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .function_call_delta import FunctionCallDelta
