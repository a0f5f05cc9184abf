from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..errors import ParseError
from ..types import UNSET, JsonObject, Unset

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"role", "content", "tool_calls", "name"})


@_define(kw_only=True)
class AssistantMessage(JsonObject):
    """An earlier answer of the model, with the calls it made."""

    role: Literal["assistant"] = "assistant"
    content: str | list[TextPart | ImageUrlPart | VideoUrlPart] | None | Unset = UNSET
    tool_calls: list[ToolCall] | Unset = UNSET
    """The calls that the answer asked for, as they were received."""
    name: str | Unset = UNSET
    """Tells participants of the same role apart."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["role"] = self.role
        if self.content is not UNSET:
            encoded["content"] = _encode(self.content)
        if self.tool_calls is not UNSET:
            encoded["tool_calls"] = _encode(self.tool_calls)
        if self.name is not UNSET:
            encoded["name"] = self.name
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        role: Any = src_dict.get("role", UNSET)
        role = _parse.member("role", role, lambda value: _parse.constant(value, "assistant"))
        content: Any = UNSET
        if "content" in src_dict:
            _known += 1
            content = src_dict["content"]
            content = _parse.member(
                "content",
                content,
                lambda value: _parse.union(
                    value,
                    _parse.string,
                    lambda value: _parse.array(
                        value,
                        lambda value: _parse.union(
                            value, TextPart.from_dict, ImageUrlPart.from_dict, VideoUrlPart.from_dict
                        ),
                    ),
                    _parse.null,
                ),
            )
        tool_calls: Any = UNSET
        if "tool_calls" in src_dict:
            _known += 1
            tool_calls = src_dict["tool_calls"]
            if tool_calls.__class__ is list:
                _items: list[Any] = []
                try:
                    _from_dict = ToolCall.from_dict
                    for _item in tool_calls:
                        _items.append(_from_dict(_item))
                    tool_calls = _items
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "tool_calls", len(_items)) from None
            else:
                tool_calls = _parse.optional(
                    "tool_calls", tool_calls, lambda value: _parse.array(value, ToolCall.from_dict)
                )
        name: Any = UNSET
        if "name" in src_dict:
            _known += 1
            name = src_dict["name"]
            if name.__class__ is not str:
                name = _parse.optional("name", name, _parse.string)
        _made = _blank(cls)
        _made.role = role
        _made.content = content
        _made.tool_calls = tool_calls
        _made.name = name
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.role = self.role
        _made.content = self.content
        _made.tool_calls = self.tool_calls
        _made.name = self.name
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .image_url_part import ImageUrlPart
from .text_part import TextPart
from .tool_call import ToolCall
from .video_url_part import VideoUrlPart
