"""The operations of the API, one module for each, by tag."""

from typing import TYPE_CHECKING

from ..lazy import attach as _attach

if TYPE_CHECKING:
    from . import balance as balance
    from . import chat as chat
    from . import models as models
else:
    __getattr__, __dir__ = _attach(
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
