"""Owns the completion while it is being written, and its body at any moment; neither stores nor sends it."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from aurous_mock.billing import pricing
from aurous_mock.billing.pricing import Usage
from aurous_mock.completions.parsed_request import Order
from aurous_mock.generation.answer import Answer, Ending, Piece, ToolCall
from aurous_mock.http.errors import Refused, type_for

IN_PROGRESS, COMPLETED, CANCELLED, FAILED = "in_progress", "completed", "cancelled", "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record did not complete: the `error` member of a failed or cancelled completion."""

    code: str
    type: str
    message: str


BY_REQUEST = Failure("cancelled_by_request", "invalid_request", "The completion was cancelled on request.")
BY_DISCONNECT = Failure(
    "cancelled_client_disconnect", "invalid_request", "The client disconnected before the completion ended."
)
BY_SHUTDOWN = Failure("cancelled_by_shutdown", "server_error", "The server shut down before the completion ended.")
ABANDONED = Failure("chat_provider_unavailable", "server_error", "The instance that made the completion went away.")


def failure_of(refused: Refused) -> Failure:
    return Failure(
        refused.code, "rate_limit" if refused.code == "provider_rate_limited" else type_for(500), refused.message
    )


class Draft:
    """An answer as far as it has come; the only mutable part of a completion."""

    def __init__(self, order: Order, completion_id: str, created: int) -> None:
        self.order = order
        self.id = completion_id
        self.created = created
        self._texts: list[str] = []
        self._logprobs: list[dict[str, Any]] = []
        self._calls: list[tuple[ToolCall, list[str]]] = []
        self._tokens = 0
        self._ending: Ending | None = None

    def add(self, piece: Piece) -> None:
        """Take the next piece in."""
        if piece.opens is not None:
            self._calls.append((piece.opens, []))
        if piece.call is not None:
            self._calls[piece.call][1].append(piece.text)
        else:
            self._texts.append(piece.text)
            self._logprobs += piece.logprobs
        self._tokens += 1 if piece.text else 0

    def end(self, ending: Ending) -> None:
        """Note how the answer ended; nothing may be added afterwards."""
        self._ending = ending

    def take(self, answer: Answer) -> None:
        """Take a whole answer in at once."""
        self._texts = [*answer.content]
        self._logprobs = [*answer.logprobs]
        self._calls = [(call, [call.arguments]) for call in answer.calls]
        self._tokens = answer.length
        self._ending = answer.ending

    @property
    def usage(self) -> Usage:
        """What is to be paid so far."""
        ending = self._ending or Ending("")
        return Usage(
            prompt=self.order.prompt_tokens if ending.prompt_tokens is None else ending.prompt_tokens,
            completion=self._tokens if ending.completion_tokens is None else ending.completion_tokens,
            reasoning=ending.reasoning_tokens,
        )

    def body(self, status: str, failure: Failure | None = None) -> dict[str, Any]:
        """The completion as the API shows it, in the given status."""
        usage = self.usage
        if status == FAILED:
            usage = Usage(usage.prompt, usage.completion, usage.reasoning, billed=False)
        choice: dict[str, Any] = {
            "index": 0,
            "message": self._message(),
            "finish_reason": self.finish_reason(status),
            "logprobs": self._shown_logprobs(),
        }
        body: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.order.model.id,
            "choices": [choice],
            "usage": pricing.receipt(usage, self.order.model),
            "status": status,
        }
        if failure is not None:
            body["error"] = asdict(failure)
        return body

    def charge(self, status: str) -> int:
        """What the completion costs in this status, in micro-credits."""
        return 0 if status == FAILED else pricing.charge(self.usage, self.order.model)

    def finish_reason(self, status: str) -> str | None:
        if status == CANCELLED:
            return "cancelled"
        return self._ending.finish_reason if status == COMPLETED and self._ending else None

    def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts)}
        if self._calls:
            message["content"] = message["content"] or None
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(parts)}}
                for call, parts in self._calls
            ]
        return message

    def _shown_logprobs(self) -> dict[str, Any] | None:
        return None if self.order.alternatives is None else {"content": self._logprobs, "refusal": None}


def abandon(body: bytes) -> bytes:
    """The last body of a completion whose server died while it was at `body`: failed, and free."""
    left: dict[str, Any] = orjson.loads(body)
    usage = left["usage"]
    usage["credits_charged"] = 0.0
    usage["breakdown"] |= {name: 0.0 for name in usage["breakdown"] if name.endswith("_credits")}
    return orjson.dumps({**left, "status": FAILED, "error": asdict(ABANDONED)})
