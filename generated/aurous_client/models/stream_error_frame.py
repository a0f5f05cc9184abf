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
_NAMES: frozenset[str] = frozenset({"error"})


@_define(kw_only=True)
class StreamErrorFrame(JsonObject):
    """A fault after the stream began. The pages do not print its shape; the envelope is what any reader expects."""

    error: ApiError
    """What went wrong, for programs (`code`) and for people (`message`)."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["error"] = _encode(self.error)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        error: Any = src_dict.get("error", UNSET)
        if error.__class__ is dict:
            try:
                error = ApiError.from_dict(error)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "error") from None
        else:
            error = _parse.member("error", error, ApiError.from_dict)
        _made = _blank(cls)
        _made.error = error
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.error = self.error
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .api_error import ApiError
