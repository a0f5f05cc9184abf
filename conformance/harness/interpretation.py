"""Describes a response that a rule could not read: where it is not what the contract says, such as of another type."""

from __future__ import annotations

from harness import contract
from harness.client.exchange import Exchange
from harness.client.stream import Transcript
from harness.violations import RuleViolation

EXPECTED = "a response of the documented members and types"
MAX_SHOWN = 3


def describe(error: BaseException, exchange: Exchange | None, place: str = "") -> str:
    """The error that a rule ended in, as a sentence on the response; `place` is where the suite could not read it."""
    kind = type(error).__name__
    misfit = misfit_of(exchange) if exchange is not None else ""
    if misfit:
        return f"{misfit} ({kind}{place})"
    return f"the response could not be interpreted: {kind}: {error}{place and f' ({place.strip()})'}"


def misfit_of(exchange: Exchange) -> str:
    """How a response differs from the schema of its operation; empty if it fits, or if there is none."""
    try:
        problems = _stream_problems(exchange) if exchange.media_type == "text/event-stream" else _problems(exchange)
    except RuleViolation as violation:
        problems = [violation.actual]
    # A value of another type is what a rule cannot read; members that are missing have rules of their own.
    problems.sort(key=lambda problem: "is not of type" not in problem)
    shown = "; ".join(problems[:MAX_SHOWN])
    return f"{exchange.method} {exchange.path}, {exchange.status}, does not fit its schema: {shown}" if shown else ""


def _problems(exchange: Exchange) -> list[str]:
    schema = contract.response_schema(exchange.method, exchange.path, exchange.status)
    return contract.component_errors(schema, exchange.json) if schema is not None else []


def _stream_problems(exchange: Exchange) -> list[str]:
    chunks = Transcript.of(exchange).chunks
    return [problem for chunk in chunks for problem in contract.schema_errors("ChatCompletionChunk", chunk)]
