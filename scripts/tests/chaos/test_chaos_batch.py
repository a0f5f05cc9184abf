"""A small batch on a failing network, and that each of its checks can fail."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from resilience.chaos import batch_run
from resilience.chaos.batch_run import BatchConfig, BatchRun


@pytest.mark.slow
def test_batch_is_charged_once_while_client_and_server_are_killed() -> None:
    report = asyncio.run(batch_run.run(BatchConfig(count=60, seed=4, kills=1, timeout=1.0)))
    assert report.passed, report.as_text()
    assert report.figures["kills (-9)"] == {"client": 1, "server": 1}
    assert report.figures["exchanges with a fault"] > 0


def record(number: int, **changes: Any) -> dict[str, Any]:
    own = {
        "line": number,
        "job": "j",
        "idempotency_key": str(UUID(int=number)),
        "sent_at": 1.0,
        "receipt": {"credits": "0.5", "replayed": False},
    }
    return {"id": f"batch_req_{number}", "custom_id": f"line-{number}", "error": None, "aurous": own, **changes}


def charge(number: int, amount: str = "0.5") -> dict[str, Any]:
    return {"idempotency_key": str(UUID(int=number)), "credits_charged": Decimal(amount)}


ERROR = {"code": "x", "message": "x"}
ANSWERED, LEDGER = "every line has one answer", "the receipts add up to the server's ledger"
TWICE, CHARGED = "no line was charged twice", "each line was charged, and nothing else"


@pytest.mark.parametrize(
    ("records", "charges", "failed"),
    [
        ([record(1), record(2)], [charge(1), charge(2)], set()),
        ([record(1)], [charge(1)], {ANSWERED}),
        ([record(1), record(1)], [charge(1)], {ANSWERED}),
        ([record(1), record(2, error=ERROR)], [charge(1)], {ANSWERED}),
        ([record(1), record(2)], [charge(1), charge(2), charge(2)], {TWICE, LEDGER}),
        ([record(1), record(2)], [charge(1)], {CHARGED, LEDGER}),
        ([record(1), record(2)], [charge(1), charge(2, "0.6")], {LEDGER}),
    ],
)
def test_what_is_wrong_with_a_batch_fails_its_check(
    records: list[Any], charges: list[Any], failed: set[str], tmp_path: Path
) -> None:
    (tmp_path / "answers.jsonl").write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in records))
    report = BatchRun(BatchConfig(count=2, kills=0), tmp_path, lambda _: None).evaluate(1.0, charges)
    assert {check.claim for check in report.checks if not check.passed} == failed
