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
_NAMES: frozenset[str] = frozenset({"input_credits", "output_credits", "reasoning_credits", "model", "pricing_version"})


@_define(kw_only=True)
class UsageBreakdown(JsonObject):
    """How the charge came about. The credits sum to `credits_charged`, to four decimals."""

    input_credits: float
    """Credits for the prompt. At least 0."""
    output_credits: float
    """Credits for the visible answer. At least 0."""
    reasoning_credits: float | Unset = UNSET
    """Credits for reasoning, at the output rate; present only when there was any. At least 0."""
    model: str
    """The model that was billed; the completion's own."""
    pricing_version: int
    """Which rate card applied."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["input_credits"] = self.input_credits
        encoded["output_credits"] = self.output_credits
        encoded["model"] = self.model
        encoded["pricing_version"] = self.pricing_version
        if self.reasoning_credits is not UNSET:
            encoded["reasoning_credits"] = self.reasoning_credits
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 4
        input_credits: Any = src_dict.get("input_credits", UNSET)
        if input_credits.__class__ is not float:
            input_credits = _parse.member("input_credits", input_credits, _parse.number)
        output_credits: Any = src_dict.get("output_credits", UNSET)
        if output_credits.__class__ is not float:
            output_credits = _parse.member("output_credits", output_credits, _parse.number)
        reasoning_credits: Any = UNSET
        if "reasoning_credits" in src_dict:
            _known += 1
            reasoning_credits = src_dict["reasoning_credits"]
            if reasoning_credits.__class__ is not float:
                reasoning_credits = _parse.optional("reasoning_credits", reasoning_credits, _parse.number)
        model: Any = src_dict.get("model", UNSET)
        if model.__class__ is not str:
            model = _parse.member("model", model, _parse.string)
        pricing_version: Any = src_dict.get("pricing_version", UNSET)
        if pricing_version.__class__ is not int:
            pricing_version = _parse.member("pricing_version", pricing_version, _parse.integer)
        _made = _blank(cls)
        _made.input_credits = input_credits
        _made.output_credits = output_credits
        _made.reasoning_credits = reasoning_credits
        _made.model = model
        _made.pricing_version = pricing_version
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.input_credits = self.input_credits
        _made.output_credits = self.output_credits
        _made.reasoning_credits = self.reasoning_credits
        _made.model = self.model
        _made.pricing_version = self.pricing_version
        _made.additional_properties = {**self.additional_properties}
        return _made
