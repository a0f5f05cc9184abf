"""Streams that break off under `on_disconnect="recover"`: the stored record has the rest, or an error says why."""

from __future__ import annotations

import contextlib
import json
import pickle

import aurous
import pytest
from aurous import StreamPolicy, errors
from aurous_mock.server.launcher import Mock
from clientkit.callers import Caller, Make
from clientkit.streams import FAULT, FRAMES, IMPATIENT, SHORT, WEATHER, Stream, charged, retrieve
from testkit.raw_server import RawServer
from testkit.responses import answer
from testkit.streams import RED, ROLE, TEXT, record, sends


@pytest.fixture
def caller(live: Make, mock: Mock) -> Caller:
    return live(mock.url)


class TestDropped:
    """`on_disconnect="recover"`: by policy, or for one stream."""

    @pytest.fixture
    def caller(self, caller: Caller) -> Caller:
        caller.client = caller.client.with_options(streams=aurous.StreamPolicy(on_disconnect="recover"))
        return caller

    @pytest.mark.parametrize("place", range(1, FRAMES))
    @pytest.mark.parametrize("fault", ["reset", "truncate", "end"])
    def test_disconnected_stream_continues_from_complete_record(
        self, mock: Mock, caller: Caller, fault: str, place: int
    ) -> None:
        with Stream(caller, **SHORT, extra_headers={FAULT: f"{fault}={place}; unnoticed"}) as stream:
            chunks = list(stream)
        assert len(chunks) == place + 1
        assert {len(chunk.choices) for chunk in chunks} == {1}
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == stream.snapshot.text
        record = retrieve(caller, stream.id)
        assert stream.completion.to_dict() == record.to_dict()
        assert stream.snapshot.text == record.choices[0].message.content
        assert stream.recovery.outcome == "completed"
        assert stream.end == ("closed_early" if fault == "end" else "cut")
        assert list(stream) == []
        assert len(mock.ledger()) == 1
        assert caller.client.ledger.credits == charged(mock)

    @pytest.mark.parametrize("place", range(1, FRAMES))
    def test_disconnected_stream_raises_if_the_completion_was_cancelled(
        self, mock: Mock, caller: Caller, place: int
    ) -> None:
        stream = Stream(caller, extra_headers={FAULT: f"reset={place}; pace=50"})
        with stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        error = caught.value
        assert error.recovery is stream.recovery
        assert error.recovery is not None
        assert (error.recovery.outcome, error.end) == ("cancelled", "cut")
        assert error.text == stream.completion.choices[0].message.content == stream.snapshot.text
        assert error.recovery.receipt == stream.receipt
        assert "cancelled" in "".join(error.__notes__)
        assert stream.receipt.credits == caller.client.ledger.credits == charged(mock) > 0

    def test_disconnected_stream_delivers_remaining_tool_calls(self, caller: Caller) -> None:
        for place in (1, 2, 4):
            headers = {FAULT: f"reset={place}; unnoticed; id={place}"}
            with Stream(caller, tools=[WEATHER], extra_headers=headers) as stream:
                list(stream)
            (call,) = stream.completion.choices[0].message.tool_calls
            assert json.loads(call.function.arguments).keys() == {"city"}
            assert stream.snapshot.tool_calls == [call]

    def test_stalled_stream_continues_from_its_record(self, caller: Caller) -> None:
        caller.client = caller.client.with_options(timeout=IMPATIENT)
        with Stream(caller, **SHORT, extra_headers={FAULT: "stall=3; unnoticed"}) as stream:
            list(stream)
        assert (stream.recovery.outcome, stream.finish_reason) == ("completed", "length")

    def test_disconnect_before_first_chunk_has_no_record_to_retrieve(self, caller: Caller) -> None:
        with Stream(caller, extra_headers={FAULT: "reset=0"}) as stream, pytest.raises(errors.StreamInterruptedError):
            list(stream)
        assert (stream.id, stream.recovery) == (None, None)

    def test_original_error_is_raised_if_the_record_cannot_be_retrieved(self, mock: Mock, caller: Caller) -> None:
        mock.fault("code=internal_error; times=20", method="GET", path="/v1/chat")
        caller.client = caller.client.with_options(max_retries=0)
        stream = Stream(caller, extra_headers={FAULT: "reset=2"})
        with stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert caught.value.recovery is None
        assert "internal_error" in "".join(caught.value.__notes__)
        assert caught.value.__cause__ is not None
        assert caller.client.ledger.unsettled == (stream.id,)

    def test_recovery_never_repeats_the_request(self, mock: Mock, caller: Caller) -> None:
        caller.client = caller.client.with_options(timeout=IMPATIENT)
        for fault in ("reset=0", "reset=1", "stall=2", "end=2", "truncate=before", "reset=after"):
            with contextlib.suppress(errors.AurousError), Stream(caller, extra_headers={FAULT: fault}) as stream:
                list(stream)
        # One charge at most for each; that before the work has none.
        assert len(mock.ledger()) <= 5


