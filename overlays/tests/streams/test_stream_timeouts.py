"""How long streams from raw sockets may take: until the first event, between two, and in all."""

from __future__ import annotations

import pickle
import socket
import threading
import time as real_time
from typing import Any

# Takes longer to load than some of these streams may last.
import pytest
from aurous import Timeouts, errors
from clientkit.callers import Make, Time
from clientkit.streams import Stream, connections
from testkit.conditions import PATIENCE
from testkit.raw_server import Action, Connection, RawServer, drip, raw
from testkit.responses import answer, envelope
from testkit.streams import GREEN, LAST, RED, ROLE, TEXT, WHOLE, begin, chunk, events, in_pieces, record, sends


def chatters(
    *pieces: bytes, pause: float = 0.01, time: Time | None = None, read: threading.Event | None = None
) -> Action:
    """A server that never ends: it repeats itself until nobody listens.

    time: a clock that moves with each repetition; read: what is waited for before the first one
    """

    def act(connection: Connection) -> bool:
        connection.send(begin("Transfer-Encoding: chunked"))
        for piece in pieces:
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if read is not None:
            read.wait()
        while not connection.over.wait(pause):
            if time is not None:
                time.sleep(2)
            try:
                connection.socket.sendall(b"%x\r\n%b\r\n" % (len(pieces[-1]), pieces[-1]))
            except OSError:
                return False
        return False

    return act


KEEP_ALIVE = b": keep-alive\n\n"
RED_SENT = b'"Red"'


