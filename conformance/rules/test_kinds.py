"""Rules on completions, answers and receipts, checked on every kind of completion."""

from __future__ import annotations

import pytest
from harness.checks.answers import ANSWER_CHECKS
from harness.checks.check import Check
from harness.checks.documents import DOCUMENT_CHECKS
from harness.checks.receipts import RECEIPT_CHECKS
from harness.client.completion_result import CompletionResult
from harness.client.exchange import Exchange
from harness.rules import CREATE, rule

from .conftest import Cancelled
from .scenarios import DOCUMENTS, Scenarios, as_params, require_clean

# Some rules are on completed ones only, some on cancelled ones.
NOT_OF_COMPLETED = frozenset({"retrieval.error_present"})
OF_CANCELLED_TEXT = frozenset({"receipt.text_counted", "completion.one_choice"})
NOT_OF_CANCELLED = frozenset({"completion.finish_reason", "completion.no_error"})


@rule("completion.status_code", page=CREATE, sentence="Creating a completion answers 200.")
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_create_answers_200(scenarios: Scenarios, kind: str) -> None:
    scenarios.document(kind)


@pytest.mark.parametrize("check", as_params(check for check in DOCUMENT_CHECKS if check.id not in NOT_OF_COMPLETED))
def test_completion_document_is_well_formed(
    scenarios: Scenarios, successes: dict[str, Exchange], check: Check[Exchange]
) -> None:
    kinds = {"create, replayed": "replayed", "retrieve": "retrieved"}
    others = {name: successes[made] for made, name in kinds.items()}
    require_clean(check, {kind: (made, made) for kind, made in {**scenarios.documents(), **others}.items()})


@pytest.mark.parametrize("check", as_params(check for check in DOCUMENT_CHECKS if check.id not in NOT_OF_CANCELLED))
def test_cancelled_completion_document_is_well_formed(cancelled: Cancelled, check: Check[Exchange]) -> None:
    record = cancelled.record.expect(200)
    require_clean(check, {"cancelled": (record, record)})


@pytest.mark.parametrize("check", as_params(RECEIPT_CHECKS))
def test_receipt_of_each_kind_is_correct(scenarios: Scenarios, check: Check[CompletionResult]) -> None:
    require_clean(check, {kind: (result, result.exchange) for kind, result in scenarios.results().items()})


@pytest.mark.parametrize("check", as_params(ANSWER_CHECKS))
def test_answer_of_each_kind_is_correct(scenarios: Scenarios, check: Check[CompletionResult]) -> None:
    require_clean(check, {kind: (result, result.exchange) for kind, result in scenarios.results().items()})


@pytest.mark.parametrize(
    "check", as_params([*RECEIPT_CHECKS, *(check for check in ANSWER_CHECKS if check.id in OF_CANCELLED_TEXT)])
)
def test_result_of_a_cancelled_stream_is_correct(cancelled: Cancelled, check: Check[CompletionResult]) -> None:
    record = cancelled.record.expect(200)
    require_clean(check, {"cancelled": (CompletionResult.of_document(record), record)})
