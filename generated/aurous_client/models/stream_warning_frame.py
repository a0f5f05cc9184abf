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
_NAMES: frozenset[str] = frozenset({"id", "object", "created", "model", "choices", "warning"})


@_define(kw_only=True)
class StreamWarningFrame(JsonObject):
    """The first frame of a stream that was sent an idempotency key, which a stream ignores."""

    id: str | Unset = UNSET
    object: str | Unset = UNSET
    created: int | Unset = UNSET
    model: str | Unset = UNSET
    choices: list[ChunkChoice] | Unset = UNSET
    """At most 1 item."""
    warning: StreamWarning
    """Something that the caller should know and that does not end the stream."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["warning"] = _encode(self.warning)
        if self.id is not UNSET:
            encoded["id"] = self.id
        if self.object is not UNSET:
            encoded["object"] = self.object
        if self.created is not UNSET:
            encoded["created"] = self.created
        if self.model is not UNSET:
            encoded["model"] = self.model
        if self.choices is not UNSET:
            encoded["choices"] = _encode(self.choices)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        id: Any = UNSET
        if "id" in src_dict:
            _known += 1
            id = src_dict["id"]
            if id.__class__ is not str:
                id = _parse.optional("id", id, _parse.string)
        object: Any = UNSET
        if "object" in src_dict:
            _known += 1
            object = src_dict["object"]
            if object.__class__ is not str:
                object = _parse.optional("object", object, _parse.string)
        created: Any = UNSET
        if "created" in src_dict:
            _known += 1
            created = src_dict["created"]
            if created.__class__ is not int:
                created = _parse.optional("created", created, _parse.integer)
        model: Any = UNSET
        if "model" in src_dict:
            _known += 1
            model = src_dict["model"]
            if model.__class__ is not str:
                model = _parse.optional("model", model, _parse.string)
        choices: Any = UNSET
        if "choices" in src_dict:
            _known += 1
            choices = src_dict["choices"]
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
                choices = _parse.optional("choices", choices, lambda value: _parse.array(value, ChunkChoice.from_dict))
        warning: Any = src_dict.get("warning", UNSET)
        if warning.__class__ is dict:
            try:
                warning = StreamWarning.from_dict(warning)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "warning") from None
        else:
            warning = _parse.member("warning", warning, StreamWarning.from_dict)
        _made = _blank(cls)
        _made.id = id
        _made.object = object
        _made.created = created
        _made.model = model
        _made.choices = choices
        _made.warning = warning
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.id = self.id
        _made.object = self.object
        _made.created = self.created
        _made.model = self.model
        _made.choices = self.choices
        _made.warning = self.warning
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .chunk_choice import ChunkChoice
from .stream_warning import StreamWarning
