"""Streams from the mock server, by both clients: what is read, assembled and charged, and what one leaves behind."""

from __future__ import annotations

import contextlib
import copy
import pickle
from typing import Any

import aurous
import pytest
from aurous import errors
from aurous_mock.server.launcher import Mock
from clientkit.callers import Caller, Make
from clientkit.request_members import named
from clientkit.streams import (
    FAULT,
    IMPATIENT,
    SHORT,
    SLOW,
    WEATHER,
    Ends,
    Stream,
    charged,
    connections,
    in_use,
    retrieve,
)
from testkit.raw_server import RawServer
from testkit.streams import TEXT, WHOLE, sends


@pytest.fixture
def caller(live: Make, mock: Mock) -> Caller:
    return live(mock.url)


class TestCompleteStreams:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            named(max_tokens=3),
            {"logprobs": True, "top_logprobs": 2},
            {"tools": [WEATHER]},
            {"response_format": {"type": "json_object"}},
            {"stream_options": {"include_usage": True}},
        ],
    )
    def test_streamed_completion_equals_the_retrieved_one(
        self, mock: Mock, caller: Caller, options: dict[str, Any]
    ) -> None:
        with Stream(caller, **options) as stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        record = retrieve(caller, stream.id)
        assert stream.completion.to_dict() == record.to_dict()
        assert text == (record.choices[0].message.content or "")
        assert stream.completion is stream.completion
        assert (stream.end, stream.finish_reason) == ("finished", record.choices[0].finish_reason)
        assert stream.usage == record.usage
        assert stream.receipt == aurous.receipt(record) == aurous.receipt(stream.completion)
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock)

    def test_functions_for_results_take_streams(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, extra_headers=SLOW) as stream:
            next(iter(stream))
            assert aurous.response_info(stream.made) == stream.response_info
            with pytest.raises(TypeError, match="has no usage, so there is no receipt"):
                aurous.receipt(stream.made)
            stream.cancel()
        assert aurous.receipt(stream.made) == stream.receipt
        with Stream(caller, **SHORT) as whole:
            list(whole)
        assert aurous.receipt(whole.made) == whole.receipt
        assert stream.receipt.credits + whole.receipt.credits == charged(mock)

    def test_every_chunk_has_one_choice(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            chunks = list(stream)
        assert {len(chunk.choices) for chunk in chunks} == {1}
        assert chunks[0].choices[0].delta.role == "assistant"
        assert {chunk.id for chunk in chunks} == {stream.id}

    def test_snapshot_grows_with_every_chunk(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            received = ""
            assert (stream.id, stream.usage, stream.receipt, stream.finish_reason) == (None, None, None, None)
            for chunk in stream:
                received += chunk.choices[0].delta.content or ""
                assert stream.snapshot.text == received
                assert stream.end is None
            assert stream.completion.choices[0].message.content == received

    def test_text_iterates_over_the_text(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            pieces = list(stream.text)
        assert all(pieces)
        assert "".join(pieces) == stream.completion.choices[0].message.content

    def test_stream_has_response_info(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            info = stream.response_info
            list(stream)
        assert (info.status_code, info.api_version, info.idempotency_key) == (200, aurous.API_VERSION, None)
        assert info.request_id.startswith("req_")
        assert len(info.attempts) == 1
        assert stream.warnings == ()
        assert aurous.response_info(stream.completion) == info

    def test_exhausted_stream_without_with_releases_its_connection(self, caller: Caller) -> None:
        stream = Stream(caller)
        text = "".join(stream.text)
        assert text == stream.completion.choices[0].message.content
        assert in_use(caller) == []

    def test_stream_without_usage_has_a_completion_without_it_until_recovered(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, stream_options={"include_usage": False}) as stream:
            list(stream)
        assert (stream.end, stream.usage, stream.receipt) == ("finished", None, None)
        assert stream.snapshot.choice.message.content
        assert isinstance(stream.completion, aurous.CompletionWithoutUsage)
        assert stream.completion.usage is None
        assert stream.completion.choices == [stream.snapshot.choice]
        assert aurous.response_info(stream.completion) == stream.response_info
        assert caller.client.ledger.unsettled == (stream.id,)
        recovery = stream.recover()
        assert (recovery.outcome, recovery.rest) == ("completed", "")
        assert stream.completion == recovery.completion
        assert caller.client.ledger.credits == charged(mock) > 0
        assert caller.client.ledger.unsettled == ()

    def test_streams_in_a_row_use_one_connection(self, mock: Mock, caller: Caller) -> None:
        ids = set()
        for _ in range(5):
            with Stream(caller) as stream:
                list(stream)
            (connection,) = connections(caller)
            ids.add(id(connection))
        assert len(ids) == 1
        assert len(mock.ledger()) == 5

    def test_stream_left_at_the_last_chunk_is_finished(self, mock: Mock, caller: Caller) -> None:
        for _ in range(2):
            with Stream(caller) as stream:
                for chunk in stream:
                    if chunk.choices[0].finish_reason:
                        break
            assert stream.end == "finished"
            assert stream.completion.to_dict() == retrieve(caller, stream.id).to_dict()
        assert len(connections(caller)) == 1
        assert caller.client.ledger.credits == charged(mock)

    def test_second_iteration_gives_nothing(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            assert list(stream)
            assert list(stream) == []
            assert list(stream.text) == []
        assert list(stream) == []

    def test_iteration_continues_where_the_last_loop_stopped(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            first = [next(iter(stream.text)), next(iter(stream.text))]
            rest = list(stream.text)
        assert "".join(first + rest) == stream.completion.choices[0].message.content


class TestEarlyClose:
    def test_early_close_disconnects(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, extra_headers=SLOW) as stream:
            for _ in stream.text:
                break
        assert (stream.end, stream.receipt) == ("left", None)
        assert connections(caller) == []
        with pytest.raises(errors.AurousError, match="closed before its end"):
            next(iter(stream))
        with pytest.raises(errors.AurousError, match="not come to its end"):
            _ = stream.completion
        recovery = stream.recover()
        assert (recovery.outcome, recovery.agrees) == ("cancelled", True)
        assert recovery.completion.to_dict()["error"]["code"] == "cancelled_client_disconnect"
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock) > 0

    def test_early_close_cancels_by_policy(self, mock: Mock, caller: Caller) -> None:
        caller.client = caller.client.with_options(streams=aurous.StreamPolicy(on_early_close="cancel"))
        with Stream(caller, extra_headers=SLOW) as stream:
            for _ in stream.text:
                break
        assert stream.end == "left"
        assert (stream.completion.status, stream.finish_reason) == ("cancelled", "cancelled")
        assert stream.completion.error.code == "cancelled_by_request"
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock) > 0
        assert in_use(caller) == []

    def test_cancel_ends_the_stream_with_its_record(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, extra_headers=SLOW) as stream:
            records = [stream.cancel() for _ in stream.text]
        (cancelled,) = records
        assert (stream.end, cancelled.status) == ("left", "cancelled")
        assert stream.completion is cancelled
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock) > 0
        assert stream.cancel().id == cancelled.id
        assert caller.client.ledger.credits == charged(mock)
        assert in_use(caller) == []

    def test_stream_left_after_everything_arrived_is_charged_as_on_the_server(self, mock: Mock, caller: Caller) -> None:
        """The rest may have come in the same piece as what the caller stopped at."""
        with Stream(caller, **SHORT) as stream:
            for _ in stream:
                break
        if stream.end == "finished":
            assert stream.completion.to_dict() == retrieve(caller, stream.id).to_dict()
        else:
            stream.recover()
        assert caller.client.ledger.credits == charged(mock)

    @pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)])
    def test_exception_of_the_caller_closes_the_stream(self, caller: Caller, error: BaseException) -> None:
        ends = Ends()
        caller.client = caller.client.with_options(hooks=[ends])
        stream = Stream(caller, extra_headers=SLOW)
        with pytest.raises(type(error)), stream:
            raise (next(iter(stream)), error)[1]
        assert stream.end == "left"
        assert connections(caller) == []
        assert ends.reports == [(None, error)]

    def test_stream_closed_before_opening_sends_nothing(self, mock: Mock, caller: Caller) -> None:
        stream = Stream(caller)
        stream.close()
        with pytest.raises(errors.AurousError, match="closed before it was opened"):
            list(stream)
        with pytest.raises(errors.AurousError, match="no id"):
            stream.cancel()
        for name in ("snapshot", "response_info"):
            with pytest.raises(errors.AurousError, match="not open yet"):
                getattr(stream, name)
        assert mock.ledger() == []

    def test_cancel_before_the_first_chunk_raises(self, caller: Caller) -> None:
        stream = Stream(caller, extra_headers={FAULT: "stall=0"})
        with stream, pytest.raises(errors.AurousError, match="there is no chunk yet"):
            stream.cancel()
        assert stream.end == "left"
        assert connections(caller) == []

    def test_closing_the_client_ends_its_streams(self, caller: Caller) -> None:
        stream = Stream(caller, extra_headers=SLOW)
        with contextlib.suppress(errors.AurousError), stream:
            for _ in stream:
                caller.run(lambda client: client.close())
        assert stream.end in ("cut", "left")
        with pytest.raises(errors.AurousError, match="closed"):
            list(Stream(caller))


