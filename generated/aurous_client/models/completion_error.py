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
_NAMES: frozenset[str] = frozenset({"code", "type", "message"})


@_define(kw_only=True)
class CompletionError(JsonObject):
    """Why a stored completion failed or was cancelled."""

    code: str
    type: str
    message: str
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["code"] = self.code
        encoded["type"] = self.type
        encoded["message"] = self.message
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 3
        code: Any = src_dict.get("code", UNSET)
        if code.__class__ is not str:
            code = _parse.member("code", code, _parse.string)
        type: Any = src_dict.get("type", UNSET)
        if type.__class__ is not str:
            type = _parse.member("type", type, _parse.string)
        message: Any = src_dict.get("message", UNSET)
        if message.__class__ is not str:
            message = _parse.member("message", message, _parse.string)
        _made = _blank(cls)
        _made.code = code
        _made.type = type
        _made.message = message
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.code = self.code
        _made.type = self.type
        _made.message = self.message
        _made.additional_properties = {**self.additional_properties}
        return _made
