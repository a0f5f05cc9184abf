"""The credits of the team that owns the key."""

from typing import TYPE_CHECKING

from ...lazy import attach as _attach

if TYPE_CHECKING:
    from . import retrieve_balance as retrieve_balance
else:
    __getattr__, __dir__ = _attach(
        __name__,
        {
            "retrieve_balance": "retrieve_balance",
        },
    )

__all__ = [
    "retrieve_balance",
]
