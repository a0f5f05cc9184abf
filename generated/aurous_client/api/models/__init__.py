"""The catalogue of chat and embedding models, with their prices."""

from typing import TYPE_CHECKING

from ...lazy import attach as _attach

if TYPE_CHECKING:
    from . import list_models as list_models
else:
    __getattr__, __dir__ = _attach(
        __name__,
        {
            "list_models": "list_models",
        },
    )

__all__ = [
    "list_models",
]
