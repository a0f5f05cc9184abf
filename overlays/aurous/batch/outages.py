"""Tells failures of single lines, which are results, from those that every other line would meet, which end a batch."""

from __future__ import annotations

from typing import Final, TypeGuard

from ..errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BalanceTooLowError,
    BudgetExceededError,
    ConfigurationError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)

# The next line would meet them as well.
_FATAL: Final = (
    AuthenticationError,
    BalanceTooLowError,
    BudgetExceededError,
    ConfigurationError,
    PermissionDeniedError,
)
# So it may be with these, unless the line itself causes them.
_SERVER_ERRORS: Final = (APIConnectionError, APIResponseValidationError, RateLimitError, ServerError)
_OUTAGE_FAILURES: Final = 3
_NEVER: Final = float("-inf")


class OutageDetector:
    """What successes and failures say about the server. Times are those of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._last_success = _NEVER
        self._failures_in_row = 0

    @property
    def has_succeeded(self) -> bool:
        """Whether the server has answered any request."""
        return self._last_success > _NEVER

    def has_succeeded_since(self, started: float) -> bool:
        """Whether the server has answered any request since then."""
        return self._last_success >= started

    def record_success(self, now: float) -> None:
        self._last_success = now
        self._failures_in_row = 0

    def record_failure(self, error: Exception) -> None:
        if self._may_be_of_server(error):
            self._failures_in_row += 1

    def ends_batch(self, error: Exception, started: float) -> bool:
        """Whether the next requests would fail as this one did, which started then."""
        if isinstance(error, _FATAL) or (not self.has_succeeded and _is_of_address(error)):
            return True
        return not self.has_succeeded_since(started) and self._is_outage(error)

    def is_ambiguous(self, error: Exception, started: float) -> bool:
        """Whether it is unclear if the server or the line is the cause, as nothing else has succeeded meanwhile."""
        may_be_of_server = self._may_be_of_server(error)
        return may_be_of_server and not self.has_succeeded_since(started) and not self._is_outage(error)

    def _may_be_of_server(self, error: Exception) -> bool:
        """Whether the next requests may fail as this one did."""
        return isinstance(error, _SERVER_ERRORS) or (not self.has_succeeded and _may_be_of_address(error))

    def _is_outage(self, error: Exception) -> bool:
        """Whether requests fail one after another."""
        if isinstance(error, APIConnectionError) and not error.sent and not self.has_succeeded:
            # A wrong address, most likely.
            return True
        return self._may_be_of_server(error) and self._failures_in_row >= _OUTAGE_FAILURES


def _is_of_address(error: Exception) -> bool:
    """Whether the base URL is wrong: the server redirects, or has nothing at the path and knows no error codes."""
    if isinstance(error, APIStatusError) and 300 <= error.status_code < 400:
        return True
    return _may_be_of_address(error) and error.code is None


def _may_be_of_address(error: Exception) -> TypeGuard[APIStatusError]:
    """Whether the base URL may be wrong. With an error code it may as well be the model of one line."""
    return isinstance(error, APIStatusError) and bool(error.hint) and error.param is None
