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
_NAMES: frozenset[str] = frozenset({"token", "logprob", "bytes"})


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
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        token: Any = src_dict.get("token", UNSET)
        if token.__class__ is not str:
            token = _parse.member("token", token, _parse.string)
        logprob: Any = src_dict.get("logprob", UNSET)
        if logprob.__class__ is not float:
            logprob = _parse.member("logprob", logprob, _parse.number)
        bytes_: Any = UNSET
        if "bytes" in src_dict:
            _known += 1
            bytes_ = src_dict["bytes"]
            if bytes_.__class__ is list:
                for _item in bytes_:
                    if _item.__class__ is not int:
                        bytes_ = _parse.member(
                            "bytes",
                            bytes_,
                            lambda value: _parse.union(
                                value, lambda value: _parse.array(value, _parse.integer), _parse.null
                            ),
                        )
                        break
            elif bytes_ is not None:
                bytes_ = _parse.member(
                    "bytes",
                    bytes_,
                    lambda value: _parse.union(value, lambda value: _parse.array(value, _parse.integer), _parse.null),
                )
        _made = _blank(cls)
        _made.token = token
        _made.logprob = logprob
        _made.bytes_ = bytes_
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.token = self.token
        _made.logprob = self.logprob
        _made.bytes_ = self.bytes_
        _made.additional_properties = {**self.additional_properties}
        return _made
