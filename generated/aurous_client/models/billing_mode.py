from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

BillingMode: TypeAlias = Literal["metered", "exempt"]
"""How a team is billed."""


BILLING_MODE_VALUES: Final[tuple[BillingMode, ...]] = get_args(BillingMode)
"""The values that the spec lists. Servers may send others."""
