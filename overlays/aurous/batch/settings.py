"""The settings of a batch, checked, and the clients that it calls with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

from .._config.hooks import CallDetails, Hooks
from .._config.policies import RetryPolicy
from ..billing.budget import parse_credits
from ..errors import ConfigurationError
from ..types import Attempt

if TYPE_CHECKING:
    from .._client.client import AsyncAurous, Aurous

    ClientT = TypeVar("ClientT", Aurous, AsyncAurous)

# Until the first answer, so that a wrong address is reported soon.
_FIRST_RETRIES: Final = RetryPolicy()
# Afterwards: enough for an outage of some minutes. The pace keeps them from multiplying the load.
_PATIENT_RETRIES: Final = RetryPolicy(max_retries=10, quota=None)
# Each has a thread or a task, and a connection: machines have fewer of those.
_MAX_CONCURRENCY: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments of `run` and `arun`. Raises ConfigurationError for invalid ones."""

    job: str | None
    checkpoint: str | os.PathLike[str] | None
    model: str | None
    system: str | None
    template: str | None
    concurrency: int
    share: float
    budget: Decimal | str | int | None
    ordered: bool
    retry_failed: bool
    retry: RetryPolicy | None

    def __post_init__(self) -> None:
        if not isinstance(self.concurrency, int) or not 1 <= self.concurrency <= _MAX_CONCURRENCY:
            raise ConfigurationError(
                f"concurrency must be a whole number from 1 to {_MAX_CONCURRENCY}, not {self.concurrency!r}"
            )
        if not isinstance(self.share, (int, float)) or not 0 < self.share <= 1:
            raise ConfigurationError(f"share must be a number over 0, and 1 at most, not {self.share!r}")
        if self.job is not None and (not isinstance(self.job, str) or not self.job):
            raise ConfigurationError("job must be a string with at least one character")
        for name in ("model", "system", "template"):
            text = getattr(self, name)
            if text is not None and (not isinstance(text, str) or not text.strip()):
                raise ConfigurationError(f"{name} must be a string that is not blank, or left out; not {text!r}")
        if self.retry_failed and self.checkpoint is None:
            raise ConfigurationError("retry_failed needs a checkpoint, which says which lines failed")
        if self.budget is not None:
            object.__setattr__(self, "budget", parse_credits(self.budget))

    @property
    def limit(self) -> Decimal | None:
        """The budget in credits."""
        assert self.budget is None or isinstance(self.budget, Decimal)
        return self.budget

    def with_budget(self, credits: Decimal | None) -> Settings:
        """The same, with another budget."""
        return replace(self, budget=credits)

    def clients(self, client: ClientT, observe: Callable[[Attempt], None]) -> tuple[ClientT, ClientT]:
        """The client to call with until the server has answered, and the one for afterwards.

        observe: called with each attempt when it ends, in the thread or task of its call, which ends if this raises
        """
        # The last one, so that the others see every attempt.
        hooks = [*client.hooks, _AttemptHook(observe)]
        first = client.with_options(retry=self.retry or _FIRST_RETRIES, hooks=hooks)
        return first, client.with_options(retry=self.retry or _PATIENT_RETRIES, hooks=hooks)


class _AttemptHook(Hooks):
    """Reports each attempt when it ends, not when its call does."""

    def __init__(self, observe: Callable[[Attempt], None]) -> None:
        self._observe = observe

    def on_attempt(self, call: CallDetails, attempt: Attempt) -> None:
        self._observe(attempt)
