"""Observes calls: the hooks of a client, and the log.

The logger is `aurous`: one line for each attempt at INFO; headers at DEBUG, without secrets; never a body.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import field, frozen

from .._error_body import printable
from ..types import Attempt
from .secret import MASK

logger = logging.getLogger("aurous")

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "cookie", "set-cookie"})


@frozen(kw_only=True, slots=False)
class CallDetails:
    """What is known about a call when it starts."""

    operation_id: str
    method: str
    path: str
    """The path with the names of its parameters in place of their values."""
    base_url: str = ""
    idempotency_key: str | None = None
    streams: bool = False
    content: bytes | None = field(default=None, repr=False)
    """The request body as sent; `request` decodes it."""
    state: dict[str, Any] = field(factory=dict, eq=False, repr=False)
    """For hooks to keep data between events of one call."""

    @property
    def request(self) -> Mapping[str, Any]:
        """The members of the body; empty without a body, and for one that is not JSON, such as a form with files."""
        try:
            body = json.loads(self.content or b"{}")
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}

    @property
    def model(self) -> str | None:
        """The requested model, if the operation has one."""
        model = self.request.get("model")
        return model if isinstance(model, str) else None


class Hooks:
    """Observes calls: override the methods you need. An exception in a hook is logged and has no other effect."""

    def on_start(self, call: CallDetails) -> None:
        """A call starts."""

    def on_attempt(self, call: CallDetails, attempt: Attempt) -> None:
        """An attempt ended, successfully or not. `attempt.delay` is the wait before the next one, if there is one."""

    def on_end(self, call: CallDetails, result: object | None, error: BaseException | None) -> None:
        """The call ended with a result or an error."""


class CallResult:
    """Set by the block under `HookDispatcher.observe`."""

    result: object | None = None


class HookDispatcher:
    """Reports the events of one call to the hooks of a client and to the log."""

    def __init__(self, hooks: Sequence[Hooks]) -> None:
        self.hooks = hooks
        # A hook leaves one in the statement that notifies it, so that an interruption loses or repeats nothing.
        self._to_start = deque(hooks)
        self._to_end = deque(hooks)

    @property
    def observes_calls(self) -> bool:
        """Whether more is to be reported than attempts."""
        overridden = (_is_overridden(hook, name) for hook in self.hooks for name in ("on_start", "on_end"))
        return logger.isEnabledFor(logging.DEBUG) or any(overridden)

    @contextmanager
    def observe(self, call: CallDetails, headers: Mapping[str, str], *, ends: bool = True) -> Iterator[CallResult]:
        """Report the start of a call, and its end, however the block ends.

        ends: whether the call ends with the block. A stream that opened reports its own end later.
        """
        ending = CallResult()
        # The outer one reports what is left if a signal interrupts the report of the inner one.
        with self._reporting_errors(call), self._reporting_errors(call):
            self.start(call, headers)
            yield ending
            if ends:
                self.end(call, ending.result, None)

    @contextmanager
    def _reporting_errors(self, call: CallDetails) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.end(call, None, error)
            raise

    def start(self, call: CallDetails, headers: Mapping[str, str]) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s headers %s", call.method, call.path, redact_headers(headers))
        while self._to_start:
            try:
                self._to_start.popleft().on_start(call)
            except Exception:
                _log_failure()

    def attempt(self, call: CallDetails, attempt: Attempt, headers: Mapping[str, str]) -> None:
        if logger.isEnabledFor(logging.INFO):
            again = f", again in {attempt.delay:.2f} s" if attempt.delay is not None else ""
            named = f", request {printable(attempt.request_id)}" if attempt.request_id else ""
            logger.info("%s %s: %s (attempt %d%s%s)", call.method, call.path, attempt, attempt.number, named, again)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s response headers %s", call.method, call.path, redact_headers(headers))
        for hook in self.hooks:
            try:
                hook.on_attempt(call, attempt)
            except Exception:
                _log_failure()

    def end(self, call: CallDetails, result: object | None, error: BaseException | None) -> None:
        """Report the end to the hooks that received the start, to each once, however often this is called."""
        while len(self._to_end) > len(self._to_start):
            try:
                self._to_end.popleft().on_end(call, result, error)
            except Exception:
                _log_failure()


def _log_failure() -> None:
    logger.warning("a hook failed", exc_info=True)


def _is_overridden(hook: Hooks, name: str) -> bool:
    return getattr(getattr(hook, name), "__func__", None) is not getattr(Hooks, name)


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with the values of secret ones replaced."""
    return {name: MASK if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}
