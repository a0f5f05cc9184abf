"""Streams from raw sockets: how they end, how long they may take, and what servers do that none should."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import gc
import gzip
import itertools
import json
import pickle
import signal
import threading
import time as real_time
import tracemalloc
import warnings
from collections.abc import Callable, Generator, Iterator
from decimal import Decimal
from typing import Any

import anyio
import aurous

# Takes longer to load than some of these streams may last.
import aurous.transport.bridge
import httpx
import pytest
import trio
from aurous import StreamPolicy, Timeouts, errors
from aurous_mock.launcher import Mock
from streamkit import (
    FAULT,
    GREEN,
    LAST,
    RED,
    ROLE,
    USAGE,
    WHOLE,
    Stream,
    begin,
    callers,
    chunk,
    connections,
    events,
    held,
    in_pieces,
    in_use,
    record,
    sends,
)
from wirekit import KEY, MESSAGES, MODEL, Action, Caller, Connection, Wire, answer, drip, envelope, raw

Make = Callable[..., Caller]
TEXT = "Red, green"


@pytest.fixture
def make(kind: str) -> Iterator[Make]:
    with callers(kind) as made:
        yield made


@pytest.fixture
def caller(make: Make, wire: Wire) -> Caller:
    return make(wire.url)


class TestBytes:
    @pytest.mark.parametrize(
        "body",
        [
            events(*WHOLE),
            b"\xef\xbb\xbf" + events(*WHOLE),
            events(*WHOLE).replace(b"\n", b"\r"),
            events(*WHOLE).replace(b"\n", b"\r\n"),
            events(*WHOLE).replace(b"data: ", b"data:"),
            events(b": hello\n\n", *WHOLE),
            events(b"retry: 100\n\nid: 1\n\n", ROLE, b"id: 2\n: ping\n\n", *WHOLE[1:]),
            events(ROLE, RED, GREEN, chunk({}, "stop"), chunk(usage=USAGE), "[DONE]"),
            events(ROLE, RED, GREEN, chunk({}, "stop"), chunk(usage=USAGE), "[DONE]", "[DONE]"),
            events(ROLE, RED, GREEN, LAST),
            events(ROLE, chunk(), {"object": "new"}, RED, b"data:\n\n", GREEN, {"warning": None}, LAST, "[DONE]"),
        ],
    )
    @pytest.mark.parametrize("framing", ["chunked", "length", "close"])
    def test_of_every_legal_form_are_the_same_answer(
        self, caller: Caller, wire: Wire, body: bytes, framing: str
    ) -> None:
        sent = {
            "chunked": in_pieces(body),
            "length": begin(f"Content-Length: {len(body)}") + body,
            "close": begin("Connection: close") + body,
        }
        wire.plays(raw(sent[framing], then="close" if framing == "close" else "keep"))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT
        assert stream.end == "finished"
        assert stream.completion.to_dict() == record()
        assert stream.receipt.credits == Decimal("0.0117")

    def test_may_be_cut_anywhere(self, caller: Caller, wire: Wire) -> None:
        frames = [ROLE, chunk({"content": "é€🧪"}), LAST, "[DONE]"]
        body = events(*frames).replace(b"\\u", b"\\u")
        body = json.dumps(frames[1], ensure_ascii=False).encode().join(body.split(json.dumps(frames[1]).encode()))
        assert "é€🧪".encode() in body
        wire.plays(raw(in_pieces(*(body[place : place + 1] for place in range(len(body)))), then="keep"))
        with Stream(caller) as stream:
            assert "".join(stream.text) == "é€🧪"

    def test_may_drip(self, caller: Caller, wire: Wire) -> None:
        sent = in_pieces(*(events(frame) for frame in WHOLE))
        wire.plays(drip(sent, fast=len(sent) - 60, pause=0.0005))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT

    def test_may_be_compressed_though_nobody_asked(self, caller: Caller, wire: Wire) -> None:
        body = gzip.compress(events(*WHOLE))
        wire.plays(raw(begin("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body, then="keep"))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT
        assert wire.seen[0].header("Accept-Encoding") == "identity"
        assert wire.seen[0].header("Accept") == "text/event-stream"

    def test_that_cannot_be_decompressed_are_a_typed_error(self, caller: Caller, wire: Wire) -> None:
        wire.plays(raw(begin("Content-Encoding: gzip", "Content-Length: 9") + b"no gzip!!", then="keep"))
        with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError, match="decompressed"):
            list(stream)

    def test_beyond_the_limit_are_a_typed_error(self, make: Make, wire: Wire) -> None:
        caller = make(wire.url, streams=StreamPolicy(max_event_size=2000))
        wire.plays(sends(ROLE, RED, chunk({"content": "x" * 2000}), LAST))
        with Stream(caller) as stream, pytest.raises(errors.ResponseShapeError, match="2000 bytes") as caught:
            list(stream)
        assert caught.value.text == "Red"


class TestEnds:
    """Of the answers that do not come to one, by how they end."""

    @pytest.mark.parametrize("then", ["close", "reset"])
    @pytest.mark.parametrize("frames", range(4))
    def test_cut(self, caller: Caller, wire: Wire, frames: int, then: str) -> None:
        wire.plays(sends(*WHOLE[:frames], then=then, ends=False))
        with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        error = caught.value
        assert (error.kind, stream.end) == ("cut", "cut")
        assert error.text == ["", "", "Red", TEXT][frames]
        assert error.completion_id == (None if frames == 0 else "cmp_1")
        assert isinstance(error.__cause__, httpx.HTTPError)
        assert pickle.loads(pickle.dumps(error)).text == error.text

    @pytest.mark.parametrize("frames", range(4))
    def test_closed_early(self, caller: Caller, wire: Wire, frames: int) -> None:
        body = events(*WHOLE[:frames])
        for sent in (in_pieces(body), begin(f"Content-Length: {len(body)}") + body, begin("Connection: close") + body):
            wire.plays(raw(sent, then="close" if b"Connection: close" in sent else "keep"))
            with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError) as caught:
                list(stream)
            assert (caught.value.kind, stream.end) == ("closed_early", "closed_early")

    def test_in_the_middle_of_an_event(self, caller: Caller, wire: Wire) -> None:
        wire.plays(raw(in_pieces(events(*WHOLE[:3])[:-30])))
        with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert (caught.value.kind, caught.value.text) == ("closed_early", "Red")

    def test_done_without_a_reason(self, caller: Caller, wire: Wire) -> None:
        wire.plays(sends(ROLE, RED, chunk(usage=USAGE), "[DONE]"))
        with Stream(caller) as stream:
            assert "".join(stream.text) == "Red"
        assert stream.end == "done_without_finish_reason"
        assert (stream.completion.status, stream.completion.choices[0].finish_reason) == ("completed", None)
        assert stream.receipt.credits == caller.client.ledger.credits == Decimal("0.0117")

    @pytest.mark.parametrize("then", ["close", "reset", "keep"])
    def test_cut_after_the_last_chunk_is_none(self, caller: Caller, wire: Wire, then: str) -> None:
        wire.plays(sends(*WHOLE[:4], then=then, ends=False))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT
        assert (stream.end, stream.receipt.credits) == ("finished", Decimal("0.0117"))
        assert in_use(caller) == []

    @pytest.mark.parametrize("frames", [WHOLE, [*WHOLE, chunk({"content": "beyond"})], WHOLE[:4]])
    def test_with_the_connection_left_open(self, caller: Caller, wire: Wire, frames: list[Any]) -> None:
        """The answer does not wait for a server that forgets to hang up."""
        wire.plays(sends(*frames, then="stall", ends=False))
        began = real_time.monotonic()
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT
        assert stream.end == "finished"
        assert real_time.monotonic() - began < 10
        assert connections(caller) == []

    def test_with_usage_after_the_caller_has_left(self, caller: Caller, wire: Wire) -> None:
        wire.plays(sends(ROLE, RED, GREEN, chunk({}, "stop"), chunk(usage=USAGE), "[DONE]"))
        with Stream(caller) as stream:
            for piece in stream:
                if piece.choices[0].finish_reason:
                    break
        assert (stream.end, stream.receipt.credits) == ("finished", Decimal("0.0117"))
        assert len(connections(caller)) == 1

    def test_with_an_error(self, caller: Caller, wire: Wire) -> None:
        wire.plays(sends(ROLE, RED, envelope("provider_rate_limited", "rate_limit"), "[DONE]"))
        with Stream(caller) as stream, pytest.raises(errors.RateLimitError) as caught:
            list(stream)
        assert (caught.value.completion_id, caught.value.text) == ("cmp_1", "Red")
        assert caller.client.ledger.unsettled == ("cmp_1",)

    def test_five_times_on_one_connection(self, caller: Caller, wire: Wire) -> None:
        wire.plays(sends(*WHOLE))
        for _ in range(5):
            with Stream(caller) as stream:
                list(stream)
        assert wire.connections == 1


class TestInPlaceOfAStream:
    @pytest.mark.parametrize(
        "sent",
        [
            answer(200, b"<html>Sign in</html>", kind="text/html"),
            answer(200, {"object": "list"}),
            answer(200, b"", kind="text/plain"),
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
            raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
        ],
    )
    def test_is_a_typed_error_at_once(self, caller: Caller, wire: Wire, sent: Action) -> None:
        wire.plays(sent)
        stream = Stream(caller)
        with pytest.raises(errors.ResponseShapeError, match="text/event-stream"):
            list(stream)
        with pytest.raises(errors.ResponseShapeError):
            list(stream)
        assert len(wire.seen) == 1
        assert in_use(caller) == []

    def test_a_completion_is_not_lost(self, caller: Caller, wire: Wire) -> None:
        wire.plays(answer(200, record()))
        stream = Stream(caller)
        with pytest.raises(errors.ResponseShapeError) as caught, stream:
            pass
        assert (caught.value.completion_id, caught.value.text) == ("cmp_1", TEXT)
        assert stream.receipt.credits == caller.client.ledger.credits == Decimal("0.0117")

    def test_of_any_writing_its_type_is_known(self, caller: Caller, wire: Wire) -> None:
        wire.plays(raw(begin(kind="Text/Event-Stream;charset=UTF-8") + events(*WHOLE)))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT


def chatters(*pieces: bytes, pause: float = 0.01) -> Action:
    """A server that never ends: it repeats itself until nobody listens."""

    def act(connection: Connection) -> bool:
        connection.send(begin("Transfer-Encoding: chunked"))
        for piece in pieces:
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        while not connection.over.wait(pause):
            try:
                connection.socket.sendall(b"%x\r\n%b\r\n" % (len(pieces[-1]), pieces[-1]))
            except OSError:
                return False
        return False

    return act


KEEP_ALIVE = b": keep-alive\n\n"
RED_SENT = b'"Red"'


class TestClocks:
    @pytest.mark.parametrize(
        ("pieces", "timeouts", "error"),
        [
            ([KEEP_ALIVE], Timeouts(first_event=0.15), errors.FirstEventTimeoutError),
            ([b"data:\n\n"], Timeouts(first_event=0.15), errors.FirstEventTimeoutError),
            ([b"event: ping\ndata: {}\n\n"], Timeouts(first_event=0.15), errors.FirstEventTimeoutError),
            ([events(ROLE, RED), KEEP_ALIVE], Timeouts(idle=0.4), errors.IdleTimeoutError),
            ([events(ROLE, RED), b"d"], Timeouts(idle=0.4), errors.IdleTimeoutError),
            ([events(ROLE, RED), KEEP_ALIVE], Timeouts(total=0.3), errors.TotalTimeoutError),
            ([events(ROLE), events(chunk({}))], Timeouts(total=0.6, idle=0.5), errors.TotalTimeoutError),
        ],
    )
    def test_run_out_though_bytes_keep_coming(
        self, make: Make, wire: Wire, pieces: list[bytes], timeouts: Timeouts, error: type[Exception]
    ) -> None:
        wire.plays(chatters(*pieces))
        caller = make(wire.url, timeout=timeouts)
        stream = Stream(caller)
        with pytest.raises(errors.StreamTimeoutError) as caught, stream:
            list(stream)
        assert type(caught.value) is error
        assert isinstance(caught.value, errors.APITimeoutError)
        assert caught.value.kind == "cut"
        assert caught.value.text == ("Red" if RED_SENT in b"".join(pieces) else "")
        assert connections(caller) == []
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), again.text, again.attempts) == (error, caught.value.text, caught.value.attempts)

    @pytest.mark.parametrize(
        ("frames", "timeouts", "error", "said"),
        [
            ([], Timeouts(first_event=0.1), errors.FirstEventTimeoutError, "no event came within 0.1 s"),
            ([ROLE], Timeouts(idle=0.1), errors.IdleTimeoutError, "no further event came within 0.1 s"),
            ([ROLE], Timeouts(total=0.3), errors.TotalTimeoutError, "it did not end within 0.3 s"),
            (None, Timeouts(first_event=0.1), errors.FirstEventTimeoutError, "no event came within 0.1 s"),
            (None, Timeouts(total=0.1), errors.TotalTimeoutError, "it did not end within 0.1 s"),
        ],
    )
    def test_run_out_in_silence(
        self, make: Make, wire: Wire, frames: list[Any] | None, timeouts: Timeouts, error: type[Exception], said: str
    ) -> None:
        """Also where the server keeps its headers back until it has something to say."""
        wire.plays(raw(b"", then="stall") if frames is None else sends(*frames, then="stall", ends=False))
        caller = make(wire.url, timeout=timeouts)
        stream = Stream(caller)
        with pytest.raises(errors.StreamTimeoutError, match=said) as caught, stream:
            list(stream)
        assert type(caught.value) is error
        assert connections(caller) == []

    def test_run_out_between_the_bytes_of_a_chunk_of_http(self, make: Make, wire: Wire) -> None:
        sent = in_pieces(events(ROLE), events(RED), ends=False)
        wire.plays(drip(sent + b"1" * 5000, fast=len(sent), pause=0.01))
        with Stream(make(wire.url, timeout=Timeouts(idle=0.4))) as stream, pytest.raises(errors.IdleTimeoutError):
            list(stream)

    def test_of_one_call(self, make: Make, wire: Wire) -> None:
        wire.plays(sends(ROLE, then="stall", ends=False))
        with Stream(make(wire.url), timeout=0.15) as stream, pytest.raises(errors.TotalTimeoutError, match=r"0\.15 s"):
            list(stream)

    def test_do_not_run_while_the_caller_is_busy(self, make: Make, wire: Wire) -> None:
        first, rest = threading.Event(), threading.Event()

        def act(connection: Connection) -> bool:
            connection.send(in_pieces(events(ROLE, RED), ends=False))
            first.wait(10)
            connection.send(in_pieces(events(GREEN, LAST, "[DONE]")).partition(b"\r\n\r\n")[2])
            rest.set()
            return True

        wire.plays(act)
        caller = make(wire.url, timeout=Timeouts(idle=0.5, first_event=0.5))
        with Stream(caller) as stream:
            busy_until = real_time.monotonic() + 0.8
            for number, _ in enumerate(stream):
                if number == 1:
                    while real_time.monotonic() < busy_until:
                        pass
                    first.set()
                    assert rest.wait(10)
        assert stream.completion.choices[0].message.content == TEXT

    def test_allow_for_less_patience_before_than_after(self, make: Make, wire: Wire) -> None:
        """httpx has one timeout for a whole response; it must not be that for the first event."""

        def act(connection: Connection) -> bool:
            connection.send(in_pieces(events(ROLE, RED), ends=False))
            connection.over.wait(1.3)
            connection.send(in_pieces(events(GREEN, LAST, "[DONE]")).partition(b"\r\n\r\n")[2])
            return True

        wire.plays(act)
        with Stream(make(wire.url, timeout=Timeouts(idle=10, first_event=1.0))) as stream:
            assert "".join(stream.text) == TEXT

    def test_of_the_first_event_start_with_the_attempt_that_was_answered(self, make: Make, wire: Wire) -> None:
        throttled = answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "0.4"})
        wire.plays(throttled, sends(*WHOLE))
        caller = make(wire.url, timeout=Timeouts(first_event=0.3))
        with pytest.raises(errors.RateLimitError), Stream(caller):
            pass

    def test_leave_other_users_of_the_connection_alone(self, make: Make, wire: Wire) -> None:
        caller = make(wire.url, timeout=Timeouts(idle=1.0, first_event=1.0))

        def slow(connection: Connection) -> bool:
            connection.over.wait(1.3)
            return answer(200, record())(connection)

        wire.plays(sends(*WHOLE), slow)
        with Stream(caller) as stream:
            list(stream)
        assert caller.create().id == "cmp_1"
        assert wire.connections == 1


class TestRecovery:
    def test_is_chosen_for_one_stream(self, make: Make, wire: Wire) -> None:
        caller = make(wire.url)
        wire.plays(sends(ROLE, RED, then="reset", ends=False), answer(200, record()))
        with Stream(caller, on_drop="recover") as stream:
            assert "".join(stream.text) == TEXT
        caller.client = caller.client.with_options(streams=StreamPolicy(on_drop="recover"))
        wire.plays(sends(ROLE, RED, then="reset", ends=False))
        with Stream(caller, on_drop="raise") as stream, pytest.raises(errors.StreamInterruptedError):
            list(stream)
        wire.plays(sends(ROLE, RED, then="reset", ends=False), answer(200, record()))
        with Stream(caller) as stream:
            list(stream)
        with pytest.raises(ValueError, match="on_drop"):
            Stream(caller, on_drop="retry")

    def test_says_where_the_record_disagrees(self, make: Make, wire: Wire) -> None:
        wire.plays(sends(ROLE, RED, then="reset", ends=False), answer(200, record("Blue")))
        stream = Stream(make(wire.url, streams=StreamPolicy(on_drop="recover")))
        with stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert caught.value.recovery is not None
        assert not caught.value.recovery.agrees
        assert caught.value.text == "Red"
        assert "does not begin with" in "".join(caught.value.__notes__)
        assert pickle.loads(pickle.dumps(caught.value)).recovery.completion.id == "cmp_1"

    def test_raises_what_the_record_failed_of(self, make: Make, wire: Wire) -> None:
        fault = {"code": "chat_provider_unavailable", "type": "server_error", "message": "It went away."}
        wire.plays(sends(ROLE, RED, then="reset", ends=False), answer(200, record(status="failed", error=fault)))
        stream = Stream(make(wire.url, streams=StreamPolicy(on_drop="recover")))
        with stream, pytest.raises(errors.ServerError) as caught:
            list(stream)
        assert (caught.value.code, caught.value.completion_id) == ("chat_provider_unavailable", "cmp_1")
        assert isinstance(caught.value.__cause__, errors.StreamInterruptedError)
        assert caught.value.__cause__.recovery is stream.recovery

    def test_ends_with_the_time_of_the_whole(self, make: Make, wire: Wire) -> None:
        running = answer(200, record("Red", "in_progress"))
        wire.plays(sends(ROLE, RED, then="reset", ends=False), running)
        stream = Stream(make(wire.url, streams=StreamPolicy(on_drop="recover")), timeout=0.4)
        with stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert caught.value.recovery is not None
        assert caught.value.recovery.outcome == "in_progress"

    def test_does_not_follow_when_that_time_is_up(self, make: Make, wire: Wire) -> None:
        wire.plays(sends(ROLE, RED, then="stall", ends=False))
        stream = Stream(make(wire.url, streams=StreamPolicy(on_drop="recover")), timeout=0.15)
        with stream, pytest.raises(errors.TotalTimeoutError):
            list(stream)
        assert [seen.line.split()[0] for seen in wire.seen] == ["POST"]

    def test_asks_only(self, make: Make, wire: Wire) -> None:
        wire.plays(
            sends(ROLE, RED, then="reset", ends=False), answer(200, record("Red", "in_progress")), answer(200, record())
        )
        with Stream(make(wire.url, streams=StreamPolicy(on_drop="recover"))) as stream:
            list(stream)
        assert [seen.line.split()[0] for seen in wire.seen] == ["POST", "GET", "GET"]


class TestNotices:
    NOTICE = chunk(warning={"code": "idempotency_ignored_streaming", "message": "Mind."})

    @pytest.mark.parametrize("way", ["chunks", "text"])
    def test_point_at_the_caller(self, caller: Caller, wire: Wire, way: str) -> None:
        wire.plays(sends(self.NOTICE, *WHOLE))
        stream = caller.client.chat.completions.stream(model=MODEL, messages=MESSAGES)
        with pytest.warns(aurous.StreamNotice, match=r"idempotency_ignored_streaming: Mind\.") as caught:
            self.read(stream, way) if caller.kind == "sync" else caller.runner.run(self.aread(stream, way))
        assert [warning.filename for warning in caught] == [__file__]
        assert [told.message for told in stream.warnings] == ["Mind."]
        assert stream.completion.to_dict() == record()

    def read(self, stream: aurous.ChatStream, way: str) -> None:
        with stream:
            list(stream if way == "chunks" else stream.text)

    async def aread(self, stream: aurous.AsyncChatStream, way: str) -> None:
        async with stream:
            async for _ in stream if way == "chunks" else stream.text:
                pass

    def test_come_of_the_header(self, caller: Caller, wire: Wire) -> None:
        body = events(*WHOLE)
        head = begin("Aurous-Idempotency-Status: ignored_streaming", f"Content-Length: {len(body)}")
        wire.plays(raw(head + body, then="keep"))
        with pytest.warns(aurous.StreamNotice, match="charged again"), Stream(caller) as stream:
            list(stream)
        assert len(stream.warnings) == 1
        assert stream.response_info.idempotency_status == "ignored_streaming"

    def test_of_deprecation_that_are_errors_leave_nothing_behind(self, caller: Caller, wire: Wire) -> None:
        wire.plays(raw(begin("Sunset: soon") + events(ROLE), then="stall"))
        stream = Stream(caller)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(DeprecationWarning), stream:
                pass
        assert stream.end == "left"
        assert connections(caller) == []

    def test_that_are_errors_leave_nothing_behind(self, caller: Caller, wire: Wire) -> None:
        wire.plays(sends(ROLE, self.NOTICE, RED, then="stall", ends=False))
        stream = Stream(caller)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(aurous.StreamNotice):
                list(stream)
        assert stream.end == "left"
        assert connections(caller) == []

    @pytest.mark.parametrize("given", [{"idempotency_key": "a"}, {"extra_headers": {"idempotency-key": "a"}}])
    def test_are_spared_those_who_gave_a_key(self, caller: Caller, wire: Wire, given: dict[str, Any]) -> None:
        with pytest.raises(aurous.EncodeError, match="ignores the key of a stream"), Stream(caller, **given):
            pass
        assert wire.seen == []

    def test_come_from_the_mock(self, kind: str, mock: Mock) -> None:
        with callers(kind) as make:
            caller = make(mock.url)
            stream = Stream(caller, extra_headers={"Aurous-Idempotent-Key": "a"})
            with pytest.warns(aurous.StreamNotice), stream:
                list(stream)
            assert [told.code for told in stream.warnings] == ["idempotency_ignored_streaming"]

    def test_come_to_those_who_send_a_key_all_the_same(self, kind: str, mock: Mock) -> None:
        with callers(kind) as make:
            caller = make(mock.url, streams=aurous.StreamPolicy(on_key="send"))
            stream = Stream(caller, idempotency_key="mine")
            with pytest.warns(aurous.StreamNotice), stream:
                list(stream)
            assert stream.response_info.idempotency_status == "ignored_streaming"
            assert stream.response_info.idempotency_key is None
            assert stream.completion.status == "completed"


class TestForsaken:
    def test_a_stream_without_with_is_closed_when_it_is_collected(self, wire: Wire) -> None:
        wire.plays(sends(ROLE, RED, then="stall", ends=False))
        with callers("sync") as make:
            caller = make(wire.url)
            stream = caller.client.chat.completions.stream(model=MODEL, messages=MESSAGES)
            next(stream)
            assert len(in_use(caller)) == 1
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                del stream
                gc.collect()
            told = "<ChatStream id=cmp_1 end=None> was not closed; use it in a with block"
            assert told in [str(warning.message) for warning in caught if warning.category is ResourceWarning]
            # Which hold what they tell of.
            caught.clear()
            gc.collect()
            assert connections(caller) == []
            assert caller.client.ledger.unsettled == ("cmp_1",)

    @pytest.mark.parametrize("on_break", ["disconnect", "cancel"])
    def test_a_stream_that_is_interrupted_while_it_waits_is_closed(self, wire: Wire, on_break: Any) -> None:
        reads = threading.Event()

        def interrupts(connection: Connection) -> bool:
            connection.send(in_pieces(events(ROLE, RED), ends=False))
            reads.wait(30)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            connection.over.wait(30)
            return False

        wire.plays(interrupts, answer(200, record("Red", "cancelled")))
        with callers("sync") as make:
            caller = make(wire.url, streams=StreamPolicy(on_break=on_break))
            stream = Stream(caller)

            def read() -> None:
                for _ in stream.text:
                    reads.set()

            with pytest.raises(KeyboardInterrupt), stream:
                read()
            assert stream.end == "left"
            assert in_use(caller) == []
            assert (stream.receipt is None) == (on_break == "disconnect")
            assert caller.client.ledger.unsettled == (("cmp_1",) if on_break == "disconnect" else ())

    def test_a_generator_that_passes_it_on_closes_it(self, wire: Wire) -> None:
        def relay() -> Generator[Any, None, None]:
            yield from stream

        wire.plays(sends(ROLE, RED, then="stall", ends=False))
        with callers("sync") as make:
            caller = make(wire.url)
            stream = caller.client.chat.completions.stream(model=MODEL, messages=MESSAGES)
            relayed = relay()
            next(relayed)
            relayed.close()
            assert stream.end == "left"
            assert connections(caller) == []


async def exhaust(stream: aurous.AsyncChatStream) -> None:
    async with stream:
        async for _ in stream:
            pass


class TestCoroutines:
    @pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
    def test_that_are_cancelled_leave_nothing_behind(self, wire: Wire, backend: Any) -> None:
        wire.plays(sends(ROLE, RED, then="stall", ends=False))

        async def go() -> Any:
            async with aurous.AsyncAurous(base_url=wire.url, api_key=KEY, backend=backend) as client:
                stream = client.chat.completions.stream(model=MODEL, messages=MESSAGES)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(exhaust(stream), 0.1)
                assert held(client) == ([], [])
                return stream

        stream = asyncio.run(go())
        assert (stream.end, stream.snapshot.text) == ("left", "Red")

    @pytest.mark.parametrize(("backend", "loop"), [("httpx", "asyncio"), ("aiohttp", "asyncio"), ("auto", "trio")])
    def test_that_are_cancelled_cancel_the_completion(self, mock: Mock, backend: Any, loop: str) -> None:
        async def go() -> Any:
            policy = StreamPolicy(on_break="cancel")
            async with aurous.AsyncAurous(base_url=mock.url, api_key=KEY, streams=policy, backend=backend) as client:
                stream = client.chat.completions.stream(
                    model=MODEL, messages=MESSAGES, extra_headers={FAULT: "stall=2"}
                )
                with anyio.move_on_after(0.3):
                    await exhaust(stream)
                return stream, client

        stream, client = trio.run(go) if loop == "trio" else asyncio.run(go())
        assert stream.end == "left"
        assert stream.completion.status == "cancelled"
        assert client.ledger.credits == sum(Decimal(str(line["credits_charged"])) for line in mock.ledger())

    def test_of_trio_are_not_complained_of(self, mock: Mock) -> None:
        async def go() -> None:
            async with aurous.AsyncAurous(base_url=mock.url, api_key=KEY) as client:
                for fault in ("pace=50", "reset=2", "stall=2", "latency=0"):
                    options: Any = {"model": MODEL, "messages": MESSAGES, "extra_headers": {FAULT: fault}}
                    chosen = client.with_options(timeout=Timeouts(idle=0.1))
                    with contextlib.suppress(errors.AurousError):
                        async with chosen.chat.completions.stream(**options) as stream:
                            async for _ in stream.text:
                                if fault == "pace=50":
                                    break
                    gc.collect()

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            trio.run(go)

    @pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
    def test_may_close_what_another_reads(self, wire: Wire, backend: Any) -> None:
        wire.plays(sends(ROLE, RED, then="stall", ends=False))

        async def go() -> None:
            async with aurous.AsyncAurous(base_url=wire.url, api_key=KEY, backend=backend) as client:
                stream = client.chat.completions.stream(model=MODEL, messages=MESSAGES)
                read = asyncio.create_task(gather(stream))
                while stream.id is None:
                    await asyncio.sleep(0)
                await asyncio.sleep(0)
                await stream.close()
                with pytest.raises(errors.AurousError):
                    await read

        async def gather(stream: Any) -> list[Any]:
            return [chunk async for chunk in stream]

        asyncio.run(go())

    @pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
    def test_are_many(self, mock: Mock, backend: Any) -> None:
        faults = ["latency=0", "pace=200", "reset=3", "truncate=2", "error-frame=1", "end=2", "malformed=2", "done=3"]

        async def one(client: aurous.AsyncAurous, number: int) -> str:
            headers = {FAULT: faults[number % len(faults)]}
            options: Any = {"model": MODEL, "messages": MESSAGES, "max_tokens": 8, "extra_headers": headers}
            stream = client.chat.completions.stream(**options)
            with contextlib.suppress(errors.AurousError):
                await exhaust(stream)
            if stream.receipt is None:
                await stream.recover()
            return str(stream.end)

        async def go() -> tuple[list[str], list[Any], aurous.Ledger]:
            async with aurous.AsyncAurous(base_url=mock.url, api_key=KEY, backend=backend) as client:
                ends = await asyncio.gather(*(one(client, number) for number in range(256)))
                return ends, held(client)[0], client.ledger

        ends, busy, ledger = asyncio.run(go())
        assert {end: ends.count(end) for end in set(ends)} == {
            "finished": 64,
            "cut": 64,
            "failed": 64,
            "closed_early": 32,
            "done_without_finish_reason": 32,
        }
        assert busy == []
        assert ledger.unsettled == ()
        assert ledger.credits == sum(Decimal(str(line["credits_charged"])) for line in mock.ledger())


def test_memory_does_not_grow_with_the_number_of_chunks(wire: Wire) -> None:
    count = 10_000
    word = events(chunk({"content": "a"}))

    def act(connection: Connection) -> bool:
        connection.send(begin("Connection: close") + events(ROLE))
        for _ in range(count // 100):
            connection.send(word * 100)
        connection.send(events(LAST, "[DONE]"))
        return False

    wire.plays(act)
    with callers("sync") as make:
        client = make(wire.url).client
        with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream:
            next(stream)
            tracemalloc.start()
            try:
                collections.deque(itertools.islice(stream, 1000), maxlen=0)
                early = tracemalloc.get_traced_memory()[0]
                collections.deque(stream, maxlen=0)
                late = tracemalloc.get_traced_memory()[0]
            finally:
                tracemalloc.stop()
    assert len(stream.completion.choices[0].message.content) == count
    # A pointer to each piece of the text, and nothing more; the chunks themselves are a hundred times that.
    assert late - early < count * 16
