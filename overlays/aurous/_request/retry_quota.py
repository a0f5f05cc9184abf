"""The retry quota of a client: a token bucket that bounds the load of retries on a server that fails.

Tokens and costs are those of the AWS SDKs' standard retry mode: 500 tokens at first and at most; a retry takes 5, or 10
after a timeout; a call that succeeds gives back what its last retry took, or 1 if it needed none.
"""

from __future__ import annotations

from typing import Final

from ..transport.locks import fork_safe_lock

SUCCESS_REFUND: Final = 1


class RetryQuota:
    """Shared by the calls of a client. Safe between threads, and after a fork.

    capacity: tokens; None for no limit
    """

    def __init__(self, capacity: int | None) -> None:
        self._capacity = capacity
        self.spent = 0
        """Tokens that were taken and not given back."""
        self._lock = fork_safe_lock(self)

    def acquire(self, tokens: int) -> bool:
        """Take tokens for a retry. False if there are not as many."""
        with self._lock:
            if self._capacity is None:
                return True
            if self._capacity - self.spent < tokens:
                return False
            self.spent += tokens
            return True

    def release(self, tokens: int) -> None:
        """Give tokens back after a success."""
        with self._lock:
            self.spent = max(self.spent - tokens, 0)
