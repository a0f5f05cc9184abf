"""One HTTP request of a call, as errors, hooks and results tell of it."""

from __future__ import annotations

from dataclasses import dataclass

from .error_body import printable


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One HTTP request within a call."""

    number: int
    """1 is the first."""
    elapsed: float
    """Seconds that it took."""
    status_code: int | None = None
    """None where no answer came."""
    code: str | None = None
    """The API's error code, if the answer carried one."""
    request_id: str | None = None
    error: str | None = None
    """What went wrong where no answer came, or only part of one, in a few words."""
    sent: bool = True
    """Whether any byte of it may have reached the server."""
    delay: float | None = None
    """Seconds that were waited after it, before the next; None for the last."""

    @property
    def may_have_worked(self) -> bool:
        """Whether the request may have been carried out though nobody heard of it: no answer came, or a gateway's."""
        if self.status_code is None:
            return self.sent
        return self.status_code == 408 or self.status_code >= 500

    def __str__(self) -> str:
        answered = f"HTTP {self.status_code}{f' {printable(self.code)}' if self.code else ''}"
        what = (answered if self.status_code is not None else "", printable(self.error) if self.error else "")
        return f"{', '.join(filter(None, what))} after {self.elapsed:.2f} s"
