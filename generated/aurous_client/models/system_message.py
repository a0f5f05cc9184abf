from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..types import UNSET, JsonObject, Unset

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"role", "content", "name"})


@_define(kw_only=True)
class SystemMessage(JsonObject):
    """Instructions that hold for the whole conversation."""

    role: Literal["system"] = "system"
    content: str | list[TextPart | ImageUrlPart | VideoUrlPart]
    """Plain text, or parts of text, pictures and video (`api-reference/chat/multimodal`)."""
    name: str | Unset = UNSET
    """Tells participants of the same role apart."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["role"] = self.role
        encoded["content"] = _encode(self.content)
        if self.name is not UNSET:
            encoded["name"] = self.name
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        role: Any = src_dict.get("role", UNSET)
        role = _parse.member("role", role, lambda value: _parse.constant(value, "system"))
        content: Any = src_dict.get("content", UNSET)
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
            ),
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
        _made.name = name
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.role = self.role
        _made.content = self.content
        _made.name = self.name
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .image_url_part import ImageUrlPart
from .text_part import TextPart
from .video_url_part import VideoUrlPart
