"""The operations of the API, one module for each, by tag."""

from . import balance as balance
from . import chat as chat
from . import models as models

__all__ = [
    "balance",
    "chat",
    "models",
]
