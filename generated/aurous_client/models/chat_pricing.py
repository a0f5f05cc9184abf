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
_NAMES: frozenset[str] = frozenset({"input", "output"})


@_define(kw_only=True)
class ChatPricing(JsonObject):
    """Rates of a chat model (`pricing/llm-pricing`)."""

    input: TokenRate
    """A rate."""
    output: TokenRate
    """A rate."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["input"] = _encode(self.input)
        encoded["output"] = _encode(self.output)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        input: Any = src_dict.get("input", UNSET)
        if input.__class__ is dict:
            try:
                input = TokenRate.from_dict(input)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "input") from None
        else:
            input = _parse.member("input", input, TokenRate.from_dict)
        output: Any = src_dict.get("output", UNSET)
        if output.__class__ is dict:
            try:
                output = TokenRate.from_dict(output)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "output") from None
        else:
            output = _parse.member("output", output, TokenRate.from_dict)
        _made = _blank(cls)
        _made.input = input
        _made.output = output
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.input = self.input
        _made.output = self.output
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .token_rate import TokenRate
