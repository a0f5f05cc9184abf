"""The model that a run uses: the cheapest of those listed, whatever else a list has in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.client.exchange import Exchange
from harness.client.model_choice import cheapest
from harness.client.spend_limit import Rates
from harness.violations import RuleViolation


def listed(data: Any) -> Exchange:
    headers = {"Content-Type": "application/json"}
    return Exchange("GET", "http://h/v1/models", status=200, headers=headers, body=json.dumps({"data": data}).encode())


def priced(slug: Any, rate: Any, **members: Any) -> dict[str, Any]:
    pricing = {"input": {"credits_per_M": rate}, "output": {"credits_per_M": rate}}
    return {"id": slug, "kind": "chat", "chat_pricing": pricing, **members}


def test_cheapest_chat_model_is_used_wherever_it_states_kind_and_rates() -> None:
    metadata = {"kind": "chat", "chat_pricing": priced("", 1)["chat_pricing"]}
    rows = [priced("dear", 9), {"id": "cheap", "aurous_metadata": metadata}, priced("picture", 0, kind="image")]
    assert cheapest(listed(rows)) == ("cheap", Rates(1, 1), metadata)


@pytest.mark.parametrize("rate", [-1, "many", None, float("nan"), float("inf")])
def test_rate_that_cannot_be_one_counts_as_the_documented_one(rate: Any) -> None:
    assert cheapest(listed([priced("m", rate)])) == ("m", Rates(), {})


def test_rows_that_are_no_models_are_passed_over() -> None:
    rows = [1, None, [], priced(5, 0), priced(None, 0), priced("m", 9, aurous_metadata="none")]
    assert cheapest(listed(rows)) == ("m", Rates(9, 9), {})


@pytest.mark.parametrize("data", [[], {}, "m", 1, [None], [priced(5, 1)]])
def test_list_without_a_chat_model_is_a_violation(data: Any) -> None:
    with pytest.raises(RuleViolation, match="list"):
        cheapest(listed(data))
