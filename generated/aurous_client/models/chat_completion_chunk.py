from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..errors import ParseError
from ..types import UNSET, JsonObject, Unset

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"id", "object", "created", "model", "choices", "usage"})


@_define(kw_only=True)
class ChatCompletionChunk(JsonObject):
    """One frame of a streamed completion (`api-reference/chat/streaming`)."""

    id: str
    """The completion's id, the same in every chunk. Matches `^cmp_`."""
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    """When the completion was created, in Unix seconds; the same in every chunk."""
    model: str
    """Slug of the model, the same in every chunk."""
    choices: list[ChunkChoice]
    """What was added; at most one. At most 1 item."""
    usage: Usage | None | Unset = UNSET
    """The receipt, in the last chunk."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["id"] = self.id
        encoded["object"] = self.object
        encoded["created"] = self.created
        encoded["model"] = self.model
        encoded["choices"] = _encode(self.choices)
        if self.usage is not UNSET:
            encoded["usage"] = _encode(self.usage)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 4
        id: Any = src_dict.get("id", UNSET)
        if id.__class__ is not str:
            id = _parse.member("id", id, _parse.string)
        object: Any = "chat.completion.chunk"
        if "object" in src_dict:
            _known += 1
            object = src_dict["object"]
            if object.__class__ is not str:
                object = _parse.member("object", object, _parse.open_enum)
        created: Any = src_dict.get("created", UNSET)
        if created.__class__ is not int:
            created = _parse.member("created", created, _parse.integer)
        model: Any = src_dict.get("model", UNSET)
        if model.__class__ is not str:
            model = _parse.member("model", model, _parse.string)
        choices: Any = src_dict.get("choices", UNSET)
        if choices.__class__ is list:
            _items: list[Any] = []
            try:
                _from_dict = ChunkChoice.from_dict
                for _item in choices:
                    _items.append(_from_dict(_item))
                choices = _items
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "choices", len(_items)) from None
        else:
            choices = _parse.member("choices", choices, lambda value: _parse.array(value, ChunkChoice.from_dict))
        usage: Any = UNSET
        if "usage" in src_dict:
            _known += 1
            usage = src_dict["usage"]
            if usage.__class__ is dict:
                try:
                    usage = Usage.from_dict(usage)
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "usage") from None
            elif usage is not None:
                usage = _parse.member("usage", usage, lambda value: _parse.union(value, Usage.from_dict, _parse.null))
        _made = _blank(cls)
        _made.id = id
        _made.object = object
        _made.created = created
        _made.model = model
        _made.choices = choices
        _made.usage = usage
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.id = self.id
        _made.object = self.object
        _made.created = self.created
        _made.model = self.model
        _made.choices = self.choices
        _made.usage = self.usage
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .chunk_choice import ChunkChoice
from .usage import Usage
