"""Refusals of upstream servers: the caller gets their class, the operator their reason, and nobody a key or prompt."""

import json
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import partial
from typing import Any

import pytest
from aurous_mock.upstream.dialect import Dialect, Members
from aurous_mock.upstream.redaction import Redaction
from aurous_mock.upstream.refusals import Refusal, read_refusal, read_retry_after
from gatewaykit import STOP, UPSTREAM_KEY, Gateway, chunk, run_gateway, sends
from mockkit import content_of, error_of
from testkit.responses import HTML, answer

QUOTED = "the launch code is 4711"


@pytest.fixture(scope="module")
def shared_gateway() -> Iterator[Gateway]:
    with run_gateway(access_log=True) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Iterator[Gateway]:
    shared_gateway.mock.reset()
    yield shared_gateway
    assert shared_gateway.holds_nothing()
    assert shared_gateway.mock.ledger() == []


def openai_error(message: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


TOO_LONG = openai_error(
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.", "context_length_exceeded"
)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, TOO_LONG, (400, "max_input_tokens_exceeded")),
        (400, {"error": {"code": 400, "message": "the request exceeds the available context size", "type":
            "exceed_context_size_error"}}, (400, "max_input_tokens_exceeded")),
        (400, {"object": "error", "message": "Input is too long for requested model.", "code": 400},
         (400, "max_input_tokens_exceeded")),
        (422, {"detail": [{"loc": ["body", "stop"], "msg": "Input should be a list", "input": QUOTED}]},
         (400, "invalid_format")),
        (400, openai_error("Invalid schema for response_format", param="response_format"), (400, "invalid_format")),
        (400, {"error": "tools are not supported"}, (400, "invalid_format")),
        (400, b"", (400, "invalid_format")),
        (400, HTML, (400, "invalid_format")),
        (404, openai_error("The model `llama` does not exist", "model_not_found"),
         (500, "chat_provider_request_invalid")),
        (400, openai_error("Invalid model name passed in model=llama"), (500, "chat_provider_request_invalid")),
        (400, {"detail": "Server is pinned to 'a'; requested 'llama'."}, (500, "chat_provider_request_invalid")),
        (401, openai_error(f"Incorrect API key provided: {UPSTREAM_KEY}"), (500, "chat_provider_auth_failed")),
        (402, {"error": {"message": "Insufficient credits"}}, (500, "chat_provider_auth_failed")),
        (403, HTML, (500, "chat_provider_auth_failed")),
        (413, {"error": {"message": "per minute", "code": "rate_limit_exceeded"}}, (503, "provider_rate_limited")),
        (429, HTML, (503, "provider_rate_limited")),
        (408, b"", (502, "chat_provider_unavailable")),
        (500, HTML, (502, "chat_provider_unavailable")),
        (503, {"detail": "loading"}, (502, "chat_provider_unavailable")),
        (302, b"", (502, "chat_provider_unknown_error")),
        (418, b"", (502, "chat_provider_unknown_error")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_refusal_has_its_documented_code_before_a_stream_too(
    gateway: Gateway, status: int, body: Any, expected: tuple[int, str], streamed: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    headers = {"Location": "http://127.0.0.1:9/"} if status == 302 else {}
    kind = "text/html" if body == HTML else "application/json"
    response = gateway.call(answer(status, body, headers=headers, kind=kind), stream=streamed)
    error = error_of(response)
    assert (response.status_code, error["code"]) == expected
    assert len(gateway.server.requests) == 1
    log = capsys.readouterr().err
    (line,) = [line for line in log.splitlines() if "the upstream server refused" in line]
    assert line.startswith(error["request_id"])
    assert f"status {status}" in line
    assert UPSTREAM_KEY not in log + response.text
    assert QUOTED not in log


@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_reason_is_logged_without_what_it_quotes_of_the_prompt(
    gateway: Gateway, streamed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = f"messages[0] is not allowed: {QUOTED!r}; your key is {UPSTREAM_KEY}"
    messages = [{"role": "user", "content": f"Keep it: {QUOTED}, and tell nobody"}]
    refused = gateway.call(answer(400, openai_error(reason)), stream=streamed, messages=messages)
    log = capsys.readouterr().err
    assert "messages[0] is not allowed: '[prompt]'" in log
    assert "4711" not in log
    # The caller's own prompt is the caller's; the key is not.
    assert QUOTED in refused.text
    assert UPSTREAM_KEY not in log + refused.text


def test_parameter_that_is_refused_is_named(gateway: Gateway) -> None:
    error = error_of(gateway.call(answer(400, openai_error("no", param="response_format"))))
    assert error["param"] == "response_format"


DATE = formatdate(1_900_000_000, usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_retry_after_is_passed_on(gateway: Gateway, status: int, streamed: bool) -> None:
    refused = gateway.call(answer(status, b"{}", headers={"Retry-After": "7"}), stream=streamed)
    assert refused.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", "0"), ("7", "7"), (DATE, DATE), ("", None), ("-5", None), ("1.5", None), ("soon", None),
        ("1" * 400, None),
        ("9" * 9, None), ("\u0661", None), ("Wed, 99 Nov 2026 07:28:00 GMT", None), ("7, 8", None), (None, None),
        ("Wed, 21 Oct 2026 07:28:00 +0200", None),
    ],
)  # fmt: skip
def test_retry_after_is_passed_on_only_if_it_is_one(value: str | None, expected: str | None) -> None:
    assert read_retry_after(value) == expected


def test_error_before_the_first_event_is_an_http_error(gateway: Gateway) -> None:
    refused = gateway.call(sends(openai_error("slow down", "rate_limit_exceeded")), stream=True)
    assert (refused.status_code, error_of(refused)["code"]) == (503, "provider_rate_limited")


@pytest.mark.parametrize(
    ("numbers", "where"),
    [
        ({"code": 503}, "in its answer, which names status 503: "),
        ({"status": 503}, "in its answer, which names status 503: "),
        ({"code": 200}, "in its answer: "),
        ({}, "in its answer: "),
    ],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_error_in_a_successful_response_is_not_logged_as_its_status(
    gateway: Gateway, numbers: dict[str, int], where: str, streamed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"error": {"message": "loading", **numbers}}
    assert gateway.call(answer(200, body), stream=streamed).status_code == 502
    assert f"the upstream server refused {where}loading\n" in capsys.readouterr().err


def test_refusal_of_a_nested_body_is_read(gateway: Gateway) -> None:
    refused = gateway.call(answer(400, b"[" * 50_000))
    assert error_of(refused)["code"] == "invalid_format"


def test_control_characters_of_a_reason_are_not_printed(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    refused = gateway.call(answer(400, openai_error("a\x1b[31m\nb\r\x00c\u2028d \ud800")))
    assert "a [31m b c d" in error_of(refused)["message"]
    assert "\x1b" not in capsys.readouterr().err


def test_long_reasons_are_cut_and_short_messages_hidden_as_a_whole() -> None:
    refusal = read_refusal(400, {}, json.dumps(openai_error("x" * 5000)).encode())
    assert len(refusal.reason) < 320
    redaction = Redaction({"messages": [{"role": "user", "content": "Bern"}]}, None)
    assert redaction.for_log("no such city: Bern!") == "no such city: [prompt]!"
    huge = Redaction({"messages": [{"role": "user", "content": "x" * 300_000}]}, None)
    assert "xxx" not in huge.for_log("xxxxxxxxxxxxxxxxxxxx")


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<!doctype html><title>502</title><p class='x'>Bad gateway</p>", "502 Bad gateway"),
        ("<STYLE type='text/css'>p > b {}</style\n><b>Bad</b> gateway", "Bad gateway"),
        ("Bad<script>if (a < b) track()</script> gateway", "Bad gateway"),
        ("Bad gateway<script>track(", "Bad gateway"),
        ("<styled>Bad</styled> gateway", "Bad gateway"),
        ("load < 5 and <b>rising", "load < 5 and rising"),
    ],
)
def test_reason_of_a_page_is_its_text(page: str, reason: str) -> None:
    assert read_refusal(502, {}, page.encode()).reason == reason


def least_seconds(action: Callable[[], object]) -> float:
    """The least processor time of a few times."""

    def measured() -> float:
        begun = time.thread_time()
        action()
        return time.thread_time() - begun

    return min(measured() for _ in range(3))


@pytest.mark.parametrize(
    "form",
    [b"<", b"<a ", b"<script ", b"<script>", b"<style></script ", b"<script></script ", b"</script ", b"<!--", b"<\n"],
    ids=repr,
)
def test_time_to_read_a_hostile_page_is_linear_in_its_size(form: bytes) -> None:
    """20 times the page takes 400 times as long where it is looked through once for each beginning."""
    page = form * (20_000 // len(form))
    whole, part = (least_seconds(partial(read_refusal, 502, {}, each)) for each in (page, page[:1000]))
    assert whole < 100 * part


def test_prompt_is_not_searched_for_each_place_of_a_reason() -> None:
    redaction = Redaction({"messages": [{"role": "user", "content": "a" * 100_000}]}, None)
    long, short = (least_seconds(partial(redaction.for_log, "aaaaaaaaaaab" * times)) for times in (25, 2))
    assert long < 5 * short


OPENAI = openai_error(
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "unsupported_parameter",
    "max_tokens",
)
GOOD = sends(chunk({"content": "Hi"}), STOP)


def test_only_what_was_asked_for_is_forwarded() -> None:
    with run_gateway() as gateway:
        gateway.call(GOOD, n=1, vision_quality="high", user="u")
        (plain,) = gateway.asked
        gateway.stream(GOOD, max_tokens=7)
        (streamed,) = gateway.asked
        asked = {"model", "messages"}
        assert set(plain) == asked | {"user"}
        assert set(streamed) == asked | {"stream", "max_tokens", "stream_options"}
        assert (streamed["model"], streamed["max_tokens"]) == ("llama", 7)


def test_member_for_the_limit_is_learnt_from_a_refusal() -> None:
    with run_gateway() as gateway:
        assert content_of(gateway.stream(answer(400, OPENAI), GOOD, max_tokens=7)) == "Hi"
        gateway.client.post("/v1/chat/completions", json={**gateway.asked[0], "model": "aurous-mock-full"})
        limits = [{name: body[name] for name in body if name.startswith("max_")} for body in gateway.asked]
        assert limits == [{"max_tokens": 7}, {"max_completion_tokens": 7}, {"max_completion_tokens": 7}]


def test_requests_that_are_refused_at_the_same_time_are_all_sent_again() -> None:
    members = Members(Dialect.AUTO)
    unsupported = read_refusal(400, {}, json.dumps(OPENAI).encode())
    extra = Refusal(422, reason="stream_options: Extra inputs are not permitted")
    for _ in range(2):
        assert members.learn("llama", {"max_tokens": 7}, unsupported)
        assert members.limit("llama") == "max_completion_tokens"
        assert members.learn("llama", {"stream_options": {}}, extra)
        assert not members.takes_stream_options("llama")


def test_dialect_that_is_given_is_not_learnt_anew() -> None:
    with run_gateway(upstream_dialect="max_completion_tokens") as gateway:
        gateway.stream(GOOD, max_tokens=7)
        assert gateway.asked[0]["max_completion_tokens"] == 7
        assert "max_tokens" not in gateway.asked[0]
    with run_gateway(upstream_dialect="max_tokens") as gateway:
        assert gateway.call(answer(400, OPENAI), GOOD, max_tokens=7).status_code == 400
        assert len(gateway.asked) == 1


def test_server_without_stream_options_is_not_asked_for_them_again() -> None:
    refusal = {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}
    with run_gateway() as gateway:
        assert content_of(gateway.stream(answer(422, refusal), GOOD)) == "Hi"
        assert ["stream_options" in body for body in gateway.asked] == [True, False]


def test_value_of_the_limit_that_is_refused_is_the_callers() -> None:
    with run_gateway() as gateway:
        refused = gateway.call(
            answer(400, openai_error("max_tokens is too large: 7", param="max_tokens")), max_tokens=7
        )
        assert (refused.status_code, error_of(refused)["param"]) == (400, "max_tokens")
        assert len(gateway.asked) == 1
