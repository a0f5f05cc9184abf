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
_NAMES: frozenset[str] = frozenset({"id", "object", "kind", "chat_pricing", "embedding_pricing", "aurous_metadata"})


@_define(kw_only=True)
class Model(JsonObject):
    """A model, its rates and its limits."""

    id: str
    """The slug to send as `model`."""
    object: Literal["model"] = "model"
    kind: ModelKind | str | Unset = UNSET
    """What the model is for."""
    chat_pricing: ChatPricing | None | Unset = UNSET
    """Rates of a chat model; null for other kinds."""
    embedding_pricing: EmbeddingPricing | None | Unset = UNSET
    """Rates of an embedding model; null for other kinds."""
    aurous_metadata: ModelMetadata | Unset = UNSET
    """Limits and capabilities of a model."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["id"] = self.id
        encoded["object"] = self.object
        if self.kind is not UNSET:
            encoded["kind"] = self.kind
        if self.chat_pricing is not UNSET:
            encoded["chat_pricing"] = _encode(self.chat_pricing)
        if self.embedding_pricing is not UNSET:
            encoded["embedding_pricing"] = _encode(self.embedding_pricing)
        if self.aurous_metadata is not UNSET:
            encoded["aurous_metadata"] = _encode(self.aurous_metadata)
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 1
        id: Any = src_dict.get("id", UNSET)
        if id.__class__ is not str:
            id = _parse.member("id", id, _parse.string)
        object: Any = "model"
        if "object" in src_dict:
            _known += 1
            object = src_dict["object"]
            if object.__class__ is not str:
                object = _parse.member("object", object, _parse.open_enum)
        kind: Any = UNSET
        if "kind" in src_dict:
            _known += 1
            kind = src_dict["kind"]
            if kind.__class__ is not str:
                kind = _parse.optional("kind", kind, _parse.open_enum)
        chat_pricing: Any = UNSET
        if "chat_pricing" in src_dict:
            _known += 1
            chat_pricing = src_dict["chat_pricing"]
            if chat_pricing.__class__ is dict:
                try:
                    chat_pricing = ChatPricing.from_dict(chat_pricing)
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "chat_pricing") from None
            elif chat_pricing is not None:
                chat_pricing = _parse.member(
                    "chat_pricing", chat_pricing, lambda value: _parse.union(value, ChatPricing.from_dict, _parse.null)
                )
        embedding_pricing: Any = UNSET
        if "embedding_pricing" in src_dict:
            _known += 1
            embedding_pricing = src_dict["embedding_pricing"]
            if embedding_pricing.__class__ is dict:
                try:
                    embedding_pricing = EmbeddingPricing.from_dict(embedding_pricing)
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "embedding_pricing") from None
            elif embedding_pricing is not None:
                embedding_pricing = _parse.member(
                    "embedding_pricing",
                    embedding_pricing,
                    lambda value: _parse.union(value, EmbeddingPricing.from_dict, _parse.null),
                )
        aurous_metadata: Any = UNSET
        if "aurous_metadata" in src_dict:
            _known += 1
            aurous_metadata = src_dict["aurous_metadata"]
            if aurous_metadata.__class__ is dict:
                try:
                    aurous_metadata = ModelMetadata.from_dict(aurous_metadata)
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "aurous_metadata") from None
            else:
                aurous_metadata = _parse.optional("aurous_metadata", aurous_metadata, ModelMetadata.from_dict)
        _made = _blank(cls)
        _made.id = id
        _made.object = object
        _made.kind = kind
        _made.chat_pricing = chat_pricing
        _made.embedding_pricing = embedding_pricing
        _made.aurous_metadata = aurous_metadata
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.id = self.id
        _made.object = self.object
        _made.kind = self.kind
        _made.chat_pricing = self.chat_pricing
        _made.embedding_pricing = self.embedding_pricing
        _made.aurous_metadata = self.aurous_metadata
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .chat_pricing import ChatPricing
from .embedding_pricing import EmbeddingPricing
from .model_kind import ModelKind
from .model_metadata import ModelMetadata
