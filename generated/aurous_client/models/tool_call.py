from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..errors import ParseError
from ..types import UNSET, JsonObject

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"id", "type", "function"})


@_define(kw_only=True)
class ToolCall(JsonObject):
    """A call of a function that the model asks for (`api-reference/chat/tools`)."""

    id: str
    """Send it back as `tool_call_id` with the result."""
    type: str
    """Always `function`."""
    function: FunctionCall
    """The function and the arguments that the model chose."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["id"] = self.id
        encoded["type"] = self.type
        encoded["function"] = _encode(self.function)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 3
        id: Any = src_dict.get("id", UNSET)
        if id.__class__ is not str:
            id = _parse.member("id", id, _parse.string)
        type: Any = src_dict.get("type", UNSET)
        if type.__class__ is not str:
            type = _parse.member("type", type, _parse.string)
        function: Any = src_dict.get("function", UNSET)
        if function.__class__ is dict:
            try:
                function = FunctionCall.from_dict(function)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "function") from None
        else:
            function = _parse.member("function", function, FunctionCall.from_dict)
        _made = _blank(cls)
        _made.id = id
        _made.type = type
        _made.function = function
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.id = self.id
        _made.type = self.type
        _made.function = self.function
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .function_call import FunctionCall
