"""A response of another type than documented fails a rule by a message that says what it is and what it should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from harness.classification import Classified, classify
from harness.client.completion_result import CompletionResult
from harness.client.exchange import Exchange
from harness.client.stream import Transcript
from harness.interpretation import EXPECTED
from harness.results import Outcome
from harness.rules import Level
from rules import billing_math, test_models

MODELS, BALANCE, COMPLETION = "/v1/models", "/v1/balance", "/v1/chat/completions"
RULES_ON_MODELS: list[Callable[[Exchange], None]] = [
    test_models.test_model_row_has_id_and_object,
    test_models.test_model_ids_are_unique,
    test_models.test_model_row_has_a_kind,
    test_models.test_model_catalogue_lists_chat_models,
    test_models.test_model_has_only_the_rates_of_its_kind,
    test_models.test_model_capabilities_are_a_list,
    test_models.test_default_output_is_within_the_hard_cap,
]


def answer(path: str, value: Any, method: str = "GET") -> Exchange:
    headers = {"Content-Type": "application/json"}
    return Exchange(method, f"http://x{path}", status=200, headers=headers, body=json.dumps(value).encode())


def ended(test: Callable[..., object], *arguments: object, recorded: tuple[Exchange, ...] = ()) -> Classified:
    """How a rule ends whose test runs into an unexpected error."""
    with pytest.raises(Exception) as ending:  # noqa: PT011 (any; what becomes of it is tested)
        test(*arguments)
    return classify(ending.value, Level.REQUIRED, setup_failed_before=False, recorded=recorded)


@pytest.mark.parametrize("rows", [["aurous-grow"], [None], [7], 7, {"a": 1}], ids=str)
@pytest.mark.parametrize("test", RULES_ON_MODELS)
def test_rows_that_are_no_objects_are_named(test: Callable[[Exchange], None], rows: Any) -> None:
    catalogue = answer(MODELS, {"object": "list", "data": rows})
    result = ended(test, catalogue)
    place, kind = ("data[0]", "object") if isinstance(rows, list) else ("data", "array")
    value = json.dumps(rows[0] if isinstance(rows, list) else rows, separators=(",", ":"))
    assert result.outcome is Outcome.FAILED
    expected = f'GET /v1/models, 200, does not fit its schema: {place}: {value} is not of type "{kind}" ('
    assert result.actual.startswith(expected)
    assert "Error at rules/test_models.py:" in result.actual
    assert (result.expected, result.exchanges) == (EXPECTED, (catalogue,))


def test_balance_that_is_no_object_is_named() -> None:
    balance = answer(BALANCE, ["credits"])

    class Api:
        def balance(self) -> Exchange:
            return balance

    result = ended(billing_math.require_balance_change, Api(), lambda: 0, recorded=(balance,))
    assert result.actual.startswith(
        'GET /v1/balance, 200, does not fit its schema: the document: ["credits"] is not of'
    )
    assert result.exchanges == (balance,)


def test_other_errors_keep_their_message() -> None:
    result = ended(lambda: {}["x"], recorded=(answer("/elsewhere", 7),))
    assert result.actual.startswith("the response could not be interpreted: KeyError: 'x' (at selftest/")


def test_result_and_its_exchange_are_found_in_the_variables_of_a_test() -> None:
    exchange = answer(COMPLETION, {"choices": [{"message": "hello"}], "id": "cmp_1", "model": "m"}, "POST")

    def read(held: list[CompletionResult]) -> None:
        CompletionResult.of_document(held[0].exchange)

    result = ended(read, [CompletionResult(exchange, "", "", "", None, 1, [], None, None)])
    assert 'choices[0].message: "hello" is not of type "object"' in result.actual


def test_chunk_of_another_type_is_named() -> None:
    body = b'data: {"id": "cmp_1", "choices": [{"index": 0, "delta": "x", "finish_reason": null}]}\n\n'
    headers = {"Content-Type": "text/event-stream"}
    exchange = Exchange("POST", f"http://x{COMPLETION}", status=200, headers=headers, body=body)

    def read(stream: Transcript) -> str:
        return stream.content

    assert 'choices[0].delta: "x" is not of type "object"' in ended(read, Transcript.of(exchange)).actual
