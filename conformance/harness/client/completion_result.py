"""The result of a completion, whether it was delivered as a document or as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.client.exchange import Exchange, request_body
from harness.client.stream import Transcript
from harness.violations import RuleViolation

if TYPE_CHECKING:
    from harness.client.api_client import ApiClient
    from harness.client.header_fields import Headers


@dataclass(frozen=True)
class CompletionResult:
    """The answer and its receipt. `usage` is None on a stream that carries none, `logprobs` where there are none."""

    exchange: Exchange
    id: str
    model: str
    content: str
    finish_reason: str | None
    choices: int
    tool_calls: list[dict[str, Any]]
    logprobs: list[dict[str, Any]] | None
    usage: dict[str, Any] | None

    @property
    def required_usage(self) -> dict[str, Any]:
        """The receipt; a violation if there is none."""
        if self.usage is None:
            raise RuleViolation("there is no usage", self.exchange)
        return self.usage

    @property
    def request(self) -> dict[str, Any]:
        """The body that was sent, empty if it was no JSON object, or if the completion was retrieved."""
        return request_body(self.exchange)

    @property
    def most_tokens(self) -> int | None:
        """What `max_tokens` allowed, if it was sent."""
        most = self.request.get("max_tokens")
        return int(most) if isinstance(most, int | float) and not isinstance(most, bool) else None

    @property
    def words(self) -> int:
        """The words of its text."""
        return len(self.content.split())

    @property
    def credits_charged(self) -> Any:
        if "credits_charged" not in self.required_usage:
            raise RuleViolation("usage has no credits_charged", self.exchange)
        return self.required_usage["credits_charged"]

    @classmethod
    def of_document(cls, exchange: Exchange) -> CompletionResult:
        choice = exchange.at("choices", 0)
        message = exchange.at("choices", 0, "message")
        return cls(
            exchange,
            exchange.at("id"),
            exchange.at("model"),
            message.get("content") or "",
            choice.get("finish_reason"),
            len(exchange.at("choices")),
            message.get("tool_calls") or [],
            (choice.get("logprobs") or {}).get("content"),
            exchange.json.get("usage"),
        )

    @classmethod
    def of_stream(cls, stream: Transcript) -> CompletionResult:
        parts = [choice["logprobs"].get("content") for choice in stream.choices if choice.get("logprobs")]
        entries = [entry for part in parts for entry in part or []]
        return cls(
            stream.exchange,
            stream.id,
            stream.chunks[0].get("model", ""),
            stream.content,
            next(iter(stream.finish_reasons), None),
            max((len(chunk.get("choices") or []) for chunk in stream.chunks), default=0),
            stream.tool_calls,
            entries or None,
            stream.usage,
        )


def fetch_result(
    api: ApiClient, body: dict[str, Any], *, stream: bool, headers: Headers | None = None
) -> CompletionResult:
    """Create a completion in either way, and read it to its end."""
    if stream:
        return CompletionResult.of_stream(api.stream(body, headers=headers))
    return CompletionResult.of_document(api.complete(body, headers=headers))
