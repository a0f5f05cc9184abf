"""Error responses from real sockets: refusals, redirects, other shapes. Each raises one error with all its details."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from aurous import Aurous, errors
from clientkit.callers import Make, Time
from testkit.raw_server import Action, RawServer, raw, run_raw_server
from testkit.responses import BODY, GOOD, GZIPPED, HTML, KEY, WHOLE, answer, completion, envelope

REFUSED: dict[str, tuple[Action, type[errors.AurousError]]] = {
    "400": (answer(400, envelope("missing_field", param="messages")), errors.InvalidRequestError),
    "401": (answer(401, envelope("invalid_api_key", "authentication")), errors.AuthenticationError),
    "402": (answer(402, envelope("balance_too_low")), errors.BalanceTooLowError),
    "403": (answer(403, envelope("missing_scope", "authentication")), errors.PermissionDeniedError),
    "404": (answer(404, envelope("resource_not_found", "not_found")), errors.NotFoundError),
    "409 of a state": (answer(409, envelope("chat_cancel_target_already_terminal")), errors.ConflictError),
    "410": (answer(410, envelope("output_expired", "not_found")), errors.NotFoundError),
    "418": (answer(418, b"short and stout", kind="text/plain"), errors.InvalidRequestError),
    "422": (answer(422, {"detail": [{"msg": "of another framework"}]}), errors.InvalidRequestError),
    "429 of credits": (answer(429, envelope("insufficient_quota", "rate_limit")), errors.BalanceTooLowError),
    "429 of another day": (
        answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "86400"}),
        errors.RateLimitError,
    ),
    "304": (answer(304), errors.APIStatusError),
    "400 and gzip that is none": (answer(400, b"no gzip", headers=GZIPPED), errors.InvalidRequestError),
    "400 and bad UTF-8": (answer(400, b'{"error": {"message": "\xff\xfe"}}'), errors.InvalidRequestError),
    "400 and a list": (answer(400, []), errors.InvalidRequestError),
    "400 and null": (answer(400, None), errors.InvalidRequestError),
    "400 and a string": (answer(400, {"error": "of one word"}), errors.InvalidRequestError),
    "400 and wrong types": (
        answer(400, {"error": {"type": 1, "code": [], "message": {}, "param": 3, "request_id": None}}),
        errors.InvalidRequestError,
    ),
    "400 and a great depth": (answer(400, b"[" * 100_000), errors.InvalidRequestError),
    "400 and a long number": (answer(400, b"1" * 10_000), errors.InvalidRequestError),
    "400 and an empty body": (answer(400), errors.InvalidRequestError),
    "HTML": (answer(200, HTML, kind="text/html"), errors.APIResponseValidationError),
    "empty": (answer(200), errors.APIResponseValidationError),
    "no content": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), errors.APIResponseValidationError),
    "truncated JSON of the right length": (answer(200, BODY[:-20]), errors.APIResponseValidationError),
    "null": (answer(200, None), errors.APIResponseValidationError),
    "a list": (answer(200, [completion()]), errors.APIResponseValidationError),
    "another object": (answer(200, {"hello": "world"}), errors.APIResponseValidationError),
    "an error that says 200": (answer(200, envelope("internal_error")), errors.ServerError),
    "a refusal that says 200": (answer(200, envelope("balance_too_low")), errors.BalanceTooLowError),
    "a null where an object belongs": (answer(200, {**completion(), "usage": None}), errors.APIResponseValidationError),
    "no choices": (answer(200, {**completion(), "choices": None}), errors.APIResponseValidationError),
    "a choice without a message": (
        answer(200, {**completion(), "choices": [{"index": 0}]}),
        errors.APIResponseValidationError,
    ),
    "NaN": (answer(200, BODY.replace(b"0.2856", b"NaN")), errors.APIResponseValidationError),
    "a number of 10,000 digits": (answer(200, BODY.replace(b"850", b"9" * 10_000)), errors.APIResponseValidationError),
    "bad UTF-8": (answer(200, BODY.replace(b"Red", b"\xff\xfe\xfd")), errors.APIResponseValidationError),
    "great depth": (answer(200, b"[" * 100_000 + b"]" * 100_000), errors.APIResponseValidationError),
    "a stream that nobody asked for": (
        answer(200, b"data: {}\n\n", kind="text/event-stream"),
        errors.APIResponseValidationError,
    ),
}


@pytest.mark.parametrize(("action", "kind_of_error"), REFUSED.values(), ids=REFUSED)
def test_final_error_response_raises_typed_error(
    action: Action, kind_of_error: type[errors.AurousError], wire: RawServer, make: Make, time: Time
) -> None:
    wire.plays(action)
    with pytest.raises(errors.AurousError) as caught:
        make(wire.url).create()
    assert type(caught.value) is kind_of_error
    assert len(wire.requests) == 1
    assert time.slept == []


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 520, 529, 599, 999])
def test_every_5xx_is_retried(status: int, wire: RawServer, make: Make) -> None:
    wire.plays(answer(status, b"", kind="text/plain"))
    with pytest.raises(errors.ServerError) as caught:
        make(wire.url).create()
    assert (caught.value.status_code, caught.value.code, len(wire.requests)) == (status, None, 4)


def test_error_has_the_members_of_the_envelope(wire: RawServer, make: Make) -> None:
    body = envelope("max_tokens_exceeds_hard_cap", param="max_tokens", message="max_tokens 16384 exceeds 8192.")
    wire.plays(answer(400, body, headers={"Aurous-Request-Id": "req_header", "X-Other": "1"}))
    with pytest.raises(errors.InvalidRequestError) as caught:
        make(wire.url).create()
    error = caught.value
    assert (error.status_code, error.type, error.code) == (400, "invalid_request", "max_tokens_exceeds_hard_cap")
    assert (error.message, error.param) == ("max_tokens 16384 exceeds 8192.", "max_tokens")
    assert (error.request_id, error.doc_url) == ("req_header", body["error"]["doc_url"])
    assert (error.headers["x-other"], json.loads(error.content)) == ("1", body)
    assert [attempt.code for attempt in error.attempts] == ["max_tokens_exceeds_hard_cap"]
    assert str(error) == (
        "HTTP 400 max_tokens_exceeds_hard_cap: max_tokens 16384 exceeds 8192. (param max_tokens, request req_header)\n"
        "See https://docs.aurous-labs.com/errors#max_tokens_exceeds_hard_cap"
    )


def test_response_validation_error_gives_the_path(wire: RawServer, make: Make) -> None:
    record = completion()
    record["choices"][0]["message"] = 7
    wire.plays(answer(200, record, headers={"Aurous-Request-Id": "req_odd"}))
    with pytest.raises(errors.APIResponseValidationError, match=r"choices\[0\]\.message: expected an object") as caught:
        make(wire.url).create()
    assert caught.value.path == ("choices", 0, "message")
    assert json.loads(caught.value.content) == record
    assert caught.value.request_id == "req_odd"


def test_error_in_a_success_has_the_message_of_the_server(wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, envelope("internal_error", "server_error", message="It broke.")))
    with pytest.raises(errors.ServerError, match="internal_error: It broke") as caught:
        make(wire.url).create()
    assert caught.value.code == "internal_error"
    assert caught.value.__notes__ == ["The response had this error in its body, but the status 200."]


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}])
def test_completion_of_another_server_asks_for_the_base_url(usage: Any, wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, {**completion(), "usage": usage}))
    with pytest.raises(errors.APIResponseValidationError) as caught:
        make(wire.url).create()
    assert f"is the base_url, {wire.url}, that of an Aurous server?" in str(caught.value)


def test_informational_responses_are_skipped(wire: RawServer, make: Make) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    wire.plays(raw(early + WHOLE, then="keep"))
    assert make(wire.url).create().status == "completed"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_reported_and_not_followed(status: int, wire: RawServer, make: Make) -> None:
    with run_raw_server() as elsewhere:
        elsewhere.plays(GOOD)
        wire.plays(answer(status, b"moved", headers={"Location": f"{elsewhere.url}/v1/chat/completions"}))
        with pytest.raises(errors.APIStatusError, match=f"leads to {elsewhere.url}") as caught:
            make(wire.url).create()
        assert elsewhere.requests == []
    assert (caught.value.status_code, caught.value.content, len(wire.requests)) == (status, b"moved", 1)


@pytest.mark.parametrize("location", ["http://[", "//", "\x80", "javascript:alert(1)", "http://a:99999/"])
def test_redirect_without_location_raises_typed_error(location: str, wire: RawServer, make: Make) -> None:
    wire.plays(answer(302, headers={"Location": location}))
    with pytest.raises((errors.APIStatusError, errors.APIConnectionError)):
        make(wire.url, max_retries=0).create()


def test_http_client_that_follows_redirects_does_not_follow_them_for_calls(
    kind: str, wire: RawServer, make: Make
) -> None:
    import httpx

    http_client: Any = (httpx.Client if kind == "sync" else httpx.AsyncClient)(follow_redirects=True)
    with run_raw_server() as elsewhere:
        elsewhere.plays(GOOD)
        wire.plays(answer(307, headers={"Location": elsewhere.url}))
        with pytest.raises(errors.APIStatusError):
            make(wire.url, http_client=http_client).create()
        assert elsewhere.requests == []


def test_endless_body_is_not_read_into_memory(wire: RawServer, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurous.transport.convert.MAX_RESPONSE_SIZE", 2 * 2**20)
    wire.plays(answer(200, b" " * (3 * 2**20)))
    with pytest.raises(errors.APIConnectionError, match="larger than 2 MiB"):
        make(wire.url, max_retries=0).create()


@pytest.mark.parametrize("attempts", [1, 2])
def test_endless_error_body_is_held_twice_at_most(
    attempts: int, wire: RawServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 8 * 2**20
    monkeypatch.setattr("aurous.transport.convert.MAX_RESPONSE_SIZE", size)
    wire.plays(answer(500, b"[" + b" " * size * 2))
    caller = make(wire.url, max_retries=attempts - 1)
    tracemalloc.start()
    try:
        with pytest.raises(errors.ServerError) as caught:
            caller.create()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(caught.value.attempts) == attempts
    assert len(caught.value.content) > size
    # The body that was received and the copy in the result; later that and its text.
    assert peak < 2.6 * size


def test_large_response_is_parsed(wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, completion("x" * (5 * 2**20))))
    assert len(make(wire.url).create().choices[0].message.content or "") == 5 * 2**20


@pytest.mark.parametrize("path", ["/v1/chat", "/api"])
def test_not_found_below_a_longer_base_url_asks_to_check_it(path: str, wire: RawServer, make: Make) -> None:
    wire.plays(answer(404, envelope("resource_not_found", "not_found", message="There is nothing at this path.")))
    with pytest.raises(errors.NotFoundError) as caught:
        make(wire.url + path).create()
    assert caught.value.url == f"{wire.url}{path}/v1/chat/completions"
    assert f"Check base_url: the client adds /v1/chat/completions to {wire.url}{path}, so" in str(caught.value)


@pytest.mark.parametrize("status", [404, 405])
def test_not_found_of_another_server_has_the_url_and_asks_for_the_base_url(
    status: int, wire: RawServer, make: Make
) -> None:
    wire.plays(answer(status, b"no such page", kind="text/plain"))
    with pytest.raises(errors.APIStatusError) as caught:
        make(wire.url).create()
    assert (caught.value.method, caught.value.url) == ("POST", f"{wire.url}/v1/chat/completions")
    first, second = str(caught.value).splitlines()
    assert first == f"HTTP {status}: no such page (POST {wire.url}/v1/chat/completions)"
    assert second == f"Is base_url, {wire.url}, the address of an Aurous server?"


def test_missing_resource_of_the_api_gives_no_hint_at_the_base_url(wire: RawServer, make: Make) -> None:
    wire.plays(answer(404, envelope("resource_not_found", "not_found", message="No such completion.")))
    with pytest.raises(errors.NotFoundError) as caught:
        make(wire.url).create()
    assert "base_url" not in str(caught.value)
    assert wire.url not in str(caught.value)


def test_url_of_an_error_has_neither_key_nor_query(wire: RawServer) -> None:
    wire.plays(answer(404, b"", kind="text/plain"))
    with Aurous(KEY, base_url=wire.url) as client, pytest.raises(errors.NotFoundError) as caught:
        client.request("GET", f"/v1/things/{KEY}", query={"page": "2"})
    assert caught.value.url == f"{wire.url}/v1/things/[secret]"
    assert KEY not in str(caught.value)
