"""A completion while it is generated, and its body in each status."""

from dataclasses import asdict
from typing import Any

from aurous_mock.billing import pricing
from aurous_mock.billing.pricing import Usage
from aurous_mock.errors import PROVIDER_FAILURES, APIError, type_for
from aurous_mock.generation.answer import Answer, AnswerEnd, Delta, ToolCall
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.storage.statuses import CANCELLED, COMPLETED, FAILED, Failure

BY_REQUEST = Failure("cancelled_by_request", "invalid_request", "The completion was cancelled on request.")
BY_DISCONNECT = Failure(
    "cancelled_client_disconnect", "invalid_request", "The client disconnected before the completion ended."
)
BY_SHUTDOWN = Failure("cancelled_by_shutdown", "server_error", "The server shut down before the completion ended.")
INTERNAL_ERROR = Failure("internal_error", "server_error", "The server failed while it generated the completion.")


def failure_of(error: APIError) -> Failure:
    if error.code == "provider_rate_limited":
        return Failure(error.code, "rate_limit", error.message)
    is_provider = error.code in PROVIDER_FAILURES or error.code == INTERNAL_ERROR.code
    return Failure(error.code, type_for(500 if is_provider else 400), error.message)


class Draft:
    """The answer so far; the only mutable part of a completion."""

    def __init__(self, request: ParsedRequest, completion_id: str, created: int) -> None:
        self.request = request
        self.id = completion_id
        self.created = created
        self._texts: list[str] = []
        self._logprobs: list[dict[str, Any]] = []
        self._calls: list[tuple[ToolCall, list[str]]] = []
        self._tokens = 0
        self._end: AnswerEnd | None = None

    def add(self, delta: Delta) -> None:
        """Append the next delta."""
        if delta.opens is not None:
            self._calls.append((delta.opens, []))
        if delta.call is not None:
            self._calls[delta.call][1].append(delta.text)
        else:
            self._texts.append(delta.text)
            self._logprobs += delta.logprobs
        self._tokens += delta.tokens if delta.text else 0

    def end(self, end: AnswerEnd) -> None:
        """Set why the answer ended; nothing may be added afterwards."""
        self._end = end

    def set_answer(self, answer: Answer) -> None:
        """Set the whole answer at once."""
        self._texts = [*answer.content]
        self._logprobs = [*answer.logprobs]
        self._calls = [(call, [call.arguments]) for call in answer.calls]
        self._tokens = answer.length
        self._end = answer.end

    def discard(self) -> None:
        """Drop what was generated, so that there is nothing that could not be stored."""
        self._texts, self._logprobs, self._calls, self._tokens, self._end = [], [], [], 0, None

    @property
    def usage(self) -> Usage:
        """The tokens to pay for so far."""
        end = self._end or AnswerEnd("")
        return Usage(
            prompt=self.request.prompt_tokens if end.prompt_tokens is None else end.prompt_tokens,
            completion=self._tokens if end.completion_tokens is None else end.completion_tokens,
            reasoning=end.reasoning_tokens,
        )

    def body(self, status: str, failure: Failure | None = None) -> dict[str, Any]:
        """The completion object of the API, in the given status."""
        usage = self.usage
        if status == FAILED:
            usage = Usage(usage.prompt, usage.completion, usage.reasoning, billed=False)
        choice: dict[str, Any] = {
            "index": 0,
            "message": self._message(),
            "finish_reason": self.finish_reason(status),
            "logprobs": self._logprobs_member(),
        }
        body: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.request.model.id,
            "choices": [choice],
            "usage": pricing.receipt(usage, self.request.model),
            "status": status,
        }
        if failure is not None:
            body["error"] = asdict(failure)
        return body

    def charge(self, status: str) -> int:
        """What the completion costs in this status, in micro-credits."""
        return 0 if status == FAILED else pricing.charge(self.usage, self.request.model)

    def finish_reason(self, status: str) -> str | None:
        if status == CANCELLED:
            return "cancelled"
        return self._end.finish_reason if status == COMPLETED and self._end else None

    def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts)}
        if self._calls:
            message["content"] = message["content"] or None
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(parts)}}
                for call, parts in self._calls
            ]
        return message

    def _logprobs_member(self) -> dict[str, Any] | None:
        # Null where the engine has none: an empty list would say that the text has no tokens.
        is_missing = not self._logprobs and any(self._texts)
        if self.request.alternatives is None or is_missing:
            return None
        return {"content": self._logprobs, "refusal": None}
