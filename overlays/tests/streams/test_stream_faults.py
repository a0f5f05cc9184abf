"""Streams that a fault of the mock strikes, at every chunk: the error, the text received before it, and the charge."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import aurous
import pytest
from aurous import errors
from aurous_mock.server.launcher import Mock
from clientkit.callers import KINDS, Caller, Make
from clientkit.request_members import named
from clientkit.streams import FAULT, FRAMES, IMPATIENT, SHORT, Stream, charged, in_use


@pytest.fixture
def caller(live: Make, mock: Mock) -> Caller:
    return live(mock.url)


# What becomes of a stream that a fault strikes at a frame, and whether its record says why.
STRUCK = {
    "reset": ("cut", errors.StreamInterruptedError),
    "truncate": ("cut", errors.StreamInterruptedError),
    "stall": ("cut", errors.IdleTimeoutError),
    "end": ("closed_early", errors.StreamInterruptedError),
    "malformed": ("failed", errors.APIResponseValidationError),
    "error-frame": ("failed", errors.ServerError),
}
# The bytes are read by the same code for all kinds: all places for one kind, two for each of the others.
PLACES = [
    pytest.param(kind, place, marks=[] if kind == "sync" or place in (0, 3) else [pytest.mark.slow])
    for kind in KINDS
    for place in range(FRAMES)
]


class TestFaults:
    @pytest.mark.parametrize(("kind", "place"), PLACES, indirect=["kind"])
    @pytest.mark.parametrize("fault", STRUCK)
    def test_fault_at_every_frame_raises_its_error_and_is_recovered(
        self, mock: Mock, caller: Caller, fault: str, place: int
    ) -> None:
        end, kind = STRUCK[fault]
        with Stream(caller, **SHORT) as whole:
            full = "".join(whole.text)
        if fault == "stall":
            # It has to be open by then.
            timeout = aurous.Timeouts(first_event=0.4) if place == 0 else IMPATIENT
            caller.client = caller.client.with_options(timeout=timeout)
        if fault == "error-frame":
            place = min(place, FRAMES - 2)
        elif fault == "malformed":
            place += 1
        stream = Stream(caller, **SHORT, extra_headers={FAULT: f"{fault}={place}"})
        with stream, pytest.raises(errors.AurousError) as caught:
            for _ in stream:
                pass
        error = caught.value
        assert isinstance(error, errors.FirstEventTimeoutError if (fault, place) == ("stall", 0) else kind)
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
        recovery = stream.recover()
        assert full.startswith(error.text + recovery.rest)
        assert recovery.agrees
        assert recovery.receipt == stream.receipt
        assert stream.completion.status == recovery.outcome != "in_progress"
        assert caller.client.ledger.credits == charged(mock)
        assert caller.client.ledger.unsettled == ()

    @pytest.mark.parametrize("fault", ["reset=body", "truncate=body", "stall=body"])
    def test_fault_within_a_frame_raises_interrupted(self, caller: Caller, fault: str) -> None:
        caller.client = caller.client.with_options(timeout=IMPATIENT)
        with Stream(caller, extra_headers={FAULT: fault}) as stream, pytest.raises(errors.StreamInterruptedError):
            list(stream)
        assert (stream.end, stream.snapshot.text) == ("cut", "")
        assert stream.recover().agrees

    @pytest.mark.parametrize("place", range(1, FRAMES))
    def test_done_before_the_end_is_reported_and_recovered(self, mock: Mock, caller: Caller, place: int) -> None:
        seen: list[Any] = []
        with (
            Stream(caller, **SHORT, extra_headers={FAULT: f"done={place}"}) as stream,
            pytest.raises(errors.IncompleteCompletionError),
        ):
            seen.extend(stream)
        assert len(seen) == place
        assert (stream.end, stream.finish_reason, stream.receipt) == ("done_without_finish_reason", None, None)
        assert stream.recover().agrees
        assert caller.client.ledger.credits == charged(mock)

    def test_done_before_the_end_continues_from_the_record(self, mock: Mock, caller: Caller) -> None:
        options: Any = {**SHORT, "extra_headers": {FAULT: "done=3"}, "on_disconnect": "recover"}
        with Stream(caller, **options) as stream:
            text = "".join(stream.text)
        assert text == stream.completion.choices[0].message.content
        assert stream.completion.status == "completed"
        assert caller.client.ledger.credits == charged(mock)

    @pytest.mark.parametrize(
        "fault", ["reset=before", "reset=head", "truncate=head", "reset=after", "code=too_many_requests"]
    )
    def test_fault_before_opening_raises_the_error_of_a_call(self, mock: Mock, caller: Caller, fault: str) -> None:
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
    def test_error_response_instead_of_a_stream_raises_status_error(
        self, mock: Mock, caller: Caller, fault: str
    ) -> None:
        with pytest.raises(errors.APIStatusError), Stream(caller, extra_headers={FAULT: fault}):
            pass
        assert mock.ledger() == []

    def test_slow_stream_with_keep_alives_finishes(self, caller: Caller) -> None:
        slow = {FAULT: "pace=100; keep-alive=0.02"}
        with Stream(caller, **named(max_tokens=20), extra_headers=slow) as stream:
            assert len(list(stream.text)) == 20
        assert stream.end == "finished"

    def test_cancel_from_elsewhere_ends_the_stream_as_cancelled(self, mock: Mock, caller: Caller) -> None:
        with Stream(caller, **named(max_tokens=500), extra_headers={FAULT: "pace=20"}) as stream:
            for _ in stream:
                caller.run(lambda client: client.chat.completions.cancel(stream.id))
                break
            list(stream)
        assert (stream.end, stream.finish_reason, stream.completion.status) == ("finished", "cancelled", "cancelled")
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock)


@pytest.mark.parametrize("fault", ["truncate=3", "reset=3", "end=3"])
def test_interrupted_stream_is_freed_by_one_collection(caller: Caller, fault: str) -> None:
    with pytest.raises(aurous.StreamInterruptedError), Stream(caller, extra_headers={FAULT: fault}) as stream:
        list(stream)
    references = weakref.ref(stream.made), weakref.ref(stream.made.snapshot)
    gc.disable()
    try:
        # Its error leads to it, and it to its error.
        del stream
        gc.collect()
        assert [each() for each in references] == [None, None]
    finally:
        gc.enable()
