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
_NAMES: frozenset[str] = frozenset(
    {
        "kind",
        "context_window",
        "capabilities",
        "default_max_output_tokens",
        "max_output_tokens_hard_cap",
        "dimensions",
        "max_input_items",
    }
)


@_define(kw_only=True)
class ModelMetadata(JsonObject):
    """Limits and capabilities of a model."""

    kind: ModelKind | str | Unset = UNSET
    """See `kind` of the model."""
    context_window: int | Unset = UNSET
    """The most prompt tokens; beyond it a request is a 400 `max_input_tokens_exceeded`. At least 0."""
    capabilities: list[str] | Unset = UNSET
    """Flags such as `multimodal_input`, `reasoning_effort` and `tool_choice_required`."""
    default_max_output_tokens: int | Unset = UNSET
    """What applies when `max_tokens` is left out. At least 0."""
    max_output_tokens_hard_cap: int | Unset = UNSET
    """The highest `max_tokens` that is accepted. At least 0."""
    dimensions: list[int] | None | Unset = UNSET
    """Sizes that an embedding model can return."""
    max_input_items: int | Unset = UNSET
    """The most content parts of an embedding request. At least 0."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        if self.kind is not UNSET:
            encoded["kind"] = self.kind
        if self.context_window is not UNSET:
            encoded["context_window"] = self.context_window
        if self.capabilities is not UNSET:
            encoded["capabilities"] = _encode(self.capabilities)
        if self.default_max_output_tokens is not UNSET:
            encoded["default_max_output_tokens"] = self.default_max_output_tokens
        if self.max_output_tokens_hard_cap is not UNSET:
            encoded["max_output_tokens_hard_cap"] = self.max_output_tokens_hard_cap
        if self.dimensions is not UNSET:
            encoded["dimensions"] = _encode(self.dimensions)
        if self.max_input_items is not UNSET:
            encoded["max_input_items"] = self.max_input_items
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 0
        kind: Any = UNSET
        if "kind" in src_dict:
            _known += 1
            kind = src_dict["kind"]
            if kind.__class__ is not str:
                kind = _parse.optional("kind", kind, _parse.open_enum)
        context_window: Any = UNSET
        if "context_window" in src_dict:
            _known += 1
            context_window = src_dict["context_window"]
            if context_window.__class__ is not int:
                context_window = _parse.optional("context_window", context_window, _parse.integer)
        capabilities: Any = UNSET
        if "capabilities" in src_dict:
            _known += 1
            capabilities = src_dict["capabilities"]
            if capabilities.__class__ is list:
                for _item in capabilities:
                    if _item.__class__ is not str:
                        capabilities = _parse.optional(
                            "capabilities", capabilities, lambda value: _parse.array(value, _parse.string)
                        )
                        break
            else:
                capabilities = _parse.optional(
                    "capabilities", capabilities, lambda value: _parse.array(value, _parse.string)
                )
        default_max_output_tokens: Any = UNSET
        if "default_max_output_tokens" in src_dict:
            _known += 1
            default_max_output_tokens = src_dict["default_max_output_tokens"]
            if default_max_output_tokens.__class__ is not int:
                default_max_output_tokens = _parse.optional(
                    "default_max_output_tokens", default_max_output_tokens, _parse.integer
                )
        max_output_tokens_hard_cap: Any = UNSET
        if "max_output_tokens_hard_cap" in src_dict:
            _known += 1
            max_output_tokens_hard_cap = src_dict["max_output_tokens_hard_cap"]
            if max_output_tokens_hard_cap.__class__ is not int:
                max_output_tokens_hard_cap = _parse.optional(
                    "max_output_tokens_hard_cap", max_output_tokens_hard_cap, _parse.integer
                )
        dimensions: Any = UNSET
        if "dimensions" in src_dict:
            _known += 1
            dimensions = src_dict["dimensions"]
            if dimensions.__class__ is list:
                for _item in dimensions:
                    if _item.__class__ is not int:
                        dimensions = _parse.member(
                            "dimensions",
                            dimensions,
                            lambda value: _parse.union(
                                value, lambda value: _parse.array(value, _parse.integer), _parse.null
                            ),
                        )
                        break
            elif dimensions is not None:
                dimensions = _parse.member(
                    "dimensions",
                    dimensions,
                    lambda value: _parse.union(value, lambda value: _parse.array(value, _parse.integer), _parse.null),
                )
        max_input_items: Any = UNSET
        if "max_input_items" in src_dict:
            _known += 1
            max_input_items = src_dict["max_input_items"]
            if max_input_items.__class__ is not int:
                max_input_items = _parse.optional("max_input_items", max_input_items, _parse.integer)
        _made = _blank(cls)
        _made.kind = kind
        _made.context_window = context_window
        _made.capabilities = capabilities
        _made.default_max_output_tokens = default_max_output_tokens
        _made.max_output_tokens_hard_cap = max_output_tokens_hard_cap
        _made.dimensions = dimensions
        _made.max_input_items = max_input_items
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.kind = self.kind
        _made.context_window = self.context_window
        _made.capabilities = self.capabilities
        _made.default_max_output_tokens = self.default_max_output_tokens
        _made.max_output_tokens_hard_cap = self.max_output_tokens_hard_cap
        _made.dimensions = self.dimensions
        _made.max_input_items = self.max_input_items
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .model_kind import ModelKind
