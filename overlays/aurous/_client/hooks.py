"""What can be observed of a call, and the standard log of it. Knows no HTTP library; never sees the key.

The logger is `aurous`: one line for each attempt at INFO, headers at DEBUG with secrets left out, bodies never.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .._request.attempt import Attempt
from .._request.error_body import printable

logger = logging.getLogger("aurous")

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "cookie", "set-cookie"})


@dataclass(frozen=True, kw_only=True)
class CallDetails:
    """What is known of a call from its beginning."""

    operation_id: str
    method: str
    path: str
    """With the names of parameters, not their values."""
    base_url: str = ""
    idempotency_key: str | None = None
    streams: bool = False
    content: bytes | None = field(default=None, repr=False)
    """The body, as it is sent. Decode it by `request`."""
    state: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """For hooks to keep what they need from one event to the next."""

    @property
    def request(self) -> Mapping[str, Any]:
        """The members of the body; none where there is no body."""
        body = json.loads(self.content or b"{}")
        return body if isinstance(body, dict) else {}

    @property
    def model(self) -> str | None:
        """The model asked for, where the operation has one."""
        model = self.request.get("model")
        return model if isinstance(model, str) else None


class Hooks:
    """Observes calls: override what is of interest. An exception in a hook is logged and changes nothing."""

    def on_start(self, call: CallDetails) -> None:
        """A call begins."""

    def on_attempt(self, call: CallDetails, attempt: Attempt) -> None:
        """An attempt has ended, well or not; `attempt.delay` tells when the next begins, if there is one."""

    def on_end(self, call: CallDetails, result: object | None, error: BaseException | None) -> None:
        """The call has ended, with a result or with an error."""


class Ending:
    """What a call came to, once it is known."""

    result: object | None = None


class Observers:
    """The hooks of a client and the log, told as one."""

    def __init__(self, hooks: Sequence[Hooks]) -> None:
        self.hooks = hooks

    @contextmanager
    def watching(self, call: CallDetails, headers: Mapping[str, str], *, ends: bool = True) -> Iterator[Ending]:
        """Tell of a call's beginning, and of its end, whichever way it ends.

        ends: whether it does so with the block; that of a stream is told by the stream, unless it never opens
        """
        self.started(call, headers)
        ending = Ending()
        try:
            yield ending
        except BaseException as error:
            self.ended(call, None, error)
            raise
        if ends:
            self.ended(call, ending.result, None)

    def started(self, call: CallDetails, headers: Mapping[str, str]) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s headers %s", call.method, call.path, redact(headers))
        for hook in self.hooks:
            self._tell(hook.on_start, call)

    def attempted(self, call: CallDetails, attempt: Attempt, headers: Mapping[str, str]) -> None:
        if logger.isEnabledFor(logging.INFO):
            again = f", again in {attempt.delay:.2f} s" if attempt.delay is not None else ""
            named = f", request {printable(attempt.request_id)}" if attempt.request_id else ""
            logger.info("%s %s: %s (attempt %d%s%s)", call.method, call.path, attempt, attempt.number, named, again)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s answer headers %s", call.method, call.path, redact(headers))
        for hook in self.hooks:
            self._tell(hook.on_attempt, call, attempt)

    def ended(self, call: CallDetails, result: object | None, error: BaseException | None) -> None:
        for hook in self.hooks:
            self._tell(hook.on_end, call, result, error)

    @staticmethod
    def _tell(hook: Any, *arguments: object) -> None:
        try:
            hook(*arguments)
        except Exception:
            logger.warning("a hook failed: %r", hook, exc_info=True)


def redact(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as they may be shown."""
    return {name: "[secret]" if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}
