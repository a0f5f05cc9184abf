"""Reads a valid request body into a `ParsedRequest`, measured and checked against its model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from aurous_mock.billing import pricing
from aurous_mock.contract import chat_limits
from aurous_mock.contract.model_catalogue import MODELS, Model
from aurous_mock.contract.openai_members import translate_openai_members
from aurous_mock.errors import APIError
from aurous_mock.generation import tokens

# Members that change the length or form of an answer, and not which answer is given.
_PRESENTATION = frozenset({"stream", "stream_options", "max_tokens", "stop", "logprobs", "top_logprobs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRequest:
    """One request for a completion, checked and measured."""

    body: Mapping[str, Any]
    model: Model
    prompt_tokens: int
    max_tokens: int
    effort: str
    stops: tuple[str, ...]
    # How many likeliest tokens to list beside each token; None when no log probabilities were asked for.
    alternatives: int | None
    hold: int
    # The scripted answer that the request brings along, and those of the server that may apply, by number.
    scripted_answer: Any = None
    scripts: Sequence[tuple[int, str]] = ()
    # Sixty-four bits that are the same whenever the same answer is asked for.
    digest: int

    @property
    def streamed(self) -> bool:
        return self.body.get("stream") is True

    @property
    def include_usage(self) -> bool:
        return (self.body.get("stream_options") or {}).get("include_usage") is not False

    @property
    def question(self) -> str:
        """The text of the last user message."""
        for message in reversed(self.body["messages"]):
            if message["role"] == "user":
                content = message["content"]
                if isinstance(content, str):
                    return content
                return " ".join(part["text"] for part in content if part["type"] == "text")
        return ""


def read(body: Mapping[str, Any], models: Mapping[str, Model] = MODELS) -> ParsedRequest:
    """Measure a body that the schema allows, and refuse what its model, one of those on offer, cannot do."""
    model = chat_limits.resolve_model(body, models)
    body = translate_openai_members(body)
    chat_limits.check_limits(body, model)
    prompt_tokens = tokens.count_prompt(body)
    if prompt_tokens > model.context_window:
        raise APIError(
            "max_input_tokens_exceeded",
            f"The prompt has about {prompt_tokens} tokens; {model.id} takes at most {model.context_window}.",
            param="messages",
        )
    max_tokens = int(body.get("max_tokens") or model.default_max_output_tokens)
    effort = str(body.get("reasoning_effort") or "medium")
    if effort not in pricing.REASONING_TOKENS:
        # A later version's contract may allow a value that this server has no figure for.
        effort = "high"
    stop = body.get("stop") or ()
    return ParsedRequest(
        body=body,
        model=model,
        prompt_tokens=prompt_tokens,
        max_tokens=max_tokens,
        effort=effort,
        stops=tuple(text for text in ((stop,) if isinstance(stop, str) else stop) if text),
        alternatives=int(body.get("top_logprobs") or 0) if body.get("logprobs") is True else None,
        hold=pricing.hold(prompt_tokens, max_tokens, effort, model),
        digest=digest(body),
    )


def digest(body: Mapping[str, Any]) -> int:
    """Sixty-four bits that are the same for all requests for the same answer."""
    essence = {name: value for name, value in body.items() if name not in _PRESENTATION}
    raw = orjson.dumps(essence, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big")
