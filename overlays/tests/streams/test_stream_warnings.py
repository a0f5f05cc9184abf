"""What a stream has to tell besides its answer: a warning that points at the caller, who may make it an error."""

from __future__ import annotations

import warnings
from typing import Any

import aurous
import pytest
from aurous import StreamPolicy
from aurous_mock.server.launcher import Mock
from clientkit.callers import Caller, Make
from clientkit.streams import Stream, connections
from testkit.raw_server import RawServer, raw
from testkit.responses import MESSAGES, MODEL
from testkit.streams import RED, ROLE, WHOLE, begin, chunk, events, record, sends


@pytest.fixture
def caller(live: Make, wire: RawServer) -> Caller:
    return live(wire.url)


class TestNotices:
    NOTICE = chunk(warning={"code": "idempotency_ignored_streaming", "message": "Mind."})

    @pytest.mark.parametrize("way", ["chunks", "text"])
    def test_stream_notice_points_at_the_caller(self, caller: Caller, wire: RawServer, way: str) -> None:
        wire.plays(sends(self.NOTICE, *WHOLE))
        stream = caller.client.chat.completions.stream(model=MODEL, messages=MESSAGES)
        with pytest.warns(aurous.StreamNotice, match=r"idempotency_ignored_streaming: Mind\.") as caught:
            self.read(stream, way) if caller.kind == "sync" else caller.runner.run(self.aread(stream, way))
        assert [warning.filename for warning in caught] == [__file__]
        assert [warning.message for warning in stream.warnings] == ["Mind."]
        assert stream.completion.to_dict() == record()

    def read(self, stream: aurous.ChatStream, way: str) -> None:
        with stream:
            list(stream if way == "chunks" else stream.text)

    async def aread(self, stream: aurous.AsyncChatStream, way: str) -> None:
        async with stream:
            async for _ in stream if way == "chunks" else stream.text:
                pass

    def test_ignored_key_header_gives_a_stream_notice(self, caller: Caller, wire: RawServer) -> None:
        body = events(*WHOLE)
        head = begin("Aurous-Idempotency-Status: ignored_streaming", f"Content-Length: {len(body)}")
        wire.plays(raw(head + body, then="keep"))
        with pytest.warns(aurous.StreamNotice, match="charged again"), Stream(caller) as stream:
            list(stream)
        assert len(stream.warnings) == 1
        assert stream.response_info.idempotency_status == "ignored_streaming"

    def test_deprecation_made_an_error_closes_the_stream(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(raw(begin("Sunset: soon") + events(ROLE), then="stall"))
        stream = Stream(caller)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(DeprecationWarning), stream:
                pass
        assert stream.end == "left"
        assert connections(caller) == []

    def test_notice_made_an_error_closes_the_stream(self, caller: Caller, wire: RawServer) -> None:
        wire.plays(sends(ROLE, self.NOTICE, RED, then="stall", ends=False))
        stream = Stream(caller)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(aurous.StreamNotice):
                list(stream)
        assert stream.end == "left"
        assert connections(caller) == []

    @pytest.mark.parametrize("given", [{"idempotency_key": "a"}, {"extra_headers": {"idempotency-key": "a"}}])
    def test_idempotency_key_for_a_stream_is_refused_before_sending(
        self, caller: Caller, wire: RawServer, given: dict[str, Any]
    ) -> None:
        with pytest.raises(aurous.EncodeError, match="ignores the key of a stream"), Stream(caller, **given):
            pass
        assert wire.requests == []

    def test_mock_sends_the_ignored_key_warning(self, live: Make, mock: Mock) -> None:
        stream = Stream(live(mock.url), extra_headers={"Aurous-Idempotent-Key": "a"})
        with pytest.warns(aurous.StreamNotice), stream:
            list(stream)
        assert [warning.code for warning in stream.warnings] == ["idempotency_ignored_streaming"]

    def test_key_sent_with_a_stream_by_policy_gives_a_notice(self, live: Make, mock: Mock) -> None:
        stream = Stream(live(mock.url, streams=StreamPolicy(on_idempotency_key="send")), idempotency_key="mine")
        with pytest.warns(aurous.StreamNotice), stream:
            list(stream)
        assert stream.response_info.idempotency_status == "ignored_streaming"
        assert stream.response_info.idempotency_key is None
        assert stream.completion.status == "completed"
