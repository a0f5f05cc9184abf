from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

Currency: TypeAlias = Literal["credit"]
"""The unit of a balance."""


CURRENCY_VALUES: Final[tuple[Currency, ...]] = get_args(Currency)
"""The values that the spec lists. Servers may send others."""