def test_stream_error_has_the_receipt_if_known(caller: Caller, mock: Mock) -> None:
    with (
        pytest.raises(aurous.StreamInterruptedError) as caught,
        Stream(caller, on_disconnect="recover", extra_headers={FAULT: "truncate=3"}) as stream,
    ):
        list(stream)
    receipt = caught.value.receipt
    assert receipt is not None
    assert receipt.credits == charged(mock) > 0
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.receipt, again.completion_id, again.text) == (receipt, caught.value.completion_id, caught.value.text)


class TestRecovery:
    def test_on_disconnect_can_be_set_for_one_stream(self, live: Make, wire: RawServer) -> None:
        caller = live(wire.url)
        wire.plays(sends(ROLE, RED, then="reset", ends=False), answer(200, record()))
        with Stream(caller, on_disconnect="recover") as stream:
            assert "".join(stream.text) == TEXT
        caller.client = caller.client.with_options(streams=StreamPolicy(on_disconnect="recover"))
        wire.plays(sends(ROLE, RED, then="reset", ends=False))
        with Stream(caller, on_disconnect="raise") as stream, pytest.raises(errors.StreamInterruptedError):
            list(stream)
        wire.plays(sends(ROLE, RED, then="reset", ends=False), answer(200, record()))
        with Stream(caller) as stream:
            list(stream)
        with pytest.raises(ValueError, match="on_disconnect"):
            Stream(caller, on_disconnect="retry")

    def test_recovery_error_names_the_disagreement_with_the_record(self, live: Make, wire: RawServer) -> None:
        wire.plays(sends(ROLE, RED, then="reset", ends=False), answer(200, record("Blue")))
        stream = Stream(live(wire.url, streams=StreamPolicy(on_disconnect="recover")))
        with stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert caught.value.recovery is not None
        assert not caught.value.recovery.agrees
        assert caught.value.text == "Red"
        assert "does not begin with" in "".join(caught.value.__notes__)
        assert pickle.loads(pickle.dumps(caught.value)).recovery.completion.id == "cmp_1"

    def test_recovery_raises_the_error_of_a_failed_record(self, live: Make, wire: RawServer) -> None:
        fault = {"code": "chat_provider_unavailable", "type": "server_error", "message": "It went away."}
        wire.plays(sends(ROLE, RED, then="reset", ends=False), answer(200, record(status="failed", error=fault)))
        stream = Stream(live(wire.url, streams=StreamPolicy(on_disconnect="recover")))
        with stream, pytest.raises(errors.ServerError) as caught:
            list(stream)
        assert (caught.value.code, caught.value.completion_id) == ("chat_provider_unavailable", "cmp_1")
        assert isinstance(caught.value.__cause__, errors.StreamInterruptedError)
        assert caught.value.__cause__.recovery is stream.recovery

    def test_recovery_ends_at_the_total_timeout(self, live: Make, wire: RawServer) -> None:
        running = answer(200, record("Red", "in_progress"))
        wire.plays(sends(ROLE, RED, then="reset", ends=False), running)
        stream = Stream(
            live(wire.url, streams=StreamPolicy(on_disconnect="recover")), timeout=aurous.Timeouts(total=0.4)
        )
        with stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert caught.value.recovery is not None
        assert caught.value.recovery.outcome == "in_progress"

    def test_no_recovery_starts_after_the_total_timeout(self, live: Make, wire: RawServer) -> None:
        wire.plays(sends(ROLE, RED, then="stall", ends=False))
        stream = Stream(
            live(wire.url, streams=StreamPolicy(on_disconnect="recover")), timeout=aurous.Timeouts(total=0.15)
        )
        with pytest.raises(errors.TotalTimeoutError), stream:
            list(stream)
        # On a busy machine the time is over before the request is sent.
        assert {request.line.split()[0] for request in wire.requests} <= {"POST"}

    def test_recovery_only_retrieves(self, live: Make, wire: RawServer) -> None:
        wire.plays(
            sends(ROLE, RED, then="reset", ends=False), answer(200, record("Red", "in_progress")), answer(200, record())
        )
        with Stream(live(wire.url, streams=StreamPolicy(on_disconnect="recover"))) as stream:
            list(stream)
        assert [request.line.split()[0] for request in wire.requests] == ["POST", "GET", "GET"]

    @pytest.mark.parametrize("identifier", ["..", "\ud800"])
    def test_id_that_cannot_be_requested_hides_no_interruption(
        self, identifier: str, live: Make, wire: RawServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        wire.plays(sends({**ROLE, "id": identifier}, {**RED, "id": identifier}, then="reset", ends=False))
        policy = StreamPolicy(on_disconnect="recover", on_early_close="cancel")
        caller = live(wire.url, streams=policy)
        with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert (caught.value.completion_id, caught.value.text, stream.end) == (identifier, "Red", "cut")
        assert f"{caught.value} {stream!r}".encode()
        assert "could not be retrieved: the server gave the completion an id that" in "".join(caught.value.__notes__)
        with pytest.raises(errors.AurousError, match="an id that cannot be requested"):
            stream.recover()
        with Stream(caller) as left:
            next(iter(left))
        assert left.end == "left"
        assert "an id that cannot be requested" in caplog.text
        assert caplog.text.encode()
