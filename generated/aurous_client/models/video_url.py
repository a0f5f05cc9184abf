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
_NAMES: frozenset[str] = frozenset({"url"})


@_define(kw_only=True)
class VideoUrl(JsonObject):
    """Where a video is."""

    url: str
    """An address that can be fetched from the internet. One that leads to a private or local address is a 400
    (`api-reference/embeddings/url-fetching`).
    """
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["url"] = self.url
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        url: Any = src_dict.get("url", UNSET)
        if url.__class__ is not str:
            url = _parse.member("url", url, _parse.string)
        _made = _blank(cls)
        _made.url = url
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.url = self.url
        _made.additional_properties = {**self.additional_properties}
        return _made