class TestHooks:
    @pytest.mark.parametrize(
        "fault", ["latency=0", "reset=2", "stall=2", "end=2", "error-frame=2", "malformed=2", "reset=before"]
    )
    @pytest.mark.parametrize("on_disconnect", ["raise", "recover"])
    def test_hooks_receive_the_end_once(self, caller: Caller, fault: str, on_disconnect: Any) -> None:
        ends, policy = Ends(), aurous.StreamPolicy(on_disconnect=on_disconnect)
        caller.client = caller.client.with_options(hooks=[ends], streams=policy, timeout=IMPATIENT)
        stream, error = Stream(caller, **SHORT, extra_headers={FAULT: fault}), None
        try:
            with stream:
                list(stream)
        except errors.AurousError as caught:
            error = caught
        stream.close()
        ((result, reported),) = ends.reports
        assert reported is error
        assert (result is None) == (error is not None)

    def test_hooks_receive_the_completion(self, caller: Caller) -> None:
        ends = Ends()
        caller.client = caller.client.with_options(hooks=[ends])
        with Stream(caller) as stream:
            list(stream)
        assert ends.reports == [(stream.completion, None)]

    def test_hooks_receive_no_result_of_an_abandoned_stream(self, caller: Caller) -> None:
        ends = Ends()
        caller.client = caller.client.with_options(hooks=[ends])
        with Stream(caller, extra_headers=SLOW) as stream:
            next(iter(stream))
        stream.recover()
        assert ends.reports == [(None, None)]