class TestTimeouts:
    @pytest.mark.parametrize(
        ("pieces", "timeouts", "error"),
        [
            ([KEEP_ALIVE], Timeouts(first_event=10), errors.FirstEventTimeoutError),
            ([b"data:\n\n"], Timeouts(first_event=10), errors.FirstEventTimeoutError),
            ([b"event: ping\ndata: {}\n\n"], Timeouts(first_event=10), errors.FirstEventTimeoutError),
            ([events(ROLE, RED), KEEP_ALIVE], Timeouts(idle=10), errors.IdleTimeoutError),
            ([events(ROLE, RED), b"d"], Timeouts(idle=10), errors.IdleTimeoutError),
            ([events(ROLE, RED), KEEP_ALIVE], Timeouts(total=30), errors.TotalTimeoutError),
            ([events(ROLE), events(chunk({}))], Timeouts(total=40, idle=30), errors.TotalTimeoutError),
        ],
    )
    def test_timeouts_expire_although_bytes_keep_arriving(
        self,
        make: Make,
        time: Time,
        wire: RawServer,
        pieces: list[bytes],
        timeouts: Timeouts,
        error: type[Exception],
    ) -> None:
        read, ends_in_chunks = threading.Event(), pieces[-1].startswith(b"data: {")
        wire.plays(chatters(*pieces, time=None if ends_in_chunks else time, read=read))
        caller = make(wire.url, timeout=timeouts)
        stream = Stream(caller)

        def exhaust() -> None:
            if RED_SENT not in b"".join(pieces):
                read.set()
            for _ in stream:
                time.sleep(5)
                if stream.snapshot.text:
                    read.set()

        with pytest.raises(errors.StreamTimeoutError) as caught, stream:
            exhaust()
        assert type(caught.value) is error
        assert isinstance(caught.value, errors.APITimeoutError)
        assert caught.value.end == "cut"
        assert caught.value.text == ("Red" if RED_SENT in b"".join(pieces) else "")
        assert connections(caller) == []
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), again.text, again.attempts) == (error, caught.value.text, caught.value.attempts)

    @pytest.mark.parametrize(
        ("frames", "timeouts", "error", "message"),
        [
            ([], Timeouts(first_event=0.1), errors.FirstEventTimeoutError, "no event within 0.1 s"),
            ([ROLE], Timeouts(idle=0.1), errors.IdleTimeoutError, "no further event within 0.1 s"),
            ([ROLE], Timeouts(total=0.1), errors.TotalTimeoutError, "it did not end within 0.1 s"),
            (None, Timeouts(first_event=0.1), errors.FirstEventTimeoutError, "no event within 0.1 s"),
            (None, Timeouts(total=0.1), errors.TotalTimeoutError, "it did not end within 0.1 s"),
        ],
    )
    def test_timeouts_expire_without_data(
        self,
        live: Make,
        wire: RawServer,
        frames: list[Any] | None,
        timeouts: Timeouts,
        error: type[Exception],
        message: str,
    ) -> None:
        """Also where the server keeps its headers back until it has something to say."""
        wire.plays(raw(b"", then="stall") if frames is None else sends(*frames, then="stall", ends=False))
        caller = live(wire.url, timeout=timeouts)
        stream = Stream(caller)
        with pytest.raises(errors.StreamTimeoutError, match=message) as caught, stream:
            list(stream)
        assert type(caught.value) is error
        assert connections(caller) == []

    def test_idle_timeout_expires_within_an_http_chunk(self, live: Make, wire: RawServer) -> None:
        sent = in_pieces(events(ROLE), events(RED), ends=False)
        wire.plays(drip(sent + b"1" * 5000, fast=len(sent), pause=0.01))
        with Stream(live(wire.url, timeout=Timeouts(idle=0.1))) as stream, pytest.raises(errors.IdleTimeoutError):
            list(stream)

    def test_timeout_can_be_set_for_one_stream(self, live: Make, wire: RawServer) -> None:
        wire.plays(sends(ROLE, then="stall", ends=False))
        with (
            pytest.raises(errors.TotalTimeoutError, match=r"0\.15 s"),
            Stream(live(wire.url), timeout=Timeouts(total=0.15)) as stream,
        ):
            list(stream)

    def test_idle_timeout_does_not_run_while_the_caller_is_busy(self, live: Make, wire: RawServer) -> None:
        first, rest = threading.Event(), threading.Event()

        def act(connection: Connection) -> bool:
            connection.send(in_pieces(events(ROLE, RED), ends=False))
            first.wait()
            connection.send(in_pieces(events(GREEN, LAST, "[DONE]")).partition(b"\r\n\r\n")[2])
            rest.set()
            return True

        wire.plays(act)
        caller = live(wire.url, timeout=Timeouts(idle=0.2))
        with Stream(caller) as stream:
            for number, _ in enumerate(stream):
                if number == 1:
                    busy_until = real_time.monotonic() + 0.4
                    while real_time.monotonic() < busy_until:
                        pass
                    first.set()
                    assert rest.wait(PATIENCE)
        assert stream.completion.choices[0].message.content == TEXT

    def test_idle_timeout_does_not_run_while_the_last_chunk_is_processed(self, live: Make, wire: RawServer) -> None:
        """What has come is read without waiting, and no clock was asked since the first of it."""
        closed = threading.Event()

        def act(connection: Connection) -> bool:
            connection.send(in_pieces(events(ROLE), events(RED)))
            connection.socket.shutdown(socket.SHUT_WR)
            closed.set()
            connection.wait_closed()
            return False

        wire.plays(act)
        with Stream(live(wire.url, timeout=Timeouts(idle=0.1, first_event=20))) as stream:
            for _ in range(2):
                next(iter(stream))
                assert closed.wait(PATIENCE)
                real_time.sleep(0.15)
            with pytest.raises(errors.StreamInterruptedError, match="the server closed") as caught:
                list(stream)
        assert type(caught.value) is errors.StreamInterruptedError
        assert caught.value.end == "closed_early"

    @pytest.mark.parametrize(
        ("pieces", "busy"),
        [
            # Each read finds something: an event, and a part of the next or what is none.
            ([events(ROLE), events(RED) + b"da"], 0.0),
            pytest.param([events(ROLE), events(RED) + KEEP_ALIVE], 0.0, marks=pytest.mark.slow),
            pytest.param([events(ROLE), events(RED)], 0.0, marks=pytest.mark.slow),
            ([events(ROLE), events(RED) + 3 * KEEP_ALIVE], 0.05),
        ],
    )
    def test_total_timeout_expires_although_every_read_returns_at_once(
        self, live: Make, wire: RawServer, pieces: list[bytes], busy: float
    ) -> None:
        wire.plays(chatters(*pieces, pause=busy / 2))
        caller = live(wire.url, timeout=Timeouts(total=0.5))
        began = real_time.monotonic()

        def read() -> None:
            with Stream(caller) as stream:
                for _ in stream:
                    real_time.sleep(busy)
                    assert real_time.monotonic() - began < PATIENCE

        with pytest.raises(errors.TotalTimeoutError, match=r"0\.5 s"):
            read()
        assert connections(caller) == []

    @pytest.mark.slow
    def test_first_event_timeout_may_be_shorter_than_idle(self, live: Make, wire: RawServer) -> None:
        """httpx has one timeout for a whole response; it must not be that for the first event."""

        def act(connection: Connection) -> bool:
            connection.send(in_pieces(events(ROLE, RED), ends=False))
            connection.over.wait(2.3)
            connection.send(in_pieces(events(GREEN, LAST, "[DONE]")).partition(b"\r\n\r\n")[2])
            return True

        wire.plays(act)
        with Stream(live(wire.url, timeout=Timeouts(idle=60, first_event=2))) as stream:
            assert "".join(stream.text) == TEXT

    def test_stream_that_a_rate_limit_refused_is_opened_again(self, make: Make, wire: RawServer, time: Time) -> None:
        throttled = answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "5"})
        wire.plays(throttled, sends(*WHOLE))
        with Stream(make(wire.url)) as stream:
            assert "".join(stream.text) == TEXT
        assert (len(wire.requests), time.slept) == (2, [5])

    def test_first_event_timeout_includes_retries(self, live: Make, wire: RawServer) -> None:
        throttled = answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "30"})
        wire.plays(throttled, sends(*WHOLE))
        caller = live(wire.url, timeout=Timeouts(first_event=20))
        with pytest.raises(errors.RateLimitError), Stream(caller):
            pass

    @pytest.mark.slow
    def test_stream_timeouts_do_not_affect_later_requests_on_the_connection(self, live: Make, wire: RawServer) -> None:
        caller = live(wire.url, timeout=Timeouts(idle=2, first_event=2))

        def slow(connection: Connection) -> bool:
            connection.over.wait(2.3)
            return answer(200, record())(connection)

        wire.plays(sends(*WHOLE), slow)
        with Stream(caller) as stream:
            list(stream)
        assert caller.create().id == "cmp_1"
        assert wire.connections == 1
