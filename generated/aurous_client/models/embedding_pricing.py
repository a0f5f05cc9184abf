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
_NAMES: frozenset[str] = frozenset({"text", "visual"})


@_define(kw_only=True)
class EmbeddingPricing(JsonObject):
    """Rates of an embedding model."""

    text: TokenRate
    """A rate."""
    visual: TokenRate
    """A rate."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["text"] = _encode(self.text)
        encoded["visual"] = _encode(self.visual)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        text: Any = src_dict.get("text", UNSET)
        if text.__class__ is dict:
            try:
                text = TokenRate.from_dict(text)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "text") from None
        else:
            text = _parse.member("text", text, TokenRate.from_dict)
        visual: Any = src_dict.get("visual", UNSET)
        if visual.__class__ is dict:
            try:
                visual = TokenRate.from_dict(visual)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "visual") from None
        else:
            visual = _parse.member("visual", visual, TokenRate.from_dict)
        _made = _blank(cls)
        _made.text = text
        _made.visual = visual
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.text = self.text
        _made.visual = self.visual
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .token_rate import TokenRate
