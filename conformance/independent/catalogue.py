"""The models that the server offers, with their rates and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PRICING_VERSION = 7


@dataclass
class Model:
    """A model. Rates are credits per million tokens, which is micro-credits per token."""

    id: str
    kind: str
    context_window: int
    capabilities: list[str]
    input_rate: int = 0
    output_rate: int = 0
    default_max_tokens: int = 0
    max_tokens_cap: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Return the model as GET /v1/models lists it."""
        metadata: dict[str, Any] = {"context_window": self.context_window, "capabilities": list(self.capabilities)}
        metadata |= self.extra
        row = {
            "id": self.id,
            "object": "model",
            "kind": self.kind,
            "chat_pricing": None,
            "embedding_pricing": None,
            "aurous_metadata": metadata,
        }
        if self.kind == "chat":
            row["chat_pricing"] = {
                "input": {"credits_per_M": self.input_rate},
                "output": {"credits_per_M": self.output_rate},
            }
            metadata["default_max_output_tokens"] = self.default_max_tokens
            metadata["max_output_tokens_hard_cap"] = self.max_tokens_cap
        else:
            row["embedding_pricing"] = {"text": {"credits_per_M": 18.75}, "visual": {"credits_per_M": 48.75}}
        return row


def default_models() -> dict[str, Model]:
    """Return the documented models by id."""
    chat = Model(
        id="aurous-grow-2.0-pro",
        kind="chat",
        context_window=256_000,
        capabilities=["multimodal_input", "reasoning_effort"],
        input_rate=75,
        output_rate=450,
        default_max_tokens=4096,
        max_tokens_cap=8192,
    )
    embedding = Model(
        id="aurous-embed-vision-1.0",
        kind="embedding",
        context_window=128_000,
        capabilities=["multimodal_input"],
        extra={"dimensions": [1024, 2048], "max_input_items": 16},
    )
    return {model.id: model for model in (chat, embedding)}
