"""Every check on every exchange of a run, collected by rule."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.checks.answers import ANSWER_CHECKS
from harness.checks.check import Check, Findings
from harness.checks.documents import DOCUMENT_CHECKS, has_ended, is_document
from harness.checks.frames import EVENT_STREAM, FRAME_CHECKS, has_ending
from harness.checks.headers import HEADER_RULES, HeaderChecks
from harness.checks.receipts import RECEIPT_CHECKS
from harness.client.api_client import COMPLETIONS, FAULT_HEADER
from harness.client.completion_result import CompletionResult
from harness.client.exchange import Exchange, request_body
from harness.client.stream import Transcript
from harness.violations import RuleViolation

# A fault of the mock that alters no response.
HARMLESS_FAULT = "pace="


@dataclass
class ExchangeChecks:
    """Inspects exchanges, one after another; `findings` has the violations by rule."""

    findings: Findings = field(default_factory=Findings)
    _headers: HeaderChecks = field(default_factory=HeaderChecks)

    def inspect(self, exchange: Exchange) -> None:
        if _suffers_from_a_fault(exchange):
            return
        self._headers.inspect(exchange, self.findings)
        if is_stream(exchange):
            self._inspect_stream(Transcript.of(exchange))
        elif is_document(exchange):
            for check in DOCUMENT_CHECKS:
                self.findings.run(check, exchange, exchange)
            self._inspect_result(_result_of_document(exchange))

    def _inspect_stream(self, stream: Transcript) -> None:
        for check in FRAME_CHECKS:
            self.findings.run(check, stream, stream.exchange)
        self._inspect_result(_result_of_stream(stream))

    def _inspect_result(self, result: CompletionResult | None) -> None:
        if result is not None:
            for check in (*RECEIPT_CHECKS, *ANSWER_CHECKS):
                self.findings.run(check, result, result.exchange)


def is_stream(exchange: Exchange) -> bool:
    """Whether a stream was asked for, and granted."""
    is_create = exchange.method == "POST" and exchange.url.partition("?")[0].endswith(COMPLETIONS)
    return is_create and exchange.status == 200 and request_body(exchange).get("stream") is True


def _suffers_from_a_fault(exchange: Exchange) -> bool:
    requested = [value for name, value in exchange.sent_headers.items() if name.lower() == FAULT_HEADER.lower()]
    return any(not value.startswith(HARMLESS_FAULT) for value in requested)


def _result_of_document(exchange: Exchange) -> CompletionResult | None:
    """The result of a completion; None where its parts are missing, which other checks report."""
    try:
        return CompletionResult.of_document(exchange) if has_ended(exchange) else None
    except (RuleViolation, AttributeError, TypeError):
        return None


def _result_of_stream(stream: Transcript) -> CompletionResult | None:
    """The result of a stream that was read to its end; None where its parts are missing, which other checks report."""
    try:
        ended = stream.exchange.media_type == EVENT_STREAM and has_ending(stream)
        return CompletionResult.of_stream(stream) if ended else None
    except (RuleViolation, AttributeError, TypeError, KeyError):
        return None


def all_rules() -> list[tuple[str, str, str]]:
    """Id, page and sentence of every rule that is checked on every exchange."""
    checks: list[Check[Exchange] | Check[Transcript] | Check[CompletionResult]] = [
        *FRAME_CHECKS, *DOCUMENT_CHECKS, *RECEIPT_CHECKS, *ANSWER_CHECKS
    ]  # fmt: skip
    rules = {check.id: (check.id, check.page, check.sentence) for check in checks}
    return [*HEADER_RULES, *rules.values()]
