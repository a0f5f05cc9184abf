from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..errors import ParseError
from ..types import UNSET, JsonObject, Unset

_blank = object.__new__


@_define(kw_only=True)
class TopLogprob(JsonObject):
    """A token that could have stood here."""

    token: str
    logprob: float
    """Natural logarithm of its probability. At most 0."""
    bytes_: list[int] | None | Unset = UNSET
    """The UTF-8 bytes of the token, as numbers."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["token"] = self.token
        encoded["logprob"] = self.logprob
        if self.bytes_ is not UNSET:
            encoded["bytes"] = _encode(self.bytes_)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        _rest = {**src_dict} if src_dict.__class__ is dict else _parse.members(src_dict)
        token: Any = _rest.pop("token", UNSET)
        if token.__class__ is not str:
            token = _parse.member("token", token, _parse.string)
        logprob: Any = _rest.pop("logprob", UNSET)
        if logprob.__class__ is not float:
            logprob = _parse.member("logprob", logprob, _parse.number)
        bytes_: Any = _rest.pop("bytes", UNSET)
        if bytes_.__class__ is list:
            try:
                bytes_ = _parse.array(bytes_, _parse.integer)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "bytes") from None
        elif bytes_ is not UNSET and bytes_ is not None:
            bytes_ = _parse.member(
                "bytes",
                bytes_,
                lambda value: _parse.union(value, lambda value: _parse.array(value, _parse.integer), _parse.null),
            )
        _made = _blank(cls)
        _made.token = token
        _made.logprob = logprob
        _made.bytes_ = bytes_
        _made.additional_properties = _rest
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.token = self.token
        _made.logprob = self.logprob
        _made.bytes_ = self.bytes_
        _made.additional_properties = {**self.additional_properties}
        return _made
