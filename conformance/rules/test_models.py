"""Rules on the list of models."""

from __future__ import annotations

from typing import Any

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.completion_result import fetch_result
from harness.client.exchange import Exchange
from harness.rules import MODELS, rule
from harness.violations import inform, not_tested, require

from .scenarios import each_mode


@pytest.fixture(scope="module")
def catalogue(api: ApiClient) -> Exchange:
    return api.models().expect(200)


@rule("models.schema", page=MODELS, sentence="The catalogue is `{object: list, data: [...]}` of documented rows.")
def test_model_catalogue_fits_the_schema(catalogue: Exchange) -> None:
    schema_errors = contract.schema_errors("ModelList", catalogue.json)
    require(not schema_errors, "; ".join(schema_errors[:5]), catalogue)


@rule("models.row", page=MODELS, sentence="A row has an `id`, the slug, and `object: model`.")
def test_model_row_has_id_and_object(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        require(isinstance(row.get("id"), str) and 0 < len(row["id"]) <= 128, f"`id` is {row.get('id')!r}", catalogue)
        require(row.get("object") == "model", f"`object` is {row.get('object')!r}", catalogue)


@rule("models.ids_unique", page=MODELS, sentence="No two rows have the same `id`.")
def test_model_ids_are_unique(catalogue: Exchange) -> None:
    ids = [row["id"] for row in catalogue.at("data")]
    require(len(ids) == len(set(ids)), f"the ids are {ids}", catalogue)


@rule("models.kind", page=MODELS, sentence="Every row states its kind, chat or embedding (where, the pages disagree).")
def test_model_row_has_a_kind(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        require(kind_of(row), f"{row.get('id')} states no kind", catalogue)


@rule("models.chat_listed", page=MODELS, sentence="The list has the models that completions can be asked of.")
def test_model_catalogue_lists_chat_models(catalogue: Exchange) -> None:
    kinds = [kind_of(row) for row in catalogue.at("data")]
    require("chat" in kinds, f"no model of kind chat is listed; the kinds are {kinds}", catalogue)


@rule("models.pricing", page=MODELS, sentence="A chat model has chat rates and no embedding rates, and the reverse.")
def test_model_has_only_the_rates_of_its_kind(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        mine, sibling = ("chat", "embedding") if kind_of(row) == "chat" else ("embedding", "chat")
        actual = row.get(f"{sibling}_pricing")
        require(actual is None, f"{row['id']} is of kind {mine} and has {sibling}_pricing {actual}", catalogue)


@rule("models.capabilities", page=MODELS, sentence="`aurous_metadata.capabilities` is a list of flags.")
def test_model_capabilities_are_a_list(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        flags = (row.get("aurous_metadata") or {}).get("capabilities", [])
        is_list = isinstance(flags, list) and all(isinstance(flag, str) for flag in flags)
        require(is_list, f"{row['id']}: capabilities is {flags!r}", catalogue)


@rule("models.default_under_cap", page=MODELS, sentence="A model's default output is not above its hard cap.")
def test_default_output_is_within_the_hard_cap(catalogue: Exchange) -> None:
    for row in catalogue.at("data"):
        metadata = row.get("aurous_metadata") or {}
        default, cap = metadata.get("default_max_output_tokens"), metadata.get("max_output_tokens_hard_cap")
        is_within = default is None or cap is None or 0 < default <= cap
        require(is_within, f"{row['id']}: default {default}, hard cap {cap}", catalogue)


@rule("models.steady", page=MODELS, sentence="The catalogue takes no parameters: any two readings agree.")
def test_model_catalogue_does_not_change_between_reads(api: ApiClient, catalogue: Exchange) -> None:
    again = api.send("GET", "/v1/models?limit=1&kind=embedding").expect(200)
    require(again.at("data") == catalogue.at("data"), "with a query the catalogue is another", catalogue, again)


@rule("models.every_chat_model_answers", page=MODELS, sentence="The slug of a listed chat model can be used.")
@each_mode
def test_every_listed_chat_model_answers(api: ApiClient, catalogue: Exchange, stream: bool) -> None:
    for row in catalogue.at("data"):
        if kind_of(row) == "chat":
            result = fetch_result(api, api.chat_body(model=row["id"], max_tokens=1), stream=stream)
            require(result.model == row["id"], f"`model` is {result.model!r}", result.exchange)


@rule(
    "models.wrong_kind",
    page="api-reference/errors/model_wrong_kind",
    sentence="An embedding model on the chat endpoint is 400 `model_wrong_kind`.",
)
@each_mode
def test_embedding_model_is_refused_for_chat(api: ApiClient, catalogue: Exchange, stream: bool) -> None:
    slugs = [row["id"] for row in catalogue.at("data") if kind_of(row) == "embedding"]
    if not slugs:
        not_tested("no embedding model is listed")
    response = api.create(api.chat_body(model=slugs[0], stream=stream), expect_error=True).expect(400)
    code, kind = response.at("error", "code"), response.at("error", "type")
    require((code, kind) == ("model_wrong_kind", "invalid_request"), f"the error is {kind} {code}", response)


@rule("models.kind_place", page=MODELS, sentence="Where a row states its kind.", informational=True)
def test_place_of_the_model_kind(catalogue: Exchange) -> None:
    rows = catalogue.at("data")
    top = sum("kind" in row for row in rows)
    inform(f"{top} of {len(rows)} rows state it at top level")


def kind_of(row: dict[str, Any]) -> str | None:
    return row.get("kind") or (row.get("aurous_metadata") or {}).get("kind")
