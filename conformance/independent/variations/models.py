"""Variations of the list of models."""

from __future__ import annotations

from typing import Any

from ..application import Application
from ..catalogue import Model
from ..changes import VARIATIONS
from ..faults.models import edit_models

MODELS = "api-reference/models/list-chat-and-embedding-models"


@VARIATIONS.plant("api-reference/errors/model_wrong_kind", "models")
def kind_in_metadata(application: Application) -> None:
    """A model states its kind inside of aurous_metadata."""

    def move(document: dict[str, Any]) -> None:
        for row in document["data"]:
            row["aurous_metadata"]["kind"] = row.pop("kind")

    edit_models(application, move)


@VARIATIONS.plant("api-reference/chat/overview", "models")
def rates_in_metadata(application: Application) -> None:
    """A model states its rates inside of aurous_metadata."""

    def move(document: dict[str, Any]) -> None:
        for row in document["data"]:
            for name in ("chat_pricing", "embedding_pricing"):
                row["aurous_metadata"][name] = row.pop(name)

    edit_models(application, move)


@VARIATIONS.plant("guides/error-handling", "models")
def cap_under_its_other_name(application: Application) -> None:
    """A chat model states its hard cap as hard_max_tokens."""

    def rename(document: dict[str, Any]) -> None:
        metadata = document["data"][0]["aurous_metadata"]
        metadata["hard_max_tokens"] = metadata.pop("max_output_tokens_hard_cap")

    edit_models(application, rename)


@VARIATIONS.plant(MODELS, "models")
def models_with_more_members(application: Application) -> None:
    """Models have created and owned_by, as OpenAI's do."""

    def add(document: dict[str, Any]) -> None:
        for row in document["data"]:
            row |= {"created": 1747267200, "owned_by": "aurous"}

    edit_models(application, add)


@VARIATIONS.plant(MODELS, "models")
def embedding_models_first(application: Application) -> None:
    """The list of models begins with the embedding model."""
    edit_models(application, lambda document: document["data"].reverse())


@VARIATIONS.plant(MODELS, "models")
def more_models(application: Application) -> None:
    """There is a second chat model, and a model of a kind that no page names."""
    models = application.chat.models
    models["aurous-sprout-1.0"] = Model("aurous-sprout-1.0", "chat", 32_000, [], 20, 100, 1024, 4096)
    models["aurous-rerank-1.0"] = Model("aurous-rerank-1.0", "rerank", 32_000, [])


@VARIATIONS.plant(MODELS, "models", "accepted_max_tokens")
def smaller_cap(application: Application) -> None:
    """The hard cap of the chat model is 4096, as the list of models states."""
    model = application.chat.models["aurous-grow-2.0-pro"]
    model.max_tokens_cap, model.default_max_tokens = 4096, 1024
