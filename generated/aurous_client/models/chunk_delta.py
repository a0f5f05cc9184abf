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
_NAMES: frozenset[str] = frozenset({"role", "content", "tool_calls"})


@_define(kw_only=True)
class ChunkDelta(JsonObject):
    """The role in the first chunk, text or calls in those that follow, nothing in the last."""

    role: str | Unset = UNSET
    """Always `assistant`, in the first chunk."""
    content: str | None | Unset = UNSET
    """Text to append."""
    tool_calls: list[ToolCallDelta] | Unset = UNSET
    """Calls, in pieces. The pages do not print their shape; it is OpenAI's."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        if self.role is not UNSET:
            encoded["role"] = self.role
        if self.content is not UNSET:
            encoded["content"] = self.content
        if self.tool_calls is not UNSET:
            encoded["tool_calls"] = _encode(self.tool_calls)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 0
        role: Any = UNSET
        if "role" in src_dict:
            _known += 1
            role = src_dict["role"]
            if role.__class__ is not str:
                role = _parse.optional("role", role, _parse.string)
        content: Any = UNSET
        if "content" in src_dict:
            _known += 1
            content = src_dict["content"]
            if content.__class__ is not str and content is not None:
                content = _parse.member(
                    "content", content, lambda value: _parse.union(value, _parse.string, _parse.null)
                )
        tool_calls: Any = UNSET
        if "tool_calls" in src_dict:
            _known += 1
            tool_calls = src_dict["tool_calls"]
            if tool_calls.__class__ is list:
                _items: list[Any] = []
                try:
                    _from_dict = ToolCallDelta.from_dict
                    for _item in tool_calls:
                        _items.append(_from_dict(_item))
                    tool_calls = _items
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "tool_calls", len(_items)) from None
            else:
                tool_calls = _parse.optional(
                    "tool_calls", tool_calls, lambda value: _parse.array(value, ToolCallDelta.from_dict)
                )
        _made = _blank(cls)
        _made.role = role
        _made.content = content
        _made.tool_calls = tool_calls
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.role = self.role
        _made.content = self.content
        _made.tool_calls = self.tool_calls
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .tool_call_delta import ToolCallDelta
