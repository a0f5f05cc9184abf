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
_NAMES: frozenset[str] = frozenset({"type", "code", "message", "doc_url", "request_id", "param", "status"})


@_define(kw_only=True)
class ApiError(JsonObject):
    """What went wrong, for programs (`code`) and for people (`message`)."""

    type: ErrorType | str
    """The family of the fault. The HTTP status is the primary signal; neither follows from the other."""
    code: ErrorCode | str
    """Stable and made for programs; codes not listed here are legal."""
    message: str
    """For people; may repeat the offending value."""
    doc_url: str
    """Where the code is explained."""
    request_id: str
    """Equal to the response header `Aurous-Request-Id`. Matches `^req_`."""
    param: str | None | Unset = UNSET
    """The parameter at fault, as a path; absent or null where there is none."""
    status: int | Unset = UNSET
    """The provider's own status, with `*_provider_*` codes."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["type"] = self.type
        encoded["code"] = self.code
        encoded["message"] = self.message
        encoded["doc_url"] = self.doc_url
        encoded["request_id"] = self.request_id
        if self.param is not UNSET:
            encoded["param"] = self.param
        if self.status is not UNSET:
            encoded["status"] = self.status
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 5
        type: Any = src_dict.get("type", UNSET)
        if type.__class__ is not str:
            type = _parse.member("type", type, _parse.open_enum)
        code: Any = src_dict.get("code", UNSET)
        if code.__class__ is not str:
            code = _parse.member("code", code, _parse.open_enum)
        message: Any = src_dict.get("message", UNSET)
        if message.__class__ is not str:
            message = _parse.member("message", message, _parse.string)
        doc_url: Any = src_dict.get("doc_url", UNSET)
        if doc_url.__class__ is not str:
            doc_url = _parse.member("doc_url", doc_url, _parse.string)
        request_id: Any = src_dict.get("request_id", UNSET)
        if request_id.__class__ is not str:
            request_id = _parse.member("request_id", request_id, _parse.string)
        param: Any = UNSET
        if "param" in src_dict:
            _known += 1
            param = src_dict["param"]
            if param.__class__ is not str and param is not None:
                param = _parse.member("param", param, lambda value: _parse.union(value, _parse.string, _parse.null))
        status: Any = UNSET
        if "status" in src_dict:
            _known += 1
            status = src_dict["status"]
            if status.__class__ is not int:
                status = _parse.optional("status", status, _parse.integer)
        _made = _blank(cls)
        _made.type = type
        _made.code = code
        _made.message = message
        _made.doc_url = doc_url
        _made.request_id = request_id
        _made.param = param
        _made.status = status
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.type = self.type
        _made.code = self.code
        _made.message = self.message
        _made.doc_url = self.doc_url
        _made.request_id = self.request_id
        _made.param = self.param
        _made.status = self.status
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .error_code import ErrorCode
from .error_type import ErrorType
