"""The bounds that the suite generates are those of the contract, with bodies on the right side of each."""

from __future__ import annotations

import pytest
from harness import contract
from harness.generation.boundaries import REQUEST, Bound, bounds
from harness.generation.request_normalizer import is_tolerated, normalize_body, normalize_headers

ALL = {bound.id: bound for bound in bounds()}
PRIMARY = contract.schema(REQUEST)["properties"]


@pytest.mark.parametrize("bound", ALL.values(), ids=ALL)
def test_bound_bodies_are_on_their_side(bound: Bound) -> None:
    assert all(not contract.schema_errors(REQUEST, body) for body in bound.inside)
    assert all(contract.schema_errors(REQUEST, body) for body in bound.outside)
    assert bound.outside


@pytest.mark.parametrize("member", [name for name in PRIMARY if name != "vision_quality"])
def test_every_member_of_the_request_has_bounds(member: str) -> None:
    assert any(bound.member == member for bound in ALL.values())


@pytest.mark.parametrize(
    "bound",
    [
        "request.messages.min_items",
        "request.messages.max_items",
        "request.temperature.maximum",
        "request.top_logprobs.maximum",
        "request.stop.max_items",
        "request.stop[].max_length",
        "request.model.max_length",
        "request.messages[tool].tool_call_id.missing",
        "request.response_format.json_schema.name.missing",
    ],
)
def test_documented_bounds_are_generated(bound: str) -> None:
    assert bound in ALL


@pytest.mark.parametrize("name", [name for name, _ in contract.examples("/v1/chat/completions", "post")])
def test_normalized_example_is_still_valid(name: str) -> None:
    body = dict(contract.examples("/v1/chat/completions", "post"))[name]
    assert not contract.schema_errors(REQUEST, normalize_body(body, "some-model"))


@pytest.mark.parametrize("bound", ALL.values(), ids=ALL)
def test_normalizing_keeps_a_body_invalid(bound: Bound) -> None:
    assert all(contract.schema_errors(REQUEST, normalize_body(body, "some-model")) for body in bound.outside)


def test_null_for_an_optional_member_is_tolerated() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": None, "seed": 2.5}
    assert is_tolerated(body)
    assert not is_tolerated({**body, "temperature": "warm"})
    assert not is_tolerated({**body, "model": None})


def test_generated_version_is_kept_only_as_the_target() -> None:
    headers = {"aurous-version": "0", "Idempotency-Key": "k"}
    assert normalize_headers(headers, "2026-05-15", None)["Aurous-Version"] == "2026-05-15"
    assert normalize_headers(headers, "2026-05-15", "Aurous-Version")["Aurous-Version"] == "0"
    assert normalize_headers(headers, "2026-05-15", None)["Idempotency-Key"] != "k"


def test_normalizing_drops_what_no_page_names_and_nulls_of_optional_members() -> None:
    question = {"role": "user", "content": "x", "mood": 1, "name": None}
    body = {"model": "m", "messages": [question], "x_unknown": 1, "temperature": None, "tools": None}
    normalized = normalize_body(body, "some-model")
    assert "x_unknown" not in normalized
    assert normalized["messages"] == [{"role": "user", "content": "x"}]
    assert not {"temperature", "tools"} & normalized.keys()
    assert normalize_body({**body, "model": None}, "some-model")["model"] is None


def test_normalized_top_logprobs_come_with_logprobs() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "top_logprobs": 2}
    assert normalize_body(body, "some-model")["logprobs"] is True


def test_documents_are_compared_by_their_documented_members() -> None:
    usage = {"prompt_tokens": 1, "breakdown": {"model": "m", "cached_credits": 0}, "proxy_latency_ms": 7}
    assert contract.documented("Usage", usage) == {"prompt_tokens": 1, "breakdown": {"model": "m"}}
    assert contract.documented("Usage", {"prompt_tokens": 1, "reasoning_tokens": None}) == {"prompt_tokens": 1}
    listed = contract.documented("ModelList", {"object": "list", "data": [{"id": "a", "x": 1}], "y": 2})
    assert listed == {"object": "list", "data": [{"id": "a"}]}