class TestBilling:
    def test_stream_counts_towards_the_budget(self, mock: Mock, caller: Caller) -> None:
        with caller.client.budget("0.0001") as budget:
            with Stream(caller, **SHORT) as stream:
                list(stream)
            with pytest.raises(errors.BudgetExceededError), Stream(caller):
                pass
        assert budget.spent == stream.receipt.credits == charged(mock)

    def test_stream_is_charged_to_the_budget_it_was_opened_in(self, mock: Mock, caller: Caller) -> None:
        stream = Stream(caller, extra_headers=SLOW)
        with caller.client.budget("1") as budget:
            stream.call("__enter__", "__aenter__")
        next(iter(stream))
        stream.close()
        assert budget.spent == 0
        stream.recover()
        stream.recover()
        retrieve(caller, stream.id)
        assert budget.spent == charged(mock) > 0

    def test_ledger_agrees_with_the_server_after_all_endings(self, mock: Mock, caller: Caller) -> None:
        caller.client = caller.client.with_options(
            streams=aurous.StreamPolicy(on_early_close="cancel", on_disconnect="recover")
        )
        for fault in ("latency=0", "reset=2", "truncate=3", "end=1", "reset=3; unnoticed", "error-frame=2", "pace=20"):
            stream = Stream(caller, extra_headers={FAULT: fault})
            with contextlib.suppress(errors.AurousError), stream:
                for number, _ in enumerate(stream):
                    if number == 3:
                        break
            if stream.receipt is None:
                stream.recover()
        assert caller.client.ledger.credits == charged(mock)
        assert caller.client.ledger.unsettled == ()


def test_stream_cannot_be_copied(make: Make, wire: RawServer) -> None:
    wire.plays(sends(*WHOLE))
    with Stream(make(wire.url)) as stream:
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="a stream holds a connection, and cannot be copied or pickled"):
                copied(stream.made)
        assert "".join(stream.text) == TEXT
    assert pickle.loads(pickle.dumps(stream.completion)) == stream.completion
