"""Teams, their API keys, and who a request comes from."""

from __future__ import annotations

from dataclasses import dataclass

from .clock import Clock
from .errors import ApiError
from .ledger import MICRO, Ledger
from .rate_limits import RateLimits
from .request_headers import Headers

DEFAULT_CREDITS = 10_000


class Team:
    """The owner of keys, credits and completions."""

    def __init__(self, name: str, clock: Clock, credits: int = DEFAULT_CREDITS) -> None:
        self.name = name
        self.ledger = Ledger(credits * MICRO)
        self.limits = RateLimits(clock)


@dataclass(frozen=True)
class ApiKey:
    """A key's owner and what it may do: `read`, `write` or `full`."""

    team: Team
    scope: str = "full"
    revoked: bool = False


class KeyRing:
    """Every key that the server knows."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}

    def credential(self, headers: Headers) -> str | None:
        """Return the key that a request carries: `X-Api-Key`, otherwise a bearer token."""
        key = headers.get("X-Api-Key")
        if key is not None:
            return key.strip() or None
        scheme, _, token = (headers.get("Authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip() or None
        return None

    def find(self, credential: str) -> ApiKey | None:
        return self.keys.get(credential)

    def authenticate(self, headers: Headers, method: str) -> ApiKey:
        """Return the key of a request; ApiError 401 or 403 if it has none that allows `method`."""
        credential = self.credential(headers)
        if credential is None:
            raise ApiError("missing_api_key", "Send your API key in X-Api-Key or as a bearer token.")
        key = self.find(credential)
        if key is None:
            raise ApiError("invalid_api_key", "The API key is not valid. Check the header and its value.")
        if key.revoked:
            raise ApiError("revoked_api_key", "The API key has been revoked.")
        if key.scope == "read" and method not in ("GET", "HEAD"):
            raise ApiError("missing_scope", "This API key may only read; the request needs the scope write.")
        return key
