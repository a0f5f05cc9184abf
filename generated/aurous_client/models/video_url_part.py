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
_NAMES: frozenset[str] = frozenset({"type", "video_url"})


@_define(kw_only=True)
class VideoUrlPart(JsonObject):
    """A part that is video, of which the first seconds are sampled."""

    type: Literal["video_url"] = "video_url"
    video_url: VideoUrl
    """Where a video is."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["type"] = self.type
        encoded["video_url"] = _encode(self.video_url)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        type: Any = src_dict.get("type", UNSET)
        type = _parse.member("type", type, lambda value: _parse.constant(value, "video_url"))
        video_url: Any = src_dict.get("video_url", UNSET)
        if video_url.__class__ is dict:
            try:
                video_url = VideoUrl.from_dict(video_url)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "video_url") from None
        else:
            video_url = _parse.member("video_url", video_url, VideoUrl.from_dict)
        _made = _blank(cls)
        _made.type = type
        _made.video_url = video_url
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.type = self.type
        _made.video_url = self.video_url
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .video_url import VideoUrl
