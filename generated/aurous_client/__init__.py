"""Aurous Labs API: the generated client.

Written by scripts/regenerate.py from openapi.yaml; not for editing.
"""

from typing import Final

from .client import AuthenticatedClient, Client
from .types import UNSET, Unset

API_VERSION: Final = "2026-05-15"
"""The version of the API that this package was generated from."""

SERVER_URL: Final = "https://api.aurous-labs.com"
"""Where the API is served."""

__all__ = ["API_VERSION", "SERVER_URL", "UNSET", "AuthenticatedClient", "Client", "Unset"]
