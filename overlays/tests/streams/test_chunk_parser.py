"""Frames: chunks that have one choice, errors of their code with what had come, and everything else in stride."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from aurous._request.flow import StreamResponse
from aurous._stream.chat_state import KEY_IGNORED, ChatState, completion_in
from aurous._stream.chunk_parser import ChunkParser, StreamEvent
from aurous.errors import (
    APIResponseValidationError,
    APIStatusError,
    AurousError,
    AuthenticationError,
    BalanceTooLowError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    ServerError,
)
from aurous.types import ResponseInfo
from aurous_client.models import ChatCompletionChunk
from hypothesis import given
from hypothesis import strategies as st
from testkit.responses import KEY, envelope
from testkit.streams import GREEN, HEAD, LAST, RED, ROLE, USAGE, WHOLE, chunk, events, record

# The names that mean something, at any place and with values of any kind.
MEMBERS = ["id", "created", "model", "choices", "index", "delta", "content", "finish_reason", "tool_calls", "usage"]
MEMBERS += ["warning", "error", "type", "code", "message", "object"]
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=12,
)


class Reading(ChatState):
    """A parser and the state that its events make."""

    def __init__(self, info: ResponseInfo, max_event_size: int | None) -> None:
        super().__init__()
        redact = lambda data: data.replace(KEY.encode(), b"[secret]")  # noqa: E731
        self.parser = ChunkParser(info, max_event_size=max_event_size, redact=redact)
        self.events = list[StreamEvent]()
        self.begin(StreamResponse(body=None, info=info, deadline=0.0))


def reader(max_event_size: int | None = None, **headers: str) -> Reading:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reading(ResponseInfo(status_code=200, headers={"aurous-request-id": "req_1", **named}), max_event_size)


def read(*frames: Any) -> tuple[Reading, list[ChatCompletionChunk]]:
    parser = reader()
    return parser, list(feed(parser, events(*frames)))


def feed(parser: Reading, piece: bytes) -> Iterator[ChatCompletionChunk]:
    event = parser.parser.receive_data(piece)
    while event is not None:
        parser.events.append(event)
        chunk = parser.apply(event)
        if chunk is not None:
            yield chunk
        event = parser.parser.next_event()


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def fault_of(*frames: Any) -> AurousError:
    parser = reader()
    chunks = feed(parser, events(*frames))
    with pytest.raises(AurousError) as caught:
        list(chunks)
    return caught.value


class TestChunks:
    def test_complete_stream_gives_all_chunks(self) -> None:
        parser, chunks = read(*WHOLE)
        assert text_of(chunks) == "Red, green"
        assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "stop"]
        assert (parser.id, parser.complete_end, parser.is_done, parser.is_complete) == ("cmp_1", "finished", True, True)
        assert parser.accumulator.completion().to_dict() == record()

    @pytest.mark.parametrize(
        "frame",
        [
            chunk(usage=USAGE),
            chunk(),
            {"object": "something.new", "progress": 0.5},
            {**HEAD, "choices": None},
            {"warning": {"code": "slow", "message": "It is slow today."}},
            {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []},
            {"type": "ping"},
            {"message": "hello", "code": "greeting"},
            {**HEAD, "choices": [{"index": 1, "delta": {"content": "of another choice"}}]},
            b"data:\n\n",
            b"data\n\n",
            b"data:  \n\n",
            b": keep-alive\n\n",
            b"id: 7\n\n",
            b"retry: 3000\n\n",
            b"event: ping\n\n",
            b'event: ping\ndata: {"type": "ping"}\n\n',
            b"event: keep-alive\ndata: 1\n\n",
        ],
    )
    @pytest.mark.parametrize("place", [1, 2, 3])
    def test_frames_without_content_give_no_chunk(self, frame: Any, place: int) -> None:
        parser, chunks = read(*WHOLE[:place], frame, *WHOLE[place:])
        assert text_of(chunks) == "Red, green"
        assert all(len(chunk.choices) == 1 for chunk in chunks)
        assert len(chunks) == 4
        assert parser.accumulator.completion().to_dict() == record()

    def test_chunks_have_one_choice_if_the_server_sends_two(self) -> None:
        two = {**HEAD, "choices": [{"index": i, "delta": {"content": str(i)}, "finish_reason": None} for i in (0, 1)]}
        parser, chunks = read(ROLE, two, LAST)
        assert [[choice.index for choice in chunk.choices] for chunk in chunks] == [[0], [0], [0]]
        assert text_of(chunks) == "0"
        assert any("choice 1" in line for line in parser.accumulator.inconsistencies)

    def test_chunks_keep_members_unknown_to_the_spec(self) -> None:
        _, chunks = read(chunk({"content": "a", "mood": "merry"}, service_tier="gold"))
        assert chunks[0].to_dict()["service_tier"] == "gold"
        assert chunks[0].choices[0].delta.to_dict()["mood"] == "merry"

    def test_chunks_are_parsed_one_by_one(self) -> None:
        parser = reader()
        chunks = feed(parser, events(*WHOLE))
        next(chunks)
        assert parser.accumulator.text == ""
        next(chunks)
        assert parser.accumulator.text == "Red"

    def test_any_split_of_the_bytes_gives_the_same_chunks(self) -> None:
        data = events(ROLE, chunk({"content": "é€🧪\u2028"}), chunk({}, "stop"), chunk(usage=USAGE), "[DONE]")
        for place in range(len(data)):
            parser = reader()
            chunks = [*feed(parser, data[:place]), *feed(parser, data[place:])]
            assert text_of(chunks) == "é€🧪\u2028"
            assert parser.streamed_receipt is not None

    @given(st.binary(max_size=200))
    def test_any_bytes_give_chunks_or_a_typed_error(self, data: bytes) -> None:
        parser = reader()
        try:
            chunks = list(feed(parser, b"data: " + data + b"\n\n"))
        except AurousError as error:
            pickle.loads(pickle.dumps(error))
        else:
            assert all(len(chunk.choices) == 1 for chunk in chunks)

    @given(DOCUMENTS)
    def test_any_json_gives_chunks_or_a_typed_error(self, frame: Any) -> None:
        parser = reader()
        try:
            chunks = list(feed(parser, events(json.dumps(frame))))
        except AurousError as error:
            pickle.loads(pickle.dumps(error))
        else:
            assert all(len(chunk.choices) == 1 for chunk in chunks)

    def test_invalid_utf8_is_reported_as_inconsistency(self) -> None:
        parser = reader()
        list(feed(parser, events(RED).replace(b"Red", b"R\xffd")))
        assert parser.accumulator.text == "R\ufffdd"
        assert any("U+FFFD" in line for line in parser.accumulator.inconsistencies)


class TestEndOfStream:
    @pytest.mark.parametrize("done", [b"data: [DONE]\n\n", b"data:[DONE]\n\n", b"data:  [DONE] \n\n"])
    def test_done_marks_the_stream_complete(self, done: bytes) -> None:
        parser, _ = read(ROLE, RED, done)
        assert parser.is_done
        assert parser.is_complete
        assert parser.complete_end == "done_without_finish_reason"

    def test_finish_reason_marks_the_stream_complete(self) -> None:
        parser, _ = read(ROLE, chunk({}, "length"))
        assert parser.is_complete
        assert not parser.is_done
        assert parser.complete_end == "finished"
        assert not parser.needs_nothing

    def test_stream_is_incomplete_without_finish_reason_or_done(self) -> None:
        parser, _ = read(ROLE, RED, GREEN)
        assert not parser.is_complete
        assert not parser.needs_nothing

    def test_data_after_done_is_ignored(self) -> None:
        parser, chunks = read(*WHOLE, chunk({"content": "beyond"}), "no JSON", {"error": {"code": "internal_error"}})
        assert text_of(chunks) == "Red, green"
        assert list(feed(parser, events("no JSON"))) == []

    def test_complete_stream_without_usage_awaits_usage(self) -> None:
        parser, _ = read(ROLE, chunk({}, "stop"))
        assert not parser.needs_nothing
        list(feed(parser, events(chunk(usage=USAGE))))
        assert parser.needs_nothing


class TestReceipt:
    @pytest.mark.parametrize("frames", [[LAST], [chunk({}, "stop"), chunk(usage=USAGE)]])
    def test_streamed_receipt_has_the_digits_of_the_wire(self, frames: list[Any]) -> None:
        exact = events(ROLE, *frames).replace(b"0.0117", b"0.01170000000000000000001")
        parser = reader()
        list(feed(parser, exact))
        assert parser.streamed_receipt is not None
        assert parser.streamed_receipt.credits == Decimal("0.01170000000000000000001")
        assert parser.streamed_receipt.completion_id == "cmp_1"
        assert parser.usage is not None
        assert b"0.01170000000000000000001" in parser.usage.content

    def test_last_of_several_usages_is_the_receipt(self) -> None:
        less = {**USAGE, "credits_charged": 0.001}
        parser, _ = read(ROLE, {**RED, "usage": less}, LAST)
        assert parser.streamed_receipt is not None
        assert parser.streamed_receipt.credits == Decimal("0.0117")

    @pytest.mark.parametrize("nested", [{"credits_charged": 9}, [1], None])
    def test_usage_with_escaped_name_is_the_receipt(self, nested: Any) -> None:
        frame = chunk({}, "stop", usage=USAGE)
        frame["choices"][0]["usage"] = nested
        name, _, rest = json.dumps(frame).rpartition('"usage"')
        parser = reader()
        list(feed(parser, f'data: {name}"\\u0075sage"{rest}\n\n'.encode()))
        assert parser.streamed_receipt is not None
        assert parser.streamed_receipt.credits == Decimal(str(USAGE["credits_charged"]))

    def test_null_usage_gives_no_receipt(self) -> None:
        parser, _ = read(ROLE, {**chunk({}, "stop"), "usage": None}, "[DONE]")
        assert parser.streamed_receipt is None

    def test_completion_sent_instead_of_a_stream_gives_a_receipt(self) -> None:
        result = completion_in(json.dumps(record()).encode())
        assert result is not None
        assert result[0].id == "cmp_1"
        assert result[1].credits == Decimal("0.0117")

    @pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"<html>", b"{" * 100_000, b'{"usage": 1}'])
    def test_other_bodies_give_no_receipt(self, content: bytes) -> None:
        assert completion_in(content) is None


class TestErrors:
    @pytest.mark.parametrize(
        ("frame", "kind", "status", "code"),
        [
            (envelope("chat_provider_unavailable", "server_error"), ServerError, 502, "chat_provider_unavailable"),
            (envelope("provider_rate_limited", "rate_limit"), RateLimitError, 503, "provider_rate_limited"),
            (envelope("balance_too_low"), BalanceTooLowError, 402, "balance_too_low"),
            (envelope("invalid_api_key", "authentication"), AuthenticationError, 401, "invalid_api_key"),
            (envelope("brand_new", "rate_limit"), RateLimitError, 429, "brand_new"),
            (envelope("brand_new", "not_found"), NotFoundError, 404, "brand_new"),
            (envelope("brand_new", "brand_new"), ServerError, 500, "brand_new"),
            (envelope("internal_error")["error"], ServerError, 500, "internal_error"),
            ({"type": "invalid_request", "message": "No."}, InvalidRequestError, 400, None),
            ({"type": "error", "error": {"type": "overloaded", "message": "Busy."}}, ServerError, 500, None),
            ({"type": "error", "message": "Busy."}, ServerError, 500, None),
            ({"object": "error", "message": "Bad.", "code": 400}, ServerError, 500, None),
            ({"error": "it broke"}, ServerError, 500, None),
            ({"error": True}, ServerError, 500, None),
            ({"error": {"code": 429, "message": "Slow down."}}, RateLimitError, 429, None),
            ({**RED, "error": {"code": "internal_error"}}, ServerError, 500, "internal_error"),
            (b'event: error\ndata: {"message": "It broke."}\n\n', ServerError, 500, None),
            (b'event: error\ndata: {"error": {"code": "internal_error"}}\n\n', ServerError, 500, "internal_error"),
            (b'event: error\ndata: {"code": "internal_error"}\n\n', ServerError, 500, "internal_error"),
            (b"event: error\ndata: upstream is gone\n\n", ServerError, 500, None),
            (b"event: error\ndata: [1]\n\n", ServerError, 500, None),
            (b"event: error\ndata:\n\n", ServerError, 500, None),
        ],
    )
    def test_error_frame_raises_the_class_of_its_code(
        self, frame: Any, kind: type[APIStatusError], status: int, code: str | None
    ) -> None:
        error = fault_of(ROLE, RED, frame, "[DONE]")
        assert type(error) is kind
        assert isinstance(error, APIStatusError)
        assert (error.status_code, error.code, error.request_id) == (status, code, error.request_id)
        assert (error.completion_id, error.text) == ("cmp_1", "Red")
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.completion_id, again.text) == (kind, "cmp_1", "Red")

    def test_error_frame_keeps_the_servers_message(self) -> None:
        assert "upstream is gone" in str(fault_of(b"event: error\ndata: upstream is gone\n\n"))
        assert "It broke." in str(fault_of({"error": {"message": "It broke."}}))

    @pytest.mark.parametrize("nothing", [None, False, "", {}])
    def test_empty_error_member_is_no_error(self, nothing: Any) -> None:
        _, chunks = read(ROLE, {**RED, "error": nothing}, LAST)
        assert text_of(chunks) == "Red"

    @pytest.mark.parametrize(
        ("frame", "text"),
        [
            ("Bad Gateway", "JSON"),
            ("<html></html>", "JSON"),
            ('{"id": ', "JSON"),
            ("[1, 2]", "object"),
            ("12", "object"),
            ("[" * 100_000, "JSON"),
        ],
    )
    def test_validation_error_carries_the_text_received_before(self, frame: Any, text: str) -> None:
        error = fault_of(ROLE, RED, frame)
        assert isinstance(error, APIResponseValidationError)
        assert text in str(error)
        assert (error.completion_id, error.text, error.request_id) == ("cmp_1", "Red", "req_1")

    def test_validation_error_follows_the_chunks_of_the_same_read(self) -> None:
        parser = reader()
        chunks = feed(parser, events(ROLE, RED, "no JSON"))
        assert text_of([next(chunks), next(chunks)]) == "Red"
        with pytest.raises(APIResponseValidationError):
            next(chunks)

    def test_too_large_event_raises_validation_error(self) -> None:
        parser = reader(max_event_size=1000)
        list(feed(parser, events(ROLE, RED)))
        with pytest.raises(APIResponseValidationError, match="1000 bytes") as caught:
            list(feed(parser, events(chunk({"content": "x" * 1000}))))
        assert caught.value.text == "Red"

    @pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
    def test_too_large_event_in_the_last_read_raises(self, line_end: bytes) -> None:
        parser = reader(max_event_size=1000)
        too_large = chunk({"content": "x" * 1000})
        with pytest.raises(APIResponseValidationError, match="1000 bytes"):
            list(feed(parser, events(ROLE, RED, too_large).replace(b"\n", line_end)))
        assert parser.accumulator.text == "Red"

    @pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
    def test_too_large_event_after_done_is_ignored(self, line_end: bytes) -> None:
        parser = reader(max_event_size=1000)
        piece = events(*WHOLE, chunk({"content": "x" * 1000})).replace(b"\n", line_end)
        assert text_of(list(feed(parser, piece))) == "Red, green"
        assert parser.is_done

    def test_stream_errors_do_not_show_the_key(self) -> None:
        for frame in ({"error": {"message": f"bad key {KEY}"}}, f"no JSON {KEY}"):
            error = fault_of(frame)
            assert KEY not in f"{error} {vars(error)}"

    def test_error_of_failed_record_has_the_class_of_its_code(self) -> None:
        parser, _ = read(ROLE, RED)
        fault = {"code": "chat_provider_unavailable", "type": "server_error", "message": "It went away."}
        whole = completion_in(json.dumps(record(status="failed", error=fault)).encode())
        assert whole is not None
        error = parser.with_partial(parser.parser.error_of_record(whole[0]))
        assert isinstance(error, ServerError)
        assert (error.code, error.completion_id, error.text) == ("chat_provider_unavailable", "cmp_1", "Red")


class TestWarnings:
    @pytest.mark.parametrize(
        "frame",
        [
            chunk(warning={"code": KEY_IGNORED.code, "message": "Ignored."}),
            {"warning": {"code": KEY_IGNORED.code, "message": "Ignored."}},
            {"code": KEY_IGNORED.code, "message": "Ignored."},
            {"type": "warning", "code": KEY_IGNORED.code, "message": "Ignored."},
            b'event: warning\ndata: {"code": "idempotency_ignored_streaming", "message": "Ignored."}\n\n',
        ],
    )
    @pytest.mark.parametrize("status", ["", "ignored_streaming"])
    def test_warning_of_any_shape_is_reported_once(self, frame: Any, status: str) -> None:
        parser = reader(aurous_idempotency_status=status)
        chunks = list(feed(parser, events(frame, *WHOLE)))
        assert text_of(chunks) == "Red, green"
        assert [(warning.code, warning.message) for warning in parser.warnings] == [(KEY_IGNORED.code, "Ignored.")]

    def test_ignored_key_header_gives_a_warning(self) -> None:
        parser = reader(aurous_idempotency_status="ignored_streaming")
        list(feed(parser, events(*WHOLE)))
        assert parser.warnings == [KEY_IGNORED]

    @pytest.mark.parametrize(("warning", "text"), [("Mind the gap.", "Mind the gap."), ({"a": 1}, '{"a": 1}')])
    def test_warning_of_unknown_form_is_kept(self, warning: Any, text: str) -> None:
        parser, _ = read({**RED, "warning": warning})
        assert [(warning.code, warning.message) for warning in parser.warnings] == [("unknown", text)]

    def test_warning_in_a_chunk_does_not_hide_its_text(self) -> None:
        parser, chunks = read({**RED, "warning": {"code": "a", "message": "b"}})
        assert text_of(chunks) == "Red"
        assert len(parser.warnings) == 1


def test_comments_and_empty_events_are_not_counted() -> None:
    parser, _ = read(b": keep-alive\n\n", b"data:\n\n", b"event: ping\ndata: {}\n\n", ROLE, RED)
    assert len(parser.events) == 2
