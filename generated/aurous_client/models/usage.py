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
_NAMES: frozenset[str] = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "credits_charged", "breakdown"}
)


@_define(kw_only=True)
class Usage(JsonObject):
    """The receipt of a completion, in tokens and in credits (`api-reference/chat/pricing`)."""

    prompt_tokens: int
    """Tokens of the conversation, its pictures and video included. At least 0."""
    completion_tokens: int
    """Visible tokens, calls of functions included; reasoning is apart. At least 0."""
    total_tokens: int
    """Prompt, completion and reasoning tokens together. At least 0."""
    reasoning_tokens: int | Unset = UNSET
    """Tokens of reasoning, present only when there were any. At least 0."""
    credits_charged: float
    """The charge, in credits; this number is the authoritative one. At least 0."""
    breakdown: UsageBreakdown
    """How the charge came about. The credits sum to `credits_charged`, to four decimals."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["prompt_tokens"] = self.prompt_tokens
        encoded["completion_tokens"] = self.completion_tokens
        encoded["total_tokens"] = self.total_tokens
        encoded["credits_charged"] = self.credits_charged
        encoded["breakdown"] = _encode(self.breakdown)
        if self.reasoning_tokens is not UNSET:
            encoded["reasoning_tokens"] = self.reasoning_tokens
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 5
        prompt_tokens: Any = src_dict.get("prompt_tokens", UNSET)
        if prompt_tokens.__class__ is not int:
            prompt_tokens = _parse.member("prompt_tokens", prompt_tokens, _parse.integer)
        completion_tokens: Any = src_dict.get("completion_tokens", UNSET)
        if completion_tokens.__class__ is not int:
            completion_tokens = _parse.member("completion_tokens", completion_tokens, _parse.integer)
        total_tokens: Any = src_dict.get("total_tokens", UNSET)
        if total_tokens.__class__ is not int:
            total_tokens = _parse.member("total_tokens", total_tokens, _parse.integer)
        reasoning_tokens: Any = UNSET
        if "reasoning_tokens" in src_dict:
            _known += 1
            reasoning_tokens = src_dict["reasoning_tokens"]
            if reasoning_tokens.__class__ is not int:
                reasoning_tokens = _parse.optional("reasoning_tokens", reasoning_tokens, _parse.integer)
        credits_charged: Any = src_dict.get("credits_charged", UNSET)
        if credits_charged.__class__ is not float:
            credits_charged = _parse.member("credits_charged", credits_charged, _parse.number)
        breakdown: Any = src_dict.get("breakdown", UNSET)
        if breakdown.__class__ is dict:
            try:
                breakdown = UsageBreakdown.from_dict(breakdown)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "breakdown") from None
        else:
            breakdown = _parse.member("breakdown", breakdown, UsageBreakdown.from_dict)
        _made = _blank(cls)
        _made.prompt_tokens = prompt_tokens
        _made.completion_tokens = completion_tokens
        _made.total_tokens = total_tokens
        _made.reasoning_tokens = reasoning_tokens
        _made.credits_charged = credits_charged
        _made.breakdown = breakdown
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.prompt_tokens = self.prompt_tokens
        _made.completion_tokens = self.completion_tokens
        _made.total_tokens = self.total_tokens
        _made.reasoning_tokens = self.reasoning_tokens
        _made.credits_charged = self.credits_charged
        _made.breakdown = self.breakdown
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .usage_breakdown import UsageBreakdown
