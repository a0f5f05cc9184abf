"""The bounds that the suite tries are those of the contract, and their bodies stand on the right side."""

from __future__ import annotations

import pytest
from harness import contract
from harness.generation.boundaries import REQUEST, Bound, bounds
from harness.generation.request_normalizer import is_excusable, temper, temper_headers

ALL = {bound.id: bound for bound in bounds()}
PRIMARY = contract.schema(REQUEST)["properties"]


@pytest.mark.parametrize("bound", ALL.values(), ids=ALL)
def test_bodies_stand_on_their_side(bound: Bound) -> None:
    assert all(not contract.misfits(REQUEST, body) for body in bound.inside)
    assert all(contract.misfits(REQUEST, body) for body in bound.outside)
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
def test_the_documented_bounds_are_among_them(bound: str) -> None:
    assert bound in ALL


@pytest.mark.parametrize("name", [name for name, _ in contract.examples("/v1/chat/completions", "post")])
def test_a_tempered_example_is_still_valid(name: str) -> None:
    body = dict(contract.examples("/v1/chat/completions", "post"))[name]
    assert not contract.misfits(REQUEST, temper(body, "some-model"))


@pytest.mark.parametrize("bound", ALL.values(), ids=ALL)
def test_tempering_does_not_mend_a_fault(bound: Bound) -> None:
    assert all(contract.misfits(REQUEST, temper(body, "some-model")) for body in bound.outside)


def test_a_null_for_what_may_be_left_out_is_excusable() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": None, "seed": 2.5}
    assert is_excusable(body)
    assert not is_excusable({**body, "temperature": "warm"})
    assert not is_excusable({**body, "model": None})


def test_a_generated_version_survives_only_where_it_is_the_aim() -> None:
    headers = {"aurous-version": "0", "Idempotency-Key": "k"}
    assert temper_headers(headers, "2026-05-15", None)["Aurous-Version"] == "2026-05-15"
    assert temper_headers(headers, "2026-05-15", "Aurous-Version")["Aurous-Version"] == "0"
    assert temper_headers(headers, "2026-05-15", None)["Idempotency-Key"] != "k"
