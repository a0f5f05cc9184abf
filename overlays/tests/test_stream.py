"""Streams from the mock server, by both clients: what is read, what is assembled, what is charged, and what is left."""

from __future__ import annotations

import contextlib
import gc
import json
import pickle
import weakref
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import aurous
import pytest
from aurous import errors
from aurous.chunks import IncompleteCompletionError
from aurous_mock.launcher import Mock
from streamkit import FAULT, Stream, callers, connections, in_use
from wirekit import Caller

Make = Callable[..., Caller]

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
# Of this request to the mock: the role, four tokens, the end.
SHORT = {"max_tokens": 4}
FRAMES = 6
SLOW = {FAULT: "pace=20"}
# Long enough for a busy machine to answer in, short enough to be waited for in a test.
IMPATIENT = aurous.Timeouts(first_event=0.4, idle=0.4)


@pytest.fixture
def caller(kind: str, mock: Mock) -> Iterator[Caller]:
    with callers(kind) as make:
        yield make(mock.url)


def retrieve(caller: Caller, completion_id: str) -> aurous.models.ChatCompletion:
    found: aurous.models.ChatCompletion = caller.run(lambda client: client.chat.completions.retrieve(completion_id))
    return found


def charged(mock: Mock) -> Decimal:
    return sum((Decimal(str(line["credits_charged"])) for line in mock.ledger()), Decimal(0))


@pytest.mark.parametrize("fault", ["truncate=3", "reset=3", "end=3"])
def test_a_stream_that_broke_off_is_gone_with_one_collection(caller: Caller, fault: str) -> None:
    with pytest.raises(aurous.StreamInterruptedError), Stream(caller, extra_headers={FAULT: fault}) as stream:
        list(stream)
    gone = weakref.ref(stream.made._flow), weakref.ref(stream.made._flow.body)
    gc.disable()
    try:
        # Its error leads to it, and it to its error.
        del stream
        gc.collect()
        assert [each() for each in gone] == [None, None]
    finally:
        gc.enable()


