from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..errors import ParseError
from ..types import UNSET, JsonObject

_blank = object.__new__
_len = len
_NAMES: frozenset[str] = frozenset({"object", "data"})


@_define(kw_only=True)
class ModelList(JsonObject):
    """The catalogue."""

    object: Literal["list"] = "list"
    data: list[Model]
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["object"] = self.object
        encoded["data"] = _encode(self.data)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        object: Any = "list"
        if "object" in src_dict:
            _known += 1
            object = src_dict["object"]
            if object.__class__ is not str:
                object = _parse.member("object", object, _parse.open_enum)
        data: Any = src_dict.get("data", UNSET)
        if data.__class__ is list:
            _items: list[Any] = []
            try:
                _from_dict = Model.from_dict
                for _item in data:
                    _items.append(_from_dict(_item))
                data = _items
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "data", len(_items)) from None
        else:
            data = _parse.member("data", data, lambda value: _parse.array(value, Model.from_dict))
        _made = _blank(cls)
        _made.object = object
        _made.data = data
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.object = self.object
        _made.data = self.data
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .model import Model
