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
_NAMES: frozenset[str] = frozenset({"type", "image_url"})


@_define(kw_only=True)
class ImageUrlPart(JsonObject):
    """A part that is a picture; it counts into the prompt tokens."""

    type: Literal["image_url"] = "image_url"
    image_url: ImageUrl
    """Where a picture is, and in which detail to read it."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["type"] = self.type
        encoded["image_url"] = _encode(self.image_url)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        type: Any = src_dict.get("type", UNSET)
        type = _parse.member("type", type, lambda value: _parse.constant(value, "image_url"))
        image_url: Any = src_dict.get("image_url", UNSET)
        if image_url.__class__ is dict:
            try:
                image_url = ImageUrl.from_dict(image_url)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "image_url") from None
        else:
            image_url = _parse.member("image_url", image_url, ImageUrl.from_dict)
        _made = _blank(cls)
        _made.type = type
        _made.image_url = image_url
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.type = self.type
        _made.image_url = self.image_url
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .image_url import ImageUrl
