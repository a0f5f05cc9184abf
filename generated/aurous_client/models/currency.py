from __future__ import annotations

from typing import Final, Literal, TypeAlias

Currency: TypeAlias = Literal["credit"]
"""The unit of a balance."""


CURRENCY_VALUES: Final[tuple[Currency, ...]] = ("credit",)
"""The values that the spec lists. Servers may send others."""
