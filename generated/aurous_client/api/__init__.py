"""The operations of the API, one module for each, by tag."""

from typing import TYPE_CHECKING

from ..lazy import offer as _offer

if TYPE_CHECKING:
    from . import balance as balance
    from . import chat as chat
    from . import models as models
else:
    __getattr__, __dir__ = _offer(
        __name__,
        {
            "balance": "balance",
            "chat": "chat",
            "models": "models",
        },
    )

__all__ = [
    "balance",
    "chat",
    "models",
]
