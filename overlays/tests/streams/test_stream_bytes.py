"""Streams from raw sockets: bytes of every form, how they end, and what servers send that none should."""

from __future__ import annotations

import collections
import gzip
import itertools
import json
import pickle
import tracemalloc
from decimal import Decimal
from typing import Any

# Takes longer to load than some of these streams may last.
import httpcore
import pytest
from aurous import StreamPolicy, Timeouts, errors
from clientkit.callers import Caller, Make
from clientkit.streams import Stream, callers, connections, in_use
from testkit.raw_server import Action, Connection, RawServer, drip, raw
from testkit.responses import MESSAGES, MODEL, answer, envelope
from testkit.streams import GREEN, LAST, RED, ROLE, TEXT, USAGE, WHOLE, begin, chunk, events, in_pieces, record, sends


@pytest.fixture
def caller(live: Make, wire: RawServer) -> Caller:
    return live(wire.url)


class TestFraming:
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
    def test_every_legal_sse_form_gives_the_same_answer(
        self, caller: Caller, wire: RawServer, body: bytes, framing: str
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

    def test_stream_may_be_split_anywhere(self, caller: Caller, wire: RawServer) -> None:
        frames = [ROLE, chunk({"content": "é€🧪"}), LAST, "[DONE]"]
        body = events(*frames).replace(b"\\u", b"\\u")
        body = json.dumps(frames[1], ensure_ascii=False).encode().join(body.split(json.dumps(frames[1]).encode()))
        assert "é€🧪".encode() in body
        wire.plays(raw(in_pieces(*(body[place : place + 1] for place in range(len(body)))), then="keep"))
        with Stream(caller) as stream:
            assert "".join(stream.text) == "é€🧪"

    def test_stream_may_drip_byte_by_byte(self, caller: Caller, wire: RawServer) -> None:
        sent = in_pieces(*(events(frame) for frame in WHOLE))
        wire.plays(drip(sent, fast=len(sent) - 60, pause=0.0005))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT

    def test_compressed_stream_is_decoded(self, caller: Caller, wire: RawServer) -> None:
        body = gzip.compress(events(*WHOLE))
        wire.plays(raw(begin("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body, then="keep"))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT
        assert wire.requests[0].header("Accept-Encoding") == "identity"
        assert wire.requests[0].header("Accept") == "text/event-stream"

    def test_invalid_compression_raises_typed_error(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(raw(begin("Content-Encoding: gzip", "Content-Length: 9") + b"no gzip!!", then="keep"))
        with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError, match="decompressed"):
            list(stream)

    def test_event_over_max_event_size_raises_typed_error(self, live: Make, wire: RawServer) -> None:
        caller = live(wire.url, streams=StreamPolicy(max_event_size=2000))
        wire.plays(sends(ROLE, RED, chunk({"content": "x" * 2000}), LAST))
        with Stream(caller) as stream, pytest.raises(errors.APIResponseValidationError, match="2000 bytes") as caught:
            list(stream)
        assert caught.value.text == "Red"


class TestIncompleteStreams:
    """Of the answers that do not come to one, by how they end."""

    @pytest.mark.parametrize("then", ["close", "reset"])
    @pytest.mark.parametrize("frames", range(4))
    def test_broken_connection_raises_interrupted(
        self, caller: Caller, wire: RawServer, frames: int, then: str
    ) -> None:
        wire.plays(sends(*WHOLE[:frames], then=then, ends=False))
        with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        error = caught.value
        assert (error.end, stream.end) == ("cut", "cut")
        assert error.text == ["", "", "Red", TEXT][frames]
        assert error.completion_id == (None if frames == 0 else "cmp_1")
        assert isinstance(error.__cause__, (httpcore.NetworkError, httpcore.ProtocolError))
        assert pickle.loads(pickle.dumps(error)).text == error.text

    @pytest.mark.parametrize("frames", range(4))
    def test_truncated_stream_raises_interrupted(self, caller: Caller, wire: RawServer, frames: int) -> None:
        body = events(*WHOLE[:frames])
        for sent in (in_pieces(body), begin(f"Content-Length: {len(body)}") + body, begin("Connection: close") + body):
            wire.plays(raw(sent, then="close" if b"Connection: close" in sent else "keep"))
            with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError) as caught:
                list(stream)
            assert (caught.value.end, stream.end) == ("closed_early", "closed_early")

    def test_stream_truncated_within_an_event_raises_interrupted(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(raw(in_pieces(events(*WHOLE[:3])[:-30])))
        with Stream(caller) as stream, pytest.raises(errors.StreamInterruptedError) as caught:
            list(stream)
        assert (caught.value.end, caught.value.text) == ("closed_early", "Red")

    def test_done_without_finish_reason_is_its_own_end(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(sends(ROLE, RED, chunk(usage=USAGE), "[DONE]"))
        seen = []
        with Stream(caller) as stream, pytest.raises(errors.IncompleteCompletionError) as caught:
            seen.extend(stream.text)
        assert (seen, stream.end) == (["Red"], "done_without_finish_reason")
        assert (caught.value.completion_id, caught.value.text) == ("cmp_1", "Red")
        for read in (lambda: stream.completion, lambda: list(stream)):
            with pytest.raises(errors.IncompleteCompletionError) as again:
                read()
            assert again.value is caught.value
        assert caught.value.receipt == stream.receipt
        assert stream.receipt.credits == caller.client.ledger.credits == Decimal("0.0117")

    @pytest.mark.parametrize("then", ["close", "reset", "keep"])
    def test_disconnect_after_the_last_chunk_is_no_error(self, caller: Caller, wire: RawServer, then: str) -> None:
        wire.plays(sends(*WHOLE[:4], then=then, ends=False))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT
        assert (stream.end, stream.receipt.credits) == ("finished", Decimal("0.0117"))
        assert in_use(caller) == []

    @pytest.mark.parametrize("frames", [WHOLE, [*WHOLE, chunk({"content": "beyond"})], WHOLE[:4]])
    def test_stream_ends_at_done_although_the_connection_stays_open(
        self, caller: Caller, wire: RawServer, frames: list[Any]
    ) -> None:
        """The answer does not wait for a server that forgets to hang up."""
        wire.plays(sends(*frames, then="stall", ends=False))
        # Whoever waits for the server waits for an hour.
        with Stream(caller, timeout=Timeouts(idle=3600, total=3600)) as stream:
            assert "".join(stream.text) == TEXT
        assert stream.end == "finished"
        assert connections(caller) == []

    def test_usage_after_leaving_at_finish_reason_is_read(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(sends(ROLE, RED, GREEN, chunk({}, "stop"), chunk(usage=USAGE), "[DONE]"))
        with Stream(caller) as stream:
            for piece in stream:
                if piece.choices[0].finish_reason:
                    break
        assert (stream.end, stream.receipt.credits) == ("finished", Decimal("0.0117"))
        assert len(connections(caller)) == 1

    def test_error_frame_raises_typed_error(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(sends(ROLE, RED, envelope("provider_rate_limited", "rate_limit"), "[DONE]"))
        with Stream(caller) as stream, pytest.raises(errors.RateLimitError) as caught:
            list(stream)
        assert (caught.value.completion_id, caught.value.text) == ("cmp_1", "Red")
        assert caller.client.ledger.unsettled == ("cmp_1",)

    def test_complete_streams_reuse_one_connection(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(sends(*WHOLE))
        for _ in range(5):
            with Stream(caller) as stream:
                list(stream)
        assert wire.connections == 1


class TestOtherContentTypes:
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
    def test_response_that_is_no_stream_raises_validation_error(
        self, caller: Caller, wire: RawServer, sent: Action
    ) -> None:
        wire.plays(sent)
        stream = Stream(caller)
        with pytest.raises(errors.APIResponseValidationError, match="text/event-stream"):
            list(stream)
        with pytest.raises(errors.APIResponseValidationError):
            list(stream)
        assert len(wire.requests) == 1
        assert in_use(caller) == []

    def test_completion_sent_instead_of_a_stream_is_charged_to_the_ledger(
        self, caller: Caller, wire: RawServer
    ) -> None:
        wire.plays(answer(200, record()))
        stream = Stream(caller)
        with pytest.raises(errors.APIResponseValidationError) as caught, stream:
            pass
        assert (caught.value.completion_id, caught.value.text) == ("cmp_1", TEXT)
        assert stream.receipt.credits == caller.client.ledger.credits == Decimal("0.0117")

    def test_content_type_is_case_insensitive(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(raw(begin(kind="Text/Event-Stream;charset=UTF-8") + events(*WHOLE)))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT

    @pytest.mark.parametrize("again", ["text/event-stream", "text/event-stream; charset=utf-8"])
    def test_content_type_may_be_repeated(self, again: str, caller: Caller, wire: RawServer) -> None:
        head = begin(f"Content-Type: {again}", *["Aurous-Request-Id: req_1"] * 2, kind="text/event-stream")
        wire.plays(raw(head + events(*WHOLE)))
        with Stream(caller) as stream:
            assert "".join(stream.text) == TEXT
        assert stream.response_info.request_id == "req_1"


def test_memory_does_not_grow_with_the_number_of_chunks(wire: RawServer) -> None:
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
