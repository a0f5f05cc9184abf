"""Create, retrieve and cancel chat completions."""

from typing import TYPE_CHECKING

from ...lazy import attach as _attach

if TYPE_CHECKING:
    from . import cancel_chat_completion as cancel_chat_completion
    from . import create_chat_completion as create_chat_completion
    from . import retrieve_chat_completion as retrieve_chat_completion
else:
    __getattr__, __dir__ = _attach(
        __name__,
        {
            "cancel_chat_completion": "cancel_chat_completion",
            "create_chat_completion": "create_chat_completion",
            "retrieve_chat_completion": "retrieve_chat_completion",
        },
    )

__all__ = [
    "cancel_chat_completion",
    "create_chat_completion",
    "retrieve_chat_completion",
]
