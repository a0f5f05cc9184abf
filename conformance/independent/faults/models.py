"""Faults of the list of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..application import Application
from ..changes import FAULTS
from ..messages import Call, Response

MODELS = "api-reference/models/list-chat-and-embedding-models"


def edit_models(application: Application, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change the list of models."""

    def change(call: Call, response: Response) -> None:
        if call.route == "models" and response.status == 200:
            edit(response.document)

    application.seams.response.append(change)


@FAULTS.plant(MODELS, "models")
def models_object_wrong(application: Application) -> None:
    """The list of models is called models."""
    edit_models(application, lambda document: document.update(object="models"))


@FAULTS.plant(MODELS, "models")
def models_bare(application: Application) -> None:
    """The list of models is a bare array."""

    def change(call: Call, response: Response) -> None:
        if call.route == "models" and response.status == 200:
            response.document = response.document["data"]

    application.seams.response.append(change)


@FAULTS.plant(MODELS, "models")
def model_without_id(application: Application) -> None:
    """A model has a slug instead of an id."""
    edit_models(application, lambda document: document["data"][0].update(slug=document["data"][0].pop("id")))


@FAULTS.plant(MODELS, "models")
def model_object_missing(application: Application) -> None:
    """A model does not say that it is a model."""
    edit_models(application, lambda document: document["data"][-1].pop("object"))


@FAULTS.plant(MODELS, "models")
def model_kind_missing(application: Application) -> None:
    """A model states its kind nowhere."""
    edit_models(application, lambda document: document["data"][0].pop("kind"))


@FAULTS.plant("api-reference/errors/max_tokens_exceeds_hard_cap", "models")
def listed_cap_too_high(application: Application) -> None:
    """The hard cap in the list of models is twice the one that is enforced."""
    edit_models(
        application,
        lambda document: document["data"][0]["aurous_metadata"].update(max_output_tokens_hard_cap=16384),
    )


@FAULTS.plant("pricing/llm-pricing", "models")
def listed_rate_too_low(application: Application) -> None:
    """The output rate in the list of models is lower than the one that is charged."""
    edit_models(
        application,
        lambda document: document["data"][0]["chat_pricing"]["output"].update(credits_per_M=300),
    )


@FAULTS.plant(MODELS, "models")
def chat_model_unlisted(application: Application) -> None:
    """The chat model is missing from the list of models."""
    edit_models(application, lambda document: document["data"].pop(0))


@FAULTS.plant(MODELS, "models")
def models_listed_twice(application: Application) -> None:
    """The list of models has every model twice."""
    edit_models(application, lambda document: document.update(data=document["data"] * 2))


@FAULTS.plant(MODELS, "models")
def context_window_in_words(application: Application) -> None:
    """The context window of a model is a text."""
    edit_models(application, lambda document: document["data"][0]["aurous_metadata"].update(context_window="256K"))
