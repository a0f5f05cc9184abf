"""Reads a valid request body into what the kitchen needs to know; knows nothing of HTTP, answers or storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import orjson

from aurous_mock import billing, tokens, validation
from aurous_mock.catalogue import Model
from aurous_mock.errors import Refused

# What does not change which answer is given, only how much of it and in which form.
_PRESENTATION = frozenset({"stream", "stream_options", "max_tokens", "stop", "logprobs", "top_logprobs"})


@dataclass(frozen=True)
class Order:
    """One request for a completion, checked and measured."""

    body: Mapping[str, Any]
    model: Model
    prompt_tokens: int

    @cached_property
    def max_tokens(self) -> int:
        return int(self.body.get("max_tokens") or self.model.default_max_output_tokens)

    @cached_property
    def effort(self) -> str:
        return str(self.body.get("reasoning_effort") or "medium")

    @property
    def streamed(self) -> bool:
        return self.body.get("stream") is True

    @property
    def include_usage(self) -> bool:
        return (self.body.get("stream_options") or {}).get("include_usage") is not False

    @cached_property
    def stops(self) -> tuple[str, ...]:
        stop = self.body.get("stop") or ()
        return tuple(text for text in ((stop,) if isinstance(stop, str) else stop) if text)

    @cached_property
    def alternatives(self) -> int | None:
        """How many likeliest tokens to list beside each token; None when no log probabilities were asked for."""
        return int(self.body.get("top_logprobs") or 0) if self.body.get("logprobs") is True else None

    @cached_property
    def hold(self) -> int:
        return billing.hold(self.prompt_tokens, self.max_tokens, self.effort, self.model)

    @cached_property
    def last_user_text(self) -> str:
        for message in reversed(self.body["messages"]):
            if message["role"] == "user":
                content = message["content"]
                if isinstance(content, str):
                    return content
                return " ".join(part["text"] for part in content if part["type"] == "text")
        return ""

    @cached_property
    def digest(self) -> int:
        """Sixty-four bits that are the same whenever the same answer is asked for."""
        essence = {name: value for name, value in self.body.items() if name not in _PRESENTATION}
        raw = orjson.dumps(essence, option=orjson.OPT_SORT_KEYS)
        return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big")


def read(body: Mapping[str, Any]) -> Order:
    """Measure a body that the schema allows, and refuse what its model cannot do."""
    model = validation.resolve_model(body)
    validation.check_limits(body, model)
    prompt_tokens = tokens.count_prompt(body)
    if prompt_tokens > model.context_window:
        raise Refused(
            "max_input_tokens_exceeded",
            f"The prompt has about {prompt_tokens} tokens; {model.id} takes at most {model.context_window}.",
            param="messages",
        )
    return Order(body=body, model=model, prompt_tokens=prompt_tokens)
