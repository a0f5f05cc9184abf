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
_NAMES: frozenset[str] = frozenset({"include_usage"})


@_define(kw_only=True)
class StreamOptions(JsonObject):
    """Options of a stream; ignored when `stream` is false."""

    include_usage: bool | Unset = UNSET
    """Send `usage` in the last chunk. True when left out, unlike OpenAI's."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        if self.include_usage is not UNSET:
            encoded["include_usage"] = self.include_usage
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 0
        include_usage: Any = UNSET
        if "include_usage" in src_dict:
            _known += 1
            include_usage = src_dict["include_usage"]
            if include_usage.__class__ is not bool:
                include_usage = _parse.optional("include_usage", include_usage, _parse.boolean)
        _made = _blank(cls)
        _made.include_usage = include_usage
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.include_usage = self.include_usage
        _made.additional_properties = {**self.additional_properties}
        return _made
