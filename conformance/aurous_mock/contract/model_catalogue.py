"""The models that the mock serves, with their limits and prices."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Rates:
    """Credits per million tokens; one credit per million is also one micro-credit per token."""

    input: int
    output: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class ModelMapping:
    """A model to offer under a name, and the upstream server's name for it. rates: None for the documented ones"""

    name: str
    upstream: str
    rates: Rates | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A row of GET /v1/models, as values."""

    id: str
    kind: str
    context_window: int
    capabilities: tuple[str, ...]
    default_max_output_tokens: int = 0
    max_output_tokens_hard_cap: int = 0
    rates: Rates = Rates(input=0, output=0)
    dimensions: tuple[int, ...] = ()
    # What the upstream server calls it; None: the same.
    upstream: str | None = None

    def row(self) -> dict[str, Any]:
        """The model as the API lists it (`/api-reference/models/list-chat-and-embedding-models`)."""
        chat = self.kind == "chat"
        metadata: dict[str, Any] = {"context_window": self.context_window, "capabilities": list(self.capabilities)}
        if chat:
            metadata["default_max_output_tokens"] = self.default_max_output_tokens
            metadata["max_output_tokens_hard_cap"] = self.max_output_tokens_hard_cap
        else:
            metadata["dimensions"] = list(self.dimensions)
        return {
            "id": self.id,
            "object": "model",
            "created": 1747267200,
            "owned_by": "aurous-labs",
            "kind": self.kind,
            "chat_pricing": _per_million(input=self.rates.input, output=self.rates.output) if chat else None,
            "embedding_pricing": None if chat else _per_million(text=18.75, visual=48.75),
            "aurous_metadata": metadata,
        }


def _per_million(**rates: float) -> dict[str, Any]:
    return {name: {"credits_per_M": rate} for name, rate in rates.items()}


GROW = Model(
    id="aurous-grow-2.0-pro",
    kind="chat",
    context_window=256_000,
    # `tool_choice_required` is missing on purpose: the primary page says no model has it. FULL has it.
    capabilities=("multimodal_input", "reasoning_effort", "structured_output", "tools"),
    default_max_output_tokens=4096,
    max_output_tokens_hard_cap=8192,
    rates=Rates(input=75, output=450),
)
# A model of the mock's own, for programs that need `tool_choice: required`, which is documented for models that have
# the capability.
FULL = replace(GROW, id="aurous-mock-full", capabilities=tuple(sorted((*GROW.capabilities, "tool_choice_required"))))
EMBED = Model(
    id="aurous-embed-vision-1.0",
    kind="embedding",
    context_window=128_000,
    capabilities=("multimodal_input",),
    dimensions=(1024, 2048),
)

MODELS = {model.id: model for model in (GROW, FULL, EMBED)}


def listing(models: Iterable[Model]) -> dict[str, Any]:
    """The body of GET /v1/models."""
    return {"object": "list", "data": [model.row() for model in models]}
