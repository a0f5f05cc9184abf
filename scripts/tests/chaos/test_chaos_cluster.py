"""That each check of a run on a cluster can fail, and what the command says without Ray."""

from __future__ import annotations

import importlib.util
from decimal import Decimal
from typing import Any

import chaos
import pytest
from resilience.cluster import cluster_run
from resilience.cluster.cluster_run import Outcome


def row(number: int, **changes: Any) -> dict[str, Any]:
    cells = {"custom_id": str(number), "aurous_idempotency_key": f"key-{number}", "aurous_credits": "0.5"}
    return {**cells, "aurous_replayed": False, "aurous_error_code": None, **changes}


def charge(number: int, amount: str = "0.5") -> dict[str, Any]:
    return {"idempotency_key": f"key-{number}", "credits_charged": Decimal(amount)}


GOOD: dict[str, Any] = {
    "rows": [row(1), row(2)],
    "charges": [charge(1), charge(2)],
    "spent": Decimal(1),
    "seconds": 1.0,
    "killed": 8,
    "log": "",
}
ENDED, KILLED = "the job ended without an error", "one of the nodes was killed (-9) halfway"
ANSWERED, TWICE, CHARGED = (
    "every row has one answer",
    "no row was charged twice",
    "each row was charged, and nothing else",
)
LEDGER, BALANCE = "the receipts add up to the server's ledger", "the balance was lowered by as much"
FAILED = row(2, aurous_error_code="BudgetExceededError", aurous_credits=None)


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, set()),
        ({"log": "Traceback"}, {ENDED}),
        ({"killed": 0}, {KILLED}),
        ({"rows": [row(1)]}, {ANSWERED, CHARGED, LEDGER}),
        ({"rows": [row(1), row(2), row(2)]}, {ANSWERED, LEDGER}),
        ({"rows": [row(1), FAILED]}, {ANSWERED, CHARGED, LEDGER}),
        ({"charges": [charge(1), charge(2), charge(2)]}, {TWICE, CHARGED, LEDGER, BALANCE}),
        ({"charges": [charge(1)]}, {CHARGED, LEDGER, BALANCE}),
        ({"charges": [charge(1), charge(2, "0.6")]}, {LEDGER, BALANCE}),
        ({"spent": Decimal("1.5")}, {BALANCE}),
    ],
)
def test_what_is_wrong_with_the_rows_fails_its_check(changes: dict[str, Any], failed: set[str]) -> None:
    report = cluster_run.evaluate(2, Outcome(**{**GOOD, **changes}))
    assert {check.claim for check in report.checks if not check.passed} == failed


def test_command_names_the_session_where_ray_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else real(name))
    monkeypatch.setattr(chaos, "enter", lambda: None)
    assert chaos.main(["cluster"]) == 2
    assert "nox -s cluster" in capsys.readouterr().err


def test_cluster_runs_only_when_it_is_named() -> None:
    assert chaos.parse_arguments([]).parts == list(chaos.PARTS)
    assert chaos.parse_arguments(["cluster", "batch"]).parts == ["batch", "cluster"]
