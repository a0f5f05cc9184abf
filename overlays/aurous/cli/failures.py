"""Exit statuses and one-line summaries of errors. Internal."""

from __future__ import annotations

from typing import Final

from aurous_client.errors import EncodeError

from ..errors import (
    APIConnectionError,
    APIStatusError,
    AurousError,
    AuthenticationError,
    ConfigurationError,
    StreamInterruptedError,
)
from ..types import Receipt
from .arguments import NO_ANSWER, REFUSED, USAGE

# Arguments of the library, which a command line does not have.
_FLAGS: Final = {AuthenticationError.advice: "Check the key in AUROUS_API_KEY.", "base_url": "--base-url"}
_UNREACHABLE: Final = (
    "Check that the server runs, its address in --base-url or AUROUS_BASE_URL, and the proxy if there is one."
)


def exit_status(error: AurousError | EncodeError) -> int:
    """The exit status for an error."""
    if isinstance(error, (ConfigurationError, EncodeError)):
        return USAGE
    return REFUSED if isinstance(error, APIStatusError) else NO_ANSWER


def summary(error: AurousError | EncodeError) -> str:
    """An error in one line without its attempts; API errors have advice on a second line."""
    text = str(error)
    for argument, flag in _FLAGS.items():
        text = text.replace(argument, flag)
    message, *advice = text.splitlines() or [type(error).__name__]
    if isinstance(error, APIConnectionError) and not error.sent and "--base-url" not in text:
        advice.append(_UNREACHABLE)
    count = len(getattr(error, "attempts", ()))
    before, history, _ = message.partition(f" [{count} attempts: ")
    return " ".join([f"{before} [{count} attempts]" if history else message, *advice])


def stream_summary(error: AurousError, completion_id: str | None, receipt: Receipt | None) -> str:
    """An error of a stream in one line: what happened, what it cost, and how to retrieve the record."""
    message = summary(error)
    if completion_id is None:
        return message
    recovery = error.recovery if isinstance(error, StreamInterruptedError) else None
    if isinstance(error, APIStatusError):
        return f"{message}; `aurous get {completion_id}` shows the record"
    if receipt is None:
        return f"{message}; what it cost is not known yet: `aurous get {completion_id}` shows it"
    state = f"the server has it as {recovery.outcome}, " if recovery else ""
    return f"{message}; {state}{receipt.credits:f} credits charged: `aurous get {completion_id}` shows it"