class TestWhole:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"max_tokens": 3},
            {"logprobs": True, "top_logprobs": 2},
            {"tools": [WEATHER]},
            {"response_format": {"type": "json_object"}},
            {"stream_options": {"include_usage": True}},
        ],
    )
    def test_is_what_is_retrieved(self, mock: Mock, caller: Caller, options: dict[str, Any]) -> None:
        with Stream(caller, **options) as stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        found = retrieve(caller, stream.id)
        assert stream.completion.to_dict() == found.to_dict()
        assert text == (found.choices[0].message.content or "")
        assert stream.completion is stream.completion
        assert (stream.end, stream.finish_reason) == ("finished", found.choices[0].finish_reason)
        assert stream.usage == found.usage
        assert stream.receipt == aurous.receipt(found) == aurous.receipt(stream.completion)
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock)

    def test_has_one_choice_in_every_chunk(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            chunks = list(stream)
        assert {len(chunk.choices) for chunk in chunks} == {1}
        assert chunks[0].choices[0].delta.role == "assistant"
        assert {chunk.id for chunk in chunks} == {stream.id}

    def test_grows(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            seen = ""
            assert (stream.id, stream.usage, stream.receipt, stream.finish_reason) == (None, None, None, None)
            for chunk in stream:
                seen += chunk.choices[0].delta.content or ""
                assert stream.snapshot.text == seen
                assert stream.end is None
            assert stream.completion.choices[0].message.content == seen

    def test_has_text(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            pieces = list(stream.text)
        assert all(pieces)
        assert "".join(pieces) == stream.completion.choices[0].message.content

    def test_tells_what_it_came_with(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            info = stream.response_info
            list(stream)
        assert (info.status_code, info.api_version, info.idempotency_key) == (200, aurous.API_VERSION, None)
        assert info.request_id.startswith("req_")
        assert len(info.attempts) == 1
        assert stream.warnings == ()
        assert aurous.response_info(stream.completion) == info

    def test_needs_no_with(self, caller: Caller) -> None:
        stream = Stream(caller)
        text = "".join(stream.text)
        assert text == stream.completion.choices[0].message.content
        assert in_use(caller) == []

    def test_without_usage_is_no_completion_until_it_is_recovered(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, stream_options={"include_usage": False}) as stream:
            list(stream)
        assert (stream.end, stream.usage, stream.receipt) == ("finished", None, None)
        assert stream.snapshot.choice.message.content
        with pytest.raises(IncompleteCompletionError):
            _ = stream.completion
        assert caller.client.ledger.unsettled == (stream.id,)
        found = stream.recover()
        assert (found.outcome, found.rest) == ("completed", "")
        assert stream.completion == found.completion
        assert caller.client.ledger.credits == charged(mock) > 0
        assert caller.client.ledger.unsettled == ()

    def test_five_in_a_row_use_one_connection(self, mock: Mock, caller: Caller) -> None:
        made = set()
        for _ in range(5):
            with Stream(caller) as stream:
                list(stream)
            (connection,) = connections(caller)
            made.add(id(connection))
        assert len(made) == 1
        assert len(mock.ledger()) == 5

    def test_is_closed_where_the_caller_stops_at_the_last_chunk(self, mock: Mock, caller: Caller) -> None:
        for _ in range(2):
            with Stream(caller) as stream:
                for chunk in stream:
                    if chunk.choices[0].finish_reason:
                        break
            assert stream.end == "finished"
            assert stream.completion.to_dict() == retrieve(caller, stream.id).to_dict()
        assert len(connections(caller)) == 1
        assert caller.client.ledger.credits == charged(mock)

    def test_is_read_again_as_nothing(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            assert list(stream)
            assert list(stream) == []
            assert list(stream.text) == []
        assert list(stream) == []

    def test_goes_on_where_a_loop_left_it(self, caller: Caller) -> None:
        with Stream(caller) as stream:
            first = [next(iter(stream.text)), next(iter(stream.text))]
            rest = list(stream.text)
        assert "".join(first + rest) == stream.completion.choices[0].message.content


# What becomes of a stream that a fault strikes at a frame, and whether its record says why.
STRUCK = {
    "reset": ("cut", errors.StreamInterruptedError),
    "truncate": ("cut", errors.StreamInterruptedError),
    "stall": ("cut", errors.IdleTimeoutError),
    "end": ("closed_early", errors.StreamInterruptedError),
    "malformed": ("failed", errors.ResponseShapeError),
    "error-frame": ("failed", errors.ServerError),
}


class TestStruck:
    @pytest.mark.parametrize("place", range(FRAMES))
    @pytest.mark.parametrize("fault", STRUCK)
    def test_at_every_frame(self, mock: Mock, caller: Caller, fault: str, place: int) -> None:
        end, kind = STRUCK[fault]
        if fault == "stall":
            caller.client = caller.client.with_options(timeout=IMPATIENT)
        with Stream(caller, **SHORT) as whole:
            full = "".join(whole.text)
        if fault == "error-frame":
            place = min(place, FRAMES - 2)
        elif fault == "malformed":
            place += 1
        stream = Stream(caller, **SHORT, extra_headers={FAULT: f"{fault}={place}"})
        with stream, pytest.raises(errors.AurousError) as caught:
            for _ in stream:
                pass
        error = caught.value
        assert isinstance(error, kind) or (fault == "stall" and isinstance(error, errors.FirstEventTimeoutError))
        assert (stream.end, error.completion_id, error.text) == (end, stream.id, stream.snapshot.text)
        assert full.startswith(error.text)
        assert (stream.id is None) == (place - (fault == "malformed") < 1 and fault != "error-frame")
        assert in_use(caller) == []
        with pytest.raises(type(error)) as again:
            list(stream)
        assert again.value is error
        with pytest.raises(errors.AurousError):
            _ = stream.completion
        # What it cost is owed, and then known, once.
        if stream.id is None:
            with pytest.raises(errors.StreamInterruptedError, match="no id"):
                stream.recover()
            return
        assert caller.client.ledger.unsettled == (stream.id,)
        found = stream.recover()
        assert full.startswith(error.text + found.rest)
        assert found.agrees
        assert found.receipt == stream.receipt
        assert stream.completion.status == found.outcome != "in_progress"
        assert caller.client.ledger.credits == charged(mock)
        assert caller.client.ledger.unsettled == ()

    @pytest.mark.parametrize("fault", ["reset=body", "truncate=body", "stall=body"])
    def test_within_a_frame(self, caller: Caller, fault: str) -> None:
        caller.client = caller.client.with_options(timeout=IMPATIENT)
        with Stream(caller, extra_headers={FAULT: fault}) as stream, pytest.raises(errors.StreamInterruptedError):
            list(stream)
        assert (stream.end, stream.snapshot.text) == ("cut", "")
        assert stream.recover().agrees

    @pytest.mark.parametrize("place", range(1, FRAMES))
    def test_by_done_before_its_end(self, mock: Mock, caller: Caller, place: int) -> None:
        with Stream(caller, **SHORT, extra_headers={FAULT: f"done={place}"}) as stream:
            assert len(list(stream)) == place
        assert (stream.end, stream.finish_reason, stream.receipt) == ("done_without_finish_reason", None, None)
        assert stream.recover().agrees
        assert caller.client.ledger.credits == charged(mock)

    @pytest.mark.parametrize(
        "fault", ["reset=before", "reset=head", "truncate=head", "reset=after", "code=too_many_requests"]
    )
    def test_before_it_opened(self, mock: Mock, caller: Caller, fault: str) -> None:
        stream = Stream(caller, extra_headers={FAULT: fault})
        for _ in range(2):
            with pytest.raises((errors.APIConnectionError, errors.RateLimitError)), stream:
                pass
            with pytest.raises((errors.APIConnectionError, errors.RateLimitError)):
                list(stream)
        assert (stream.id, stream.end) == (None, None)
        assert len(mock.ledger()) <= 1
        assert in_use(caller) == []

    @pytest.mark.parametrize("fault", ["html; status=503", "code=balance_too_low", "code=internal_error"])
    def test_by_an_error_in_place_of_a_stream(self, mock: Mock, caller: Caller, fault: str) -> None:
        with pytest.raises(errors.APIStatusError), Stream(caller, extra_headers={FAULT: fault}):
            pass
        assert mock.ledger() == []

    def test_but_for_slowness(self, caller: Caller) -> None:
        slow = {FAULT: "pace=100; keep-alive=0.02"}
        with Stream(caller, max_tokens=20, extra_headers=slow) as stream:
            assert len(list(stream.text)) == 20
        assert stream.end == "finished"

    def test_by_a_cancel_from_elsewhere(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, max_tokens=500, extra_headers={FAULT: "pace=20"}) as stream:
            for _ in stream:
                caller.run(lambda client: client.chat.completions.cancel(stream.id))
                break
            list(stream)
        assert (stream.end, stream.finish_reason, stream.completion.status) == ("finished", "cancelled", "cancelled")
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock)


class TestLeft:
    def test_early_hangs_up(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, extra_headers=SLOW) as stream:
            for _ in stream.text:
                break
        assert (stream.end, stream.receipt) == ("left", None)
        assert connections(caller) == []
        with pytest.raises(errors.AurousError, match="closed before its end"):
            next(iter(stream))
        with pytest.raises(errors.AurousError, match="not come to its end"):
            _ = stream.completion
        found = stream.recover()
        assert (found.outcome, found.agrees) == ("cancelled", True)
        assert found.completion.to_dict()["error"]["code"] == "cancelled_client_disconnect"
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock) > 0

    def test_early_cancels_where_that_is_asked_for(self, mock: Mock, caller: Caller) -> None:
        caller.client = caller.client.with_options(streams=aurous.StreamPolicy(on_break="cancel"))
        with Stream(caller, extra_headers=SLOW) as stream:
            for _ in stream.text:
                break
        assert stream.end == "left"
        assert (stream.completion.status, stream.finish_reason) == ("cancelled", "cancelled")
        assert stream.completion.error.code == "cancelled_by_request"
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock) > 0
        assert in_use(caller) == []

    def test_by_cancel(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, extra_headers=SLOW) as stream:
            records = [stream.cancel() for _ in stream.text]
        (cancelled,) = records
        assert (stream.end, cancelled.status) == ("left", "cancelled")
        assert stream.completion is cancelled
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock) > 0
        assert stream.cancel().id == cancelled.id
        assert caller.client.ledger.credits == charged(mock)
        assert in_use(caller) == []

    def test_with_all_of_it_here_is_whole(self, mock: Mock, caller: Caller) -> None:
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
    def test_by_an_error_of_the_caller(self, caller: Caller, error: BaseException) -> None:
        ends = Ends()
        caller.client = caller.client.with_options(hooks=[ends])
        stream = Stream(caller, extra_headers=SLOW)
        with pytest.raises(type(error)), stream:
            raise (next(iter(stream)), error)[1]
        assert stream.end == "left"
        assert connections(caller) == []
        assert ends.told == [(None, error)]

    def test_before_it_is_opened(self, mock: Mock, caller: Caller) -> None:
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

    def test_before_its_first_chunk(self, caller: Caller) -> None:
        stream = Stream(caller, extra_headers={FAULT: "stall=0"})
        with stream, pytest.raises(errors.AurousError, match="no chunk has come"):
            stream.cancel()
        assert stream.end == "left"
        assert connections(caller) == []

    def test_when_the_client_is_closed(self, caller: Caller) -> None:
        stream = Stream(caller, extra_headers=SLOW)
        with contextlib.suppress(errors.AurousError), stream:
            for _ in stream:
                caller.run(lambda client: client.close())
        assert stream.end in ("cut", "left")
        with pytest.raises(errors.AurousError, match="closed"):
            list(Stream(caller))


class Ends(aurous.Hooks):
    """What is told of the ends of streams."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, BaseException | None]] = []

    def on_end(self, call: aurous.CallDetails, result: object | None, error: BaseException | None) -> None:
        if call.streams:
            self.told.append((result, error))


class TestObservers:
    @pytest.mark.parametrize(
        "fault", ["latency=0", "reset=2", "stall=2", "end=2", "error-frame=2", "malformed=2", "reset=before"]
    )
    @pytest.mark.parametrize("on_drop", ["raise", "recover"])
    def test_are_told_of_the_end_once(self, caller: Caller, fault: str, on_drop: Any) -> None:
        ends, policy = Ends(), aurous.StreamPolicy(on_drop=on_drop)
        caller.client = caller.client.with_options(hooks=[ends], streams=policy, timeout=IMPATIENT)
        stream, error = Stream(caller, **SHORT, extra_headers={FAULT: fault}), None
        try:
            with stream:
                list(stream)
        except errors.AurousError as caught:
            error = caught
        stream.close()
        ((result, told),) = ends.told
        assert told is error
        assert (result is None) == (error is not None)

    def test_are_given_the_completion(self, caller: Caller) -> None:
        ends = Ends()
        caller.client = caller.client.with_options(hooks=[ends])
        with Stream(caller) as stream:
            list(stream)
        assert ends.told == [(stream.completion, None)]

    def test_are_given_nothing_of_what_was_left(self, caller: Caller) -> None:
        ends = Ends()
        caller.client = caller.client.with_options(hooks=[ends])
        with Stream(caller, extra_headers=SLOW) as stream:
            next(iter(stream))
        stream.recover()
        assert ends.told == [(None, None)]


class TestMoney:
    def test_of_a_stream_counts_for_the_budget(self, mock: Mock, caller: Caller) -> None:
        with caller.client.budget("0.0001") as budget:
            with Stream(caller, **SHORT) as stream:
                list(stream)
            with pytest.raises(errors.BudgetExceededError), Stream(caller):
                pass
        assert budget.spent == stream.receipt.credits == charged(mock)

    def test_goes_to_the_budget_in_whose_block_it_was_opened(self, mock: Mock, caller: Caller) -> None:
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

    def test_of_everything_agrees_with_the_server(self, mock: Mock, caller: Caller) -> None:
        caller.client = caller.client.with_options(streams=aurous.StreamPolicy(on_break="cancel", on_drop="recover"))
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


class TestDropped:
    """`on_drop="recover"`: by policy, or for one stream."""

    @pytest.fixture
    def caller(self, caller: Caller) -> Caller:
        caller.client = caller.client.with_options(streams=aurous.StreamPolicy(on_drop="recover"))
        return caller

    @pytest.mark.parametrize("place", range(1, FRAMES))
    @pytest.mark.parametrize("fault", ["reset", "truncate", "end"])
    def test_goes_on_with_a_record_that_is_whole(self, mock: Mock, caller: Caller, fault: str, place: int) -> None:
        with Stream(caller, **SHORT, extra_headers={FAULT: f"{fault}={place}; unnoticed"}) as stream:
            chunks = list(stream)
        assert len(chunks) == place + 1
        assert {len(chunk.choices) for chunk in chunks} == {1}
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == stream.snapshot.text
        found = retrieve(caller, stream.id)
        assert stream.completion.to_dict() == found.to_dict()
        assert stream.snapshot.text == found.choices[0].message.content
        assert stream.recovery.outcome == "completed"
        assert stream.end == ("closed_early" if fault == "end" else "cut")
        assert list(stream) == []
        assert len(mock.ledger()) == 1
        assert caller.client.ledger.credits == charged(mock)

    @pytest.mark.parametrize("place", range(1, FRAMES))
    def test_raises_where_the_disconnect_cancelled_it(self, mock: Mock, caller: Caller, place: int) -> None:
        stream = Stream(caller, extra_headers={FAULT: f"reset={place}; pace=50"})
        with stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        error = caught.value
        assert error.recovery is stream.recovery
        assert error.recovery is not None
        assert (error.recovery.outcome, error.kind) == ("cancelled", "cut")
        assert error.text == stream.completion.choices[0].message.content == stream.snapshot.text
        assert error.recovery.receipt == stream.receipt
        assert "cancelled" in "".join(error.__notes__)
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock) > 0

    def test_delivers_calls(self, caller: Caller) -> None:
        for place in (1, 2, 4):
            headers = {FAULT: f"reset={place}; unnoticed; id={place}"}
            with Stream(caller, tools=[WEATHER], extra_headers=headers) as stream:
                list(stream)
            (call,) = stream.completion.choices[0].message.tool_calls
            assert json.loads(call.function.arguments).keys() == {"city"}
            assert stream.snapshot.tool_calls == [call]

    def test_after_a_stall(self, caller: Caller) -> None:
        caller.client = caller.client.with_options(timeout=IMPATIENT)
        with Stream(caller, **SHORT, extra_headers={FAULT: "stall=3; unnoticed"}) as stream:
            list(stream)
        assert (stream.recovery.outcome, stream.finish_reason) == ("completed", "length")

    def test_has_nothing_to_ask_by_before_the_first_chunk(self, caller: Caller) -> None:
        with Stream(caller, extra_headers={FAULT: "reset=0"}) as stream, pytest.raises(errors.StreamInterruptedError):
            list(stream)
        assert (stream.id, stream.recovery) == (None, None)

    def test_raises_what_broke_it_where_the_record_cannot_be_had(self, mock: Mock, caller: Caller) -> None:
        mock.fault("code=internal_error; times=20", method="GET", path="/v1/chat")
        caller.client = caller.client.with_options(max_retries=0)
        stream = Stream(caller, extra_headers={FAULT: "reset=2"})
        with stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert caught.value.recovery is None
        assert "internal_error" in "".join(caught.value.__notes__)
        assert caught.value.__cause__ is not None
        assert caller.client.ledger.unsettled == (stream.id,)

    def test_never_sends_the_request_again(self, mock: Mock, caller: Caller) -> None:
        caller.client = caller.client.with_options(timeout=IMPATIENT)
        for fault in ("reset=0", "reset=1", "stall=2", "end=2", "truncate=before", "reset=after"):
            with contextlib.suppress(errors.AurousError), Stream(caller, extra_headers={FAULT: fault}) as stream:
                list(stream)
        # One charge at most for each; that before the work has none.
        assert len(mock.ledger()) <= 5


def test_an_error_has_the_receipt_where_it_is_known(caller: Caller, mock: Mock) -> None:
    with (
        pytest.raises(aurous.StreamInterruptedError) as caught,
        Stream(caller, on_drop="recover", extra_headers={FAULT: "truncate=3"}) as stream,
    ):
        list(stream)
    receipt = caught.value.receipt
    assert receipt is not None
    assert receipt.credits == charged(mock) > 0
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.receipt, again.completion_id, again.text) == (receipt, caught.value.completion_id, caught.value.text)
