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
_NAMES: frozenset[str] = frozenset({"credits_per_M"})


@_define(kw_only=True)
class TokenRate(JsonObject):
    """A rate."""

    credits_per_m: float
    """Credits for a million tokens. At least 0."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["credits_per_M"] = self.credits_per_m
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        credits_per_m: Any = src_dict.get("credits_per_M", UNSET)
        if credits_per_m.__class__ is not float:
            credits_per_m = _parse.member("credits_per_M", credits_per_m, _parse.number)
        _made = _blank(cls)
        _made.credits_per_m = credits_per_m
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.credits_per_m = self.credits_per_m
        _made.additional_properties = {**self.additional_properties}
        return _made
