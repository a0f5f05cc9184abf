"""The catalogue of models."""

from __future__ import annotations

from typing import Any

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.rules import MODELS, rule
from harness.violations import observe, require, unseen


@pytest.fixture(scope="module")
def catalogue(server: Server) -> Exchange:
    return server.models().expect(200)


@rule("models.schema", page=MODELS, says="The catalogue is `{object: list, data: [...]}` of documented rows.")
def test_schema(catalogue: Exchange) -> None:
    misfits = contract.misfits("ModelList", catalogue.json)
    require(not misfits, "; ".join(misfits[:5]), catalogue)


@rule("models.row", page=MODELS, says="A row has an `id`, the slug, and `object: model`.")
def test_row(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        require(isinstance(row.get("id"), str) and 0 < len(row["id"]) <= 128, f"`id` is {row.get('id')!r}", catalogue)
        require(row.get("object") == "model", f"`object` is {row.get('object')!r}", catalogue)


@rule("models.ids_unique", page=MODELS, says="No two rows have the same `id`.")
def test_ids_unique(catalogue: Exchange) -> None:
    ids = [row["id"] for row in catalogue.at("data")]
    require(len(ids) == len(set(ids)), f"the ids are {ids}", catalogue)


@rule("models.kind", page=MODELS, says="Every row tells its kind, chat or embedding (where, the pages disagree).")
def test_kind(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        require(kind_of(row), f"{row.get('id')} tells no kind", catalogue)


@rule("models.pricing", page=MODELS, says="A chat model has chat rates and no embedding rates, and the reverse.")
def test_pricing(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        mine, sibling = ("chat", "embedding") if kind_of(row) == "chat" else ("embedding", "chat")
        told = row.get(f"{sibling}_pricing")
        require(told is None, f"{row['id']} is of kind {mine} and has {sibling}_pricing {told}", catalogue)


@rule("models.capabilities", page=MODELS, says="`aurous_metadata.capabilities` is a list of flags.")
def test_capabilities(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        flags = (row.get("aurous_metadata") or {}).get("capabilities", [])
        fits = isinstance(flags, list) and all(isinstance(flag, str) for flag in flags)
        require(fits, f"{row['id']}: capabilities is {flags!r}", catalogue)


@rule("models.default_under_cap", page=MODELS, says="A model's default output is not above its hard cap.")
def test_default_under_cap(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        metadata = row.get("aurous_metadata") or {}
        default, cap = metadata.get("default_max_output_tokens"), metadata.get("max_output_tokens_hard_cap")
        fits = default is None or cap is None or 0 < default <= cap
        require(fits, f"{row['id']}: default {default}, hard cap {cap}", catalogue)


@rule("models.steady", page=MODELS, says="The catalogue takes no parameters: any two readings agree.")
def test_steady(server: Server, catalogue: Exchange) -> None:
    again = server.send("GET", "/v1/models?limit=1&kind=embedding").expect(200)
    require(again.at("data") == catalogue.at("data"), "with a query the catalogue is another", catalogue, again)


@rule("models.every_chat_model_answers", page=MODELS, says="The slug of a listed chat model can be used.")
def test_every_chat_model_answers(server: Server, catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        if kind_of(row) == "chat":
            made = server.completed(server.ask(model=row["id"], max_tokens=1))
            require(made.at("model") == row["id"], f"`model` is {made.at('model')!r}", made)


@rule(
    "models.wrong_kind",
    page="api-reference/errors/model_wrong_kind",
    says="An embedding model on the chat endpoint is 400 `model_wrong_kind`.",
)
def test_wrong_kind(server: Server, catalogue: Exchange) -> None:
    slugs = [row["id"] for row in catalogue.at("data") if kind_of(row) == "embedding"]
    if not slugs:
        unseen("no embedding model is listed")
    refused = server.create(server.ask(model=slugs[0]), refused=True).expect(400)
    code, kind = refused.at("error", "code"), refused.at("error", "type")
    require((code, kind) == ("model_wrong_kind", "invalid_request"), f"the answer is {kind} {code}", refused)


@rule("models.kind_place", page=MODELS, says="Where a row tells its kind.", observed=True)
def test_kind_place(catalogue: Exchange) -> None:
    rows = catalogue.at("data")
    top = sum("kind" in row for row in rows)
    observe(f"{top} of {len(rows)} rows tell it at top level")


def kind_of(row: dict[str, Any]) -> str | None:
    return row.get("kind") or (row.get("aurous_metadata") or {}).get("kind")
