"""A completion: how far it has got, how it ended, and the document that describes it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .accounts import Team
from .catalogue import PRICING_VERSION, Model
from .chat_request import ChatRequest
from .fake_model import Answer, Piece
from .identifiers import new_id
from .ledger import as_credits
from .tokens import logprob_entry

ENDINGS = {
    "cancelled_by_request": ("invalid_request", "The completion was cancelled on request."),
    "cancelled_client_disconnect": ("invalid_request", "The client disconnected before the completion ended."),
    "internal_error": ("server_error", "The completion failed. It was not charged."),
}


@dataclass
class Completion:
    """One completion. `lock` guards `produced` and `status`; `ended` is set once it runs no longer."""

    team: Team
    model: Model
    request: ChatRequest
    answer: Answer
    id: str = field(default_factory=lambda: new_id("cmp"))
    created: int = field(default_factory=lambda: int(time.time()))
    produced: int = 0
    status: str = "in_progress"
    finish_reason: str | None = None
    error_code: str | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    ended: threading.Event = field(default_factory=threading.Event)

    def produce(self) -> Piece | None:
        """Return the next piece; None once there are no more, or the completion has ended."""
        with self.lock:
            if self.status != "in_progress" or self.produced >= len(self.answer.pieces):
                return None
            self.produced += 1
            return self.answer.pieces[self.produced - 1]

    def end(self, status: str, finish_reason: str, error_code: str | None = None) -> bool:
        """Move to a final status; False if it has ended before."""
        with self.lock:
            if self.status != "in_progress":
                return False
            self.status, self.finish_reason, self.error_code = status, finish_reason, error_code
        return True

    @property
    def pieces(self) -> list[Piece]:
        return self.answer.pieces[: self.produced]

    def charge(self) -> int:
        """Return what has been earned so far, in micro-credits."""
        if self.status == "failed":
            return 0
        output = (self.produced + self.answer.reasoning_tokens) * self.model.output_rate
        return self.request.prompt_tokens * self.model.input_rate + output

    def hold(self) -> int:
        """Return the most that it can cost, with a tenth more for the prompt, in micro-credits."""
        prompt = -(-self.request.prompt_tokens * self.model.input_rate * 11 // 10)
        return prompt + (self.request.max_tokens + self.answer.reasoning_tokens) * self.model.output_rate

    def usage(self) -> dict[str, Any]:
        """Return the receipt for what has been produced so far."""
        prompt, reasoning = self.request.prompt_tokens, self.answer.reasoning_tokens
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": self.produced,
            "total_tokens": prompt + self.produced + reasoning,
        }
        breakdown = {
            "input_credits": as_credits(prompt * self.model.input_rate),
            "output_credits": as_credits(self.produced * self.model.output_rate),
        }
        if reasoning:
            usage["reasoning_tokens"] = reasoning
            breakdown["reasoning_credits"] = as_credits(reasoning * self.model.output_rate)
        usage["credits_charged"] = as_credits(self.charge())
        usage["breakdown"] = breakdown | {"model": self.model.id, "pricing_version": PRICING_VERSION}
        return usage

    def message(self) -> dict[str, Any]:
        """Return the message as produced so far; its content is null when it is made of calls."""
        text = "".join(piece.text for piece in self.pieces if piece.call is None)
        calls: list[dict[str, Any]] = []
        for piece in self.pieces:
            if piece.call is None:
                continue
            if piece.is_name:
                function = {"name": piece.text, "arguments": ""}
                calls.append({"id": self.answer.call_ids[piece.call], "type": "function", "function": function})
            else:
                calls[piece.call]["function"]["arguments"] += piece.text
        if calls:
            return {"role": "assistant", "content": text or None, "tool_calls": calls}
        return {"role": "assistant", "content": text}

    def logprobs(self, start: int = 0) -> dict[str, Any] | None:
        """Return the log probabilities of the text from piece `start` on; None if they were not asked for."""
        if not self.request.logprobs:
            return None
        entries = [
            logprob_entry(piece.text, position, self.request.top_logprobs)
            for position, piece in enumerate(self.answer.pieces[start : self.produced], start)
            if piece.call is None
        ]
        return {"content": entries}

    def document(self) -> dict[str, Any]:
        """Return the ChatCompletion of the API."""
        with self.lock:
            choice: dict[str, Any] = {"index": 0, "message": self.message(), "finish_reason": self.finish_reason}
            logprobs = self.logprobs()
            if logprobs is not None:
                choice["logprobs"] = logprobs
            document: dict[str, Any] = {
                "id": self.id,
                "object": "chat.completion",
                "created": self.created,
                "model": self.model.id,
                "choices": [choice],
                "usage": self.usage(),
                "status": self.status,
            }
            if self.error_code is not None:
                kind, message = ENDINGS[self.error_code]
                document["error"] = {"code": self.error_code, "type": kind, "message": message}
            return document
