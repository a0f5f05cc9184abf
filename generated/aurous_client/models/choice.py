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
_len = len
_NAMES: frozenset[str] = frozenset({"index", "message", "finish_reason", "logprobs"})


@_define(kw_only=True)
class Choice(JsonObject):
    """The answer and how it ended."""

    index: int
    message: ResponseMessage
    """What the model said, and the functions it wants called."""
    finish_reason: FinishReason | str | None
    """Why the answer ended; null while it has not."""
    logprobs: Logprobs | None | Unset = UNSET
    """Log probabilities, when they were asked for."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["index"] = self.index
        encoded["message"] = _encode(self.message)
        encoded["finish_reason"] = self.finish_reason
        if self.logprobs is not UNSET:
            encoded["logprobs"] = _encode(self.logprobs)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 3
        index: Any = src_dict.get("index", UNSET)
        if index.__class__ is not int:
            index = _parse.member("index", index, _parse.integer)
        message: Any = src_dict.get("message", UNSET)
        if message.__class__ is dict:
            try:
                message = ResponseMessage.from_dict(message)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "message") from None
        else:
            message = _parse.member("message", message, ResponseMessage.from_dict)
        finish_reason: Any = src_dict.get("finish_reason", UNSET)
        if finish_reason.__class__ is not str and finish_reason is not None:
            finish_reason = _parse.member(
                "finish_reason",
                finish_reason,
                lambda value: _parse.union(value, _parse.open_enum, _parse.string, _parse.null),
            )
        logprobs: Any = UNSET
        if "logprobs" in src_dict:
            _known += 1
            logprobs = src_dict["logprobs"]
            if logprobs.__class__ is dict:
                try:
                    logprobs = Logprobs.from_dict(logprobs)
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "logprobs") from None
            elif logprobs is not None:
                logprobs = _parse.member(
                    "logprobs", logprobs, lambda value: _parse.union(value, Logprobs.from_dict, _parse.null)
                )
        _made = _blank(cls)
        _made.index = index
        _made.message = message
        _made.finish_reason = finish_reason
        _made.logprobs = logprobs
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.index = self.index
        _made.message = self.message
        _made.finish_reason = self.finish_reason
        _made.logprobs = self.logprobs
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .finish_reason import FinishReason
from .logprobs import Logprobs
from .response_message import ResponseMessage
