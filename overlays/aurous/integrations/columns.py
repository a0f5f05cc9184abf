"""The columns of a table that hold the answers, their receipts, and the errors of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..batch.results import BatchResult

ANSWER_COLUMNS: Final[Mapping[str, str]] = {
    "text": "string",
    "finish_reason": "string",
    "model": "string",
    "request_id": "string",
    "body": "string",
    "credits": "string",
    "prompt_tokens": "int64",
    "completion_tokens": "int64",
    "reasoning_tokens": "int64",
    "replayed": "bool",
    "error_code": "string",
    "error_message": "string",
    "may_be_charged": "bool",
    "idempotency_key": "string",
}
"""The types of the columns, by name. Credits are text: they are exact, and tables have no type for that in common."""

_MISSING: Final[Mapping[str, Any]] = {"string": None, "int64": 0, "bool": False}


def answer_columns(results: Sequence[BatchResult], prefix: str) -> dict[str, tuple[str, list[Any]]]:
    """The type and the cells of each new column."""
    cells = [_cells(result) for result in results]
    return {
        f"{prefix}{name}": (kind, [row.get(name, _MISSING[kind]) for row in cells])
        for name, kind in ANSWER_COLUMNS.items()
    }


def _cells(result: BatchResult) -> dict[str, Any]:
    """The cells of a row; those that are missing are left out."""
    cells: dict[str, Any] = {"idempotency_key": result.idempotency_key}
    error = result.error_record
    if error is not None:
        cells.update(error_code=error["code"], error_message=error["message"], may_be_charged=result.may_be_charged)
        return cells
    completion, receipt = result.completion, result.receipt
    assert completion is not None
    assert receipt is not None
    cells.update(
        text=result.text,
        finish_reason=str(completion.choices[0].finish_reason) if completion.choices else None,
        model=receipt.model,
        request_id=result.request_id,
        body=result.body_text,
        credits=f"{receipt.credits:f}",
        prompt_tokens=receipt.prompt_tokens,
        completion_tokens=receipt.completion_tokens,
        reasoning_tokens=receipt.reasoning_tokens,
        replayed=receipt.replayed,
    )
    return cells
