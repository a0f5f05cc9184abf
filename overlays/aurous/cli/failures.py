"""Gives a failure its exit status and its one line. Knows the errors; prints nothing and decides nothing else."""

from __future__ import annotations

from aurous_client.errors import EncodeError

from ..errors import APIStatusError, AurousError, ConfigurationError, StreamInterruptedError
from ..types import Receipt
from .arguments import REFUSED, UNANSWERED, USAGE


def status(error: AurousError | EncodeError) -> int:
    """The exit status that stands for an error."""
    if isinstance(error, (ConfigurationError, EncodeError)):
        return USAGE
    return REFUSED if isinstance(error, APIStatusError) else UNANSWERED


def line(error: AurousError | EncodeError) -> str:
    """An error in one line, without the history of its attempts; those of the API have their advice on a second."""
    said, *advice = str(error).splitlines() or [type(error).__name__]
    count = len(getattr(error, "attempts", ()))
    before, history, _ = said.partition(f" [{count} attempts: ")
    return " ".join([f"{before} [{count} attempts]" if history else said, *advice])


def aftermath(error: AurousError, completion_id: str | None, receipt: Receipt | None) -> str:
    """An error of a stream, in one line: what happened, what it cost, and how to get what was made."""
    said = line(error)
    if completion_id is None:
        return said
    recovery = error.recovery if isinstance(error, StreamInterruptedError) else None
    if isinstance(error, APIStatusError):
        return f"{said}; `aurous get {completion_id}` shows the record"
    if receipt is None:
        return f"{said}; what it cost is not known yet: `aurous get {completion_id}` tells"
    state = f"the server has it as {recovery.outcome}, " if recovery else ""
    return f"{said}; {state}{receipt.credits:f} credits charged: `aurous get {completion_id}` shows it"
