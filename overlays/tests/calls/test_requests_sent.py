"""What real sockets are sent of a call, and what its log says of that."""

from __future__ import annotations

import json
import logging
from typing import Any

import aurous
import pytest
from aurous import errors
from clientkit.callers import Make
from testkit.raw_server import RawServer
from testkit.responses import BUSY, GOOD, HANG_UP, KEY, answer, completion, envelope


class TestSends:
    """What goes out."""

    def test_call_sends_the_documented_headers(self, wire: RawServer, make: Make) -> None:
        wire.plays(GOOD)
        make(wire.url).create()
        [seen] = wire.requests
        assert seen.line == "POST /v1/chat/completions HTTP/1.1"
        assert seen.header("X-Api-Key") == KEY
        assert seen.header("Authorization") is None
        assert seen.header("Aurous-Version") == aurous.API_VERSION
        assert seen.header("Accept") == "application/json"
        assert seen.header("Content-Type") == "application/json"
        assert (seen.header("User-Agent") or "").startswith(f"aurous-labs/{aurous.__version__} python/3")
        assert len(seen.header("Idempotency-Key") or "") == 36

    def test_each_call_has_a_new_idempotency_key_unless_the_caller_gives_one(self, wire: RawServer, make: Make) -> None:
        wire.plays(GOOD)
        caller = make(wire.url)
        for key in (None, None, "order-123"):
            caller.create(idempotency_key=key)
        assert len(set(wire.keys)) == 3
        assert wire.keys[2] == "order-123"

    @pytest.mark.parametrize("key", ["", "x" * 257, "é", "tab\t", "line\nbreak", " ", 7])
    def test_invalid_idempotency_key_is_refused_before_sending(self, key: Any, wire: RawServer, make: Make) -> None:
        wire.plays(GOOD)
        with pytest.raises(aurous.EncodeError):
            make(wire.url).create(idempotency_key=key)
        assert wire.requests == []

    def test_streams_and_operations_without_keys_send_no_idempotency_key(self, wire: RawServer, make: Make) -> None:
        last = {"index": 0, "delta": {}, "finish_reason": "stop"}
        chunk = {"id": "cmp_1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [last]}
        events = f"data: {json.dumps(chunk)}"
        wire.plays(answer(200, f"{events}\n\ndata: [DONE]\n\n".encode(), kind="text/event-stream"))
        caller = make(wire.url)
        caller.stream()
        wire.plays(answer(200, {"object": "list", "data": []}))
        caller.run(lambda client: client.models.list())
        assert wire.keys == [None, None]
        with pytest.raises(aurous.EncodeError, match="ignores the key of a stream"):
            caller.stream(extra_headers={"idempotency-key": "mine"})

    def test_create_with_stream_true_in_the_body_is_refused(self, wire: RawServer, make: Make) -> None:
        wire.plays(GOOD)
        with pytest.raises(aurous.EncodeError, match=r"call stream\(\)"):
            make(wire.url).create(extra_body={"stream": True})
        assert wire.requests == []
        make(wire.url).create(extra_body={"stream": False}, messages=[{"role": "user", "content": '"stream":true'}])
        assert len(wire.requests) == 1

    def test_extra_header_replaces_default_header_of_the_same_name(self, wire: RawServer, make: Make) -> None:
        wire.plays(GOOD)
        extra = {"aurous-version": "2026-01-01", "IDEMPOTENCY-KEY": "mine", "X-Team": "blue"}
        make(wire.url).create(extra_headers=extra)
        [seen] = wire.requests
        assert seen.header("Aurous-Version") == "2026-01-01"
        assert seen.header("Idempotency-Key") == "mine"
        assert seen.header("X-Team") == "blue"

    @pytest.mark.parametrize(
        ("extra", "error"),
        [
            ({"x-api-key": "another"}, aurous.EncodeError),
            ({"Aurous-Version": "yesterday"}, aurous.ConfigurationError),
            ({"X-Bad": "line\nbreak"}, aurous.EncodeError),
            ({"content-length": "3"}, aurous.EncodeError),
            ({"Content-Length": "3000"}, aurous.EncodeError),
            ({"Transfer-Encoding": "chunked"}, aurous.EncodeError),
        ],
    )
    def test_extra_header_with_line_breaks_credentials_or_another_length_is_refused(
        self, extra: dict[str, str], error: type[Exception], wire: RawServer, make: Make
    ) -> None:
        wire.plays(GOOD)
        with pytest.raises(error):
            make(wire.url).create(extra_headers=extra)
        assert wire.requests == []

    @pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), "5", [1]])
    def test_every_request_is_sent_with_finite_timeouts(self, timeout: Any, wire: RawServer, make: Make) -> None:
        wire.plays(GOOD)
        with pytest.raises(aurous.ConfigurationError, match="finite"):
            make(wire.url).create(timeout=timeout)
        assert wire.requests == []

    def test_api_version_none_sends_no_version_header(self, wire: RawServer, make: Make) -> None:
        wire.plays(GOOD)
        make(wire.url, api_version=None).create()
        assert wire.requests[0].header("Aurous-Version") is None


class TestLog:
    def test_log_has_one_line_for_each_attempt(
        self, wire: RawServer, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "aurous")
        wire.plays(HANG_UP, BUSY, GOOD)
        make(wire.url).create()
        lines = [record.getMessage() for record in caplog.records if record.name == "aurous"]
        assert len(lines) == 3
        assert "the response was cut short" in lines[0]
        assert "attempt 1, again in 1.00 s" in lines[0]
        assert "HTTP 503 provider_unavailable" in lines[1]
        assert "HTTP 200" in lines[2]
        assert "attempt 3, request req_good" in lines[2]

    def test_debug_log_has_headers_but_no_secret_and_no_body(
        self, wire: RawServer, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "aurous")
        wire.plays(answer(200, completion(), headers={"Set-Cookie": "secret=1", "X-Told": "yes"}))
        make(wire.url).create(extra_headers={"Authorization": "Bearer secret"})
        assert "'x-told': 'yes'" in caplog.text
        assert "'Authorization': '[secret]'" in caplog.text
        assert "'set-cookie': '[secret]'" in caplog.text
        assert "secret=1" not in caplog.text
        assert "Bearer" not in caplog.text
        assert "colours" not in caplog.text
        assert "Red" not in caplog.text

    def test_server_text_cannot_forge_a_log_line(
        self, wire: RawServer, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "aurous")
        wire.plays(answer(400, envelope("bad\nINFO aurous: all is well\x1b[2J", message="\ud800" + "x" * 10**6)))
        with pytest.raises(errors.InvalidRequestError) as caught:
            make(wire.url).create()
        assert not any("\n" in record.getMessage() for record in caplog.records)
        assert "\x1b" not in caplog.text
        assert len(str(caught.value).encode()) < 5000
