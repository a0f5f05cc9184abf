"""Receipts to the digit, their sums, and the ledger."""

from __future__ import annotations

import decimal
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import aurous
import pytest
from attrs import evolve
from aurous.billing.ledger import Ledger
from aurous.billing.receipts import Receipt, parse_decimal, read_receipt
from aurous_client.models import ChatCompletion
from aurous_mock.server.launcher import Mock
from clientkit.callers import Make
from hypothesis import given
from hypothesis import strategies as st
from testkit.raw_server import RawServer
from testkit.responses import MODEL, answer, completion

USAGE = completion()["usage"]


def of(**changes: Any) -> Receipt:
    return evolve(read_receipt("cmp_1", json.loads(json.dumps(USAGE), parse_float=parse_decimal)), **changes)


def numbered(number: int, **changes: Any) -> Receipt:
    return of(completion_id=f"cmp_{number}", **changes)


class TestReceipt:
    def test_receipt_keeps_the_digits_of_the_wire(self, wire: RawServer, make: Make) -> None:
        body = json.dumps(completion()).replace("0.2856", "0.28560000000000000001").replace("0.27", "2.7e-1")
        wire.plays(answer(200, body.encode()))
        result = make(wire.url).create()
        entry = aurous.receipt(result)
        assert entry.credits == Decimal("0.28560000000000000001")
        assert str(entry.credits) == "0.28560000000000000001"
        assert (entry.input_credits, entry.output_credits) == (Decimal("0.0006"), Decimal("0.27"))
        assert entry.reasoning_credits == Decimal("0.015")
        assert (entry.completion_id, entry.model, entry.pricing_version) == ("cmp_01HXMQ7Z3K8Y2ABCDEFGHJKM", MODEL, 7)
        assert (entry.prompt_tokens, entry.completion_tokens, entry.reasoning_tokens) == (200, 600, 50)
        assert (entry.total_tokens, entry.replayed, entry.warnings) == (850, False, ())

    def test_receipt_of_object_without_response_has_the_digits_of_its_floats(self) -> None:
        result = ChatCompletion.from_dict(completion())
        assert aurous.receipt(result).credits == Decimal("0.2856")
        assert aurous.receipt(pickle.loads(pickle.dumps(result))) == aurous.receipt(result)

    def test_receipt_of_result_without_usage_raises_type_error(self, wire: RawServer, make: Make) -> None:
        wire.plays(answer(200, {"object": "list", "data": []}))
        with pytest.raises(TypeError, match="ModelList has no usage"):
            aurous.receipt(make(wire.url).run(lambda client: client.models.list()))

    @pytest.mark.parametrize(
        ("changes", "messages"),
        [
            ({"total_tokens": 800}, ["total_tokens is 800, its parts are 850"]),
            ({"credits_charged": 0.3}, ["credits_charged is 0.3, its parts are 0.2856"]),
            ({"credits_charged": 0.28565}, []),
            ({"credits_charged": 0.2858}, ["credits_charged is 0.2858, its parts are 0.2856"]),
            (
                {"credits_charged": -1},
                ["credits_charged is -1, its parts are 0.2856", "a figure in credits is negative"],
            ),
            (
                {"prompt_tokens": -200},
                ["total_tokens is 850, its parts are 450", "a number of tokens is negative"],
            ),
        ],
    )
    def test_receipt_that_does_not_add_up_warns_without_failing_the_call(
        self, changes: dict[str, Any], messages: list[str], wire: RawServer, make: Make
    ) -> None:
        wire.plays(answer(200, completion(**changes)))
        entry = aurous.receipt(make(wire.url).create())
        assert [str(warning) for warning in entry.warnings] == messages
        assert all(isinstance(warning, aurous.ReceiptWarning) for warning in entry.warnings)

    def test_receipt_ignores_the_programs_decimal_context(self) -> None:
        with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact, decimal.FloatOperation])):
            entry = of(credits=Decimal("0.1234567890123456789"))
            ledger = Ledger()
            for number in range(3):
                ledger.settle(evolve(entry, completion_id=str(number)), created=True)
            assert str(ledger.credits) == "0.3703703670370370367"
            assert read_receipt("", USAGE).warnings == ()

    @pytest.mark.parametrize(
        "written", ["1e400", "1E+999999999", "1e99999999999999999999999", "1e-99999999", "-0.0", "0e5", "1" * 60 + ".5"]
    )
    def test_receipt_survives_impossible_numbers(self, written: str) -> None:
        usage = json.loads(f'{{"credits_charged": {written}, "total_tokens": {written}}}', parse_float=parse_decimal)
        assert read_receipt("cmp_1", usage).credits in (0, Decimal(written) if len(written) < 9 else 0)

    @given(st.dictionaries(st.sampled_from([*USAGE, "breakdown"]), st.none() | st.integers() | st.floats() | st.text()))
    def test_receipt_is_read_from_any_json(self, usage: dict[str, Any]) -> None:
        assert isinstance(read_receipt("cmp_1", usage).credits, Decimal)

    @given(st.decimals(0, 10**9, places=12))
    def test_receipt_digits_survive_any_spelling(self, credits: Decimal) -> None:
        usage = json.loads(f'{{"credits_charged": {credits:f}}}', parse_float=parse_decimal)
        assert read_receipt("cmp_1", usage).credits == credits


