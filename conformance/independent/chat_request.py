"""A validated chat request, in the form that the rest of the server works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .catalogue import Model
from .tokens import count_prompt


@dataclass
class ChatRequest:
    """What a body asks for, with the documented defaults filled in."""

    body: dict[str, Any]
    model: str
    messages: list[dict[str, Any]]
    max_tokens: int
    stream: bool = False
    include_usage: bool = True
    stop: list[str] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    tool_choice: Any = "auto"
    response_format: dict[str, Any] = field(default_factory=dict)
    reasoning_effort: str = "medium"
    logprobs: bool = False
    top_logprobs: int = 0
    prompt_tokens: int = 0

    @classmethod
    def from_body(cls, body: dict[str, Any], model: Model) -> ChatRequest:
        stop = body.get("stop", [])
        return cls(
            body=body,
            model=model.id,
            messages=body["messages"],
            max_tokens=int(body.get("max_tokens", model.default_max_tokens)),
            stream=body.get("stream", False),
            include_usage=body.get("stream_options", {}).get("include_usage", True),
            stop=[stop] if isinstance(stop, str) else list(stop),
            tools=body.get("tools", []),
            tool_choice=body.get("tool_choice", "auto"),
            response_format=body.get("response_format", {"type": "text"}),
            reasoning_effort=body.get("reasoning_effort", "medium"),
            logprobs=body.get("logprobs", False),
            top_logprobs=int(body.get("top_logprobs", 0)),
            prompt_tokens=count_prompt(body),
        )

    @property
    def asks_for_json(self) -> bool:
        return self.response_format.get("type") in ("json_object", "json_schema")

    def last_text(self) -> str:
        """Return the text of the last message."""
        content = self.messages[-1].get("content") if self.messages else None
        if isinstance(content, list):
            return " ".join(part["text"] for part in content if part.get("type") == "text")
        return content or ""
