"""Aurous Labs API: the generated client.

Written by scripts/regenerate.py from openapi.yaml; not for editing.
"""

from typing import TYPE_CHECKING, Final

from .lazy import attach as _attach
from .types import UNSET, Unset

if TYPE_CHECKING:
    from .client import AuthenticatedClient, Client
else:
    __getattr__, __dir__ = _attach(__name__, {"AuthenticatedClient": "client", "Client": "client"})

API_VERSION: Final = "2026-05-15"
"""The version of the API that this package was generated from."""

SERVER_URL: Final = "https://api.aurous-labs.com"
"""Where the API is served."""

__all__ = ["API_VERSION", "SERVER_URL", "UNSET", "AuthenticatedClient", "Client", "Unset"]