class TestLedger:
    def test_ledger_adds_up_by_model(self) -> None:
        ledger = Ledger()
        for number in range(3):
            ledger.settle(numbered(number), created=True)
        ledger.settle(numbered(9, model="another", pricing_version=8), created=True)
        assert ledger.credits == Decimal("1.1424")
        line = ledger.by_model[MODEL]
        assert (line.calls, line.credits, line.replays) == (3, Decimal("0.8568"), 0)
        assert (line.prompt_tokens, line.completion_tokens, line.reasoning_tokens) == (600, 1800, 150)
        assert line.pricing_versions == {7}
        assert ledger.by_model["another"].pricing_versions == {8}

    def test_ledger_counts_a_completion_once(self) -> None:
        ledger = Ledger()
        for _ in range(3):
            ledger.settle(of(), created=True)
        assert ledger.by_model[MODEL].calls == 1

    def test_ledger_charges_no_replay(self) -> None:
        ledger = Ledger()
        for _ in range(2):
            ledger.settle(of(replayed=True), created=True)
        line = ledger.by_model[MODEL]
        assert (line.calls, line.replays) == (0, 2)
        assert ledger.credits == 0

    def test_ledger_enters_retrieved_completion_only_if_this_client_started_it(self) -> None:
        ledger = Ledger()
        ledger.settle(numbered(1), created=False)
        assert ledger.credits == 0
        ledger.begin("cmp_2")
        ledger.begin("cmp_2")
        assert list(ledger.unsettled) == ["cmp_2"]
        for _ in range(2):
            ledger.settle(numbered(2), created=False)
        assert (ledger.by_model[MODEL].calls, len(ledger.unsettled)) == (1, 0)
        ledger.begin("cmp_2")
        assert not ledger.unsettled

    def test_ledger_is_exact_under_threads(self) -> None:
        ledger = Ledger()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: ledger.settle(numbered(number % 1000), created=True), range(4000)))
        assert (ledger.by_model[MODEL].calls, ledger.credits) == (1000, Decimal("285.6"))

    def test_ledger_memory_does_not_grow_with_calls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("aurous.billing.ledger.MAX_REMEMBERED", 100)
        ledger = Ledger()
        for number in range(210):
            ledger.begin(f"cmp_{number}")
            ledger.settle(numbered(number), created=True)
        assert ledger.unsettled == ()
        assert ledger.by_model[MODEL].calls == 210
        # A known one is not counted again; the oldest are no longer known.
        ledger.settle(numbered(209), created=True)
        ledger.settle(numbered(110), created=True)
        assert ledger.by_model[MODEL].calls == 210
        ledger.settle(numbered(109), created=True)
        assert ledger.by_model[MODEL].calls == 211

    def test_ledger_forgets_no_unsettled_completion(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("aurous.billing.ledger.MAX_REMEMBERED", 100)
        ledger = Ledger()
        budget = ledger.budget("5")
        limited = ledger.limited_by(budget)
        limited.begin("cmp_0", held=Decimal(3))
        for number in range(1, 250):
            assert bool(caplog.messages) == (number >= 100)
            limited.begin(f"cmp_{number}")
        # What its budget holds for the first is released with its charge.
        limited.settle(numbered(0), created=False)
        assert (budget.spent, ledger.credits) == (numbered(0).credits, numbered(0).credits)
        assert ledger.unsettled == tuple(f"cmp_{number}" for number in range(1, 250))
        [warning] = caplog.messages
        assert "100 completions are unknown" in warning
        assert "client.ledger.unsettled" in warning

    def test_client_ledger_counts_creates_and_streams_but_no_retrievals(self, mock: Mock, make: Make) -> None:
        caller = make(mock.url)
        created = caller.create()
        caller.stream()
        caller.run(lambda client: client.chat.completions.retrieve(created.id))
        caller.run(lambda client: client.balance.retrieve())
        caller.create(idempotency_key="mine")
        caller.create(idempotency_key="mine")
        line = caller.client.ledger.by_model[MODEL]
        assert (line.calls, line.replays) == (3, 1)
        assert float(line.credits) == pytest.approx(sum(row["credits_charged"] for row in mock.ledger()))

    def test_ledger_counts_charged_response_that_could_not_be_parsed(self, wire: RawServer, make: Make) -> None:
        wire.plays(answer(200, {**completion(), "choices": None}))
        caller = make(wire.url)
        for _ in range(2):
            with pytest.raises(aurous.APIResponseValidationError):
                caller.create()
        assert caller.client.ledger.credits == Decimal("0.5712")
        wire.plays(answer(200, {**completion(), "id": "cmp_2", "usage": {"credits_charged": "much"}}))
        with pytest.raises(aurous.APIResponseValidationError):
            caller.create()
        assert caller.client.ledger.credits == Decimal("0.5712")

    def test_ledger_charges_replay_of_lost_attempt(self, mock: Mock, make: Make) -> None:
        caller = make(mock.url)
        mock.fault("reset=after", method="POST")
        result = caller.create()
        assert aurous.response_info(result).idempotent_replayed
        assert not aurous.receipt(result).replayed
        [charge] = mock.ledger()
        assert float(caller.client.ledger.credits) == charge["credits_charged"]
        assert caller.client.ledger.by_model[MODEL].calls == 1

    def test_ledger_charges_replay_of_duplicate_delivery(self, wire: RawServer, make: Make) -> None:
        wire.plays(answer(200, completion(), headers={"Aurous-Idempotent-Replayed": "true"}))
        caller = make(wire.url)
        result = caller.create()
        assert aurous.response_info(result).idempotent_replayed
        assert not aurous.receipt(result).replayed
        assert caller.client.ledger.by_model[MODEL].calls == 1
        # Under a key of the caller's own, an earlier call may as well have paid.
        assert aurous.receipt(caller.create(idempotency_key="mine")).replayed

    def test_ledger_leaves_running_completion_unsettled(self, wire: RawServer, make: Make) -> None:
        caller = make(wire.url)
        record = {**completion(), "status": "in_progress"}
        caller.client.ledger.begin(record["id"])
        wire.plays(answer(200, record), answer(200, {**completion(credits_charged=0.5), "status": "cancelled"}))
        caller.run(lambda client: client.chat.completions.retrieve(record["id"]))
        assert (caller.client.ledger.credits, caller.client.ledger.unsettled) == (Decimal(0), (record["id"],))
        caller.run(lambda client: client.chat.completions.retrieve(record["id"]))
        assert (caller.client.ledger.credits, caller.client.ledger.unsettled) == (Decimal("0.5"), ())
