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
_NAMES: frozenset[str] = frozenset({"credits", "held_credits", "available_credits", "currency", "billing_mode"})


@_define(kw_only=True)
class Balance(JsonObject):
    """The team's credits."""

    credits: float
    """All credits, those held included."""
    held_credits: float
    """Credits held for requests that still run. At least 0."""
    available_credits: float
    """Credits less held credits."""
    currency: Currency | str
    """The unit."""
    billing_mode: BillingMode | str | Unset = UNSET
    """`metered`, or `exempt` for teams that are never charged or blocked."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["credits"] = self.credits
        encoded["held_credits"] = self.held_credits
        encoded["available_credits"] = self.available_credits
        encoded["currency"] = self.currency
        if self.billing_mode is not UNSET:
            encoded["billing_mode"] = self.billing_mode
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 4
        credits: Any = src_dict.get("credits", UNSET)
        if credits.__class__ is not float:
            credits = _parse.member("credits", credits, _parse.number)
        held_credits: Any = src_dict.get("held_credits", UNSET)
        if held_credits.__class__ is not float:
            held_credits = _parse.member("held_credits", held_credits, _parse.number)
        available_credits: Any = src_dict.get("available_credits", UNSET)
        if available_credits.__class__ is not float:
            available_credits = _parse.member("available_credits", available_credits, _parse.number)
        currency: Any = src_dict.get("currency", UNSET)
        if currency.__class__ is not str:
            currency = _parse.member("currency", currency, _parse.open_enum)
        billing_mode: Any = UNSET
        if "billing_mode" in src_dict:
            _known += 1
            billing_mode = src_dict["billing_mode"]
            if billing_mode.__class__ is not str:
                billing_mode = _parse.optional("billing_mode", billing_mode, _parse.open_enum)
        _made = _blank(cls)
        _made.credits = credits
        _made.held_credits = held_credits
        _made.available_credits = available_credits
        _made.currency = currency
        _made.billing_mode = billing_mode
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.credits = self.credits
        _made.held_credits = self.held_credits
        _made.available_credits = self.available_credits
        _made.currency = self.currency
        _made.billing_mode = self.billing_mode
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .billing_mode import BillingMode
from .currency import Currency
