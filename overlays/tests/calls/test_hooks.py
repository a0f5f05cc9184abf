"""The events of calls that hooks and the log receive."""

from __future__ import annotations

import logging
from typing import Any

import aurous
import pytest
from aurous._config.hooks import HookDispatcher, redact_headers
from clientkit.callers import Make
from testkit.raw_server import RawServer
from testkit.responses import BUSY, GOOD, KEY, MODEL, answer, envelope


class Diary(aurous.Hooks):
    """Records the events of calls."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.call: aurous.CallDetails | None = None

    def on_start(self, call: aurous.CallDetails) -> None:
        self.call = call
        call.state["diary"] = "mine"
        self.lines.append("start")

    def on_attempt(self, call: aurous.CallDetails, attempt: aurous.Attempt) -> None:
        assert call.state["diary"] == "mine"
        self.lines.append((attempt.number, attempt.status_code, attempt.delay))

    def on_end(self, call: aurous.CallDetails, result: object | None, error: BaseException | None) -> None:
        self.lines.append((type(result).__name__, type(error).__name__))


def test_hooks_receive_start_attempts_and_end_of_a_call(wire: RawServer, make: Make) -> None:
    diary = Diary()
    wire.plays(BUSY, GOOD)
    make(wire.url, hooks=[diary]).create(idempotency_key="mine", seed=9)
    assert diary.lines == ["start", (1, 503, 1.0), (2, 200, None), ("ChatCompletion", "NoneType")]
    call = diary.call
    assert call is not None
    assert (call.operation_id, call.method, call.path) == ("createChatCompletion", "POST", "/v1/chat/completions")
    assert (call.model, call.idempotency_key, call.streams, call.base_url) == (MODEL, "mine", False, wire.url)
    assert call.request["seed"] == 9
    assert KEY not in repr(call)
    assert "colours" not in repr(call)


def test_hooks_receive_the_error_of_a_failed_call(wire: RawServer, make: Make) -> None:
    diary = Diary()
    wire.plays(answer(404, envelope("resource_not_found", "not_found")))
    with pytest.raises(aurous.NotFoundError):
        make(wire.url, hooks=[diary]).run(lambda client: client.chat.completions.retrieve("cmp_1"))
    assert diary.lines == ["start", (1, 404, None), ("NoneType", "NotFoundError")]
    assert diary.call is not None
    assert (diary.call.path, diary.call.model, dict(diary.call.request)) == ("/v1/chat/completions/{id}", None, {})


def test_hooks_receive_the_error_of_an_unparsable_response(wire: RawServer, make: Make) -> None:
    diary = Diary()
    wire.plays(answer(200, {}))
    with pytest.raises(aurous.APIResponseValidationError):
        make(wire.url, hooks=[diary]).create()
    assert diary.lines == ["start", (1, 200, None), ("NoneType", "APIResponseValidationError")]


def test_hooks_receive_the_error_of_a_stream_that_does_not_open(wire: RawServer, make: Make) -> None:
    diary = Diary()
    wire.plays(answer(401, envelope("invalid_api_key", "authentication")))
    with pytest.raises(aurous.AuthenticationError):
        make(wire.url, hooks=[diary]).stream()
    assert diary.lines == ["start", (1, 401, None), ("NoneType", "AuthenticationError")]


def test_hooks_of_with_options_do_not_change_the_original_client(wire: RawServer) -> None:
    wire.plays(GOOD)
    diary = Diary()
    with aurous.Aurous(KEY, base_url=wire.url) as client:
        client.with_options(hooks=[diary]).chat.completions.retrieve("cmp_1")
        client.chat.completions.retrieve("cmp_1")
    assert diary.lines.count("start") == 1


def test_hooks_of_a_client_can_be_added_to(wire: RawServer) -> None:
    wire.plays(GOOD)
    first, second = Diary(), Diary()
    with aurous.Aurous(KEY, base_url=wire.url, hooks=[first]) as client:
        client.with_options(hooks=[*client.hooks, second]).chat.completions.retrieve("cmp_1")
        assert client.hooks == (first,)
    assert first.lines == second.lines != []


def test_failing_hook_does_not_change_the_call(wire: RawServer, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(aurous.Hooks):
        def on_start(self, call: aurous.CallDetails) -> None:
            raise KeyError("start")

        def on_end(self, call: aurous.CallDetails, result: object | None, error: BaseException | None) -> None:
            raise ZeroDivisionError

    diary = Diary()
    wire.plays(GOOD)
    assert make(wire.url, hooks=[Broken(), diary]).create().status == "completed"
    assert diary.lines[-1] == ("ChatCompletion", "NoneType")
    assert [record.levelname for record in caplog.records if "a hook failed" in record.getMessage()] == ["WARNING"] * 2


def test_hooks_base_class_does_nothing() -> None:
    call = aurous.CallDetails(operation_id="x", method="GET", path="/x")
    with HookDispatcher([aurous.Hooks()]).observe(call, {}):
        pass
    assert (call.model, dict(call.request), call.content) == (None, {}, None)


@pytest.mark.parametrize("content", [b"--boundary\r\n\r\n", b"\xff\xd8 an image", b"[" * 100_000, b'["a list"]'])
def test_body_that_is_no_object_has_no_members_for_hooks(content: bytes) -> None:
    call = aurous.CallDetails(operation_id="x", method="POST", path="/x", content=content)
    assert (call.model, dict(call.request)) == (None, {})


def test_hooks_receive_headers_without_secrets() -> None:
    shown = redact_headers(
        {"X-Api-Key": "a", "AUTHORIZATION": "b", "proxy-authorization": "c", "Cookie": "d", "X-Other": "e"}
    )
    assert [name for name, value in shown.items() if value != "[secret]"] == ["X-Other"]


def test_failing_hook_prints_nothing_without_a_log_handler(
    wire: RawServer, make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    assert logging.getLogger("aurous").level == logging.NOTSET
    wire.plays(BUSY, GOOD)
    make(wire.url).create()
    assert capfd.readouterr() == ("", "")
