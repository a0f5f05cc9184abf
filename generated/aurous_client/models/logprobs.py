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
_NAMES: frozenset[str] = frozenset({"content"})


@_define(kw_only=True)
class Logprobs(JsonObject):
    """Log probabilities of the answer. The pages do not print their shape; it is OpenAI's."""

    content: list[TokenLogprob] | None
    """One entry for each token of the answer."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["content"] = _encode(self.content)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        content: Any = src_dict.get("content", UNSET)
        if content.__class__ is list:
            _items: list[Any] = []
            try:
                _from_dict = TokenLogprob.from_dict
                for _item in content:
                    _items.append(_from_dict(_item))
                content = _items
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "content", len(_items)) from None
        elif content is not None:
            content = _parse.member(
                "content",
                content,
                lambda value: _parse.union(
                    value, lambda value: _parse.array(value, TokenLogprob.from_dict), _parse.null
                ),
            )
        _made = _blank(cls)
        _made.content = content
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.content = self.content
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .token_logprob import TokenLogprob
