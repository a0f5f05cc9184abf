"""The tree of errors: which class for which answer, what they say, and that they travel."""

from __future__ import annotations

import copy
import inspect
import json
import multiprocessing
import pickle
import re
import tracemalloc
from typing import Any

import aurous
import pytest
from aurous import errors
from aurous._error_body import MAX_SIZE, ErrorBody, printable
from aurous._request.error_mapping import error_class
from aurous.types import Attempt
from aurous_client.error_codes import ERROR_CODES
from aurous_client.errors import ParseError
from hypothesis import given
from hypothesis import strategies as st
from testkit.responses import envelope

ATTEMPTS = (
    Attempt(number=1, elapsed=0.25, error="the response was cut short", delay=1.0),
    Attempt(number=2, elapsed=0.5, status_code=503, code="provider_unavailable", request_id="req_2"),
)

# What each documented code is, where its status alone would not say it.
BY_CODE = {
    "balance_too_low": errors.BalanceTooLowError,
    "idempotency_key_in_use": errors.IdempotencyKeyInUseError,
    "missing_scope": errors.PermissionDeniedError,
    "provider_rate_limited": errors.RateLimitError,
}
BY_STATUS = {
    "400": errors.InvalidRequestError,
    "4XX": errors.InvalidRequestError,
    "401": errors.AuthenticationError,
    "404": errors.NotFoundError,
    "409": errors.ConflictError,
    "410": errors.NotFoundError,
    "429": errors.RateLimitError,
    "500": errors.ServerError,
    "502": errors.ServerError,
    "504": errors.ServerError,
    "5XX": errors.ServerError,
}


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_documented_error_code_has_its_class(code: str) -> None:
    documented = ERROR_CODES[code]
    expected = BY_CODE.get(code) or BY_STATUS[documented.status]
    assert error_class(int(documented.status.replace("X", "0")), code) is expected


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, None, errors.InvalidRequestError),
        (402, None, errors.BalanceTooLowError),
        (403, "a_new_code", errors.PermissionDeniedError),
        (409, "a_new_code", errors.ConflictError),
        (413, None, errors.InvalidRequestError),
        (418, None, errors.InvalidRequestError),
        (422, None, errors.InvalidRequestError),
        (429, "a_new_code", errors.RateLimitError),
        (429, "credits_exhausted", errors.BalanceTooLowError),
        (499, None, errors.InvalidRequestError),
        (503, None, errors.ServerError),
        (520, None, errors.ServerError),
        (599, None, errors.ServerError),
        (999, None, errors.ServerError),
        (302, None, errors.APIStatusError),
        (199, None, errors.APIStatusError),
    ],
)
def test_undocumented_code_falls_back_to_class_of_its_status(status: int, code: str | None, expected: type) -> None:
    assert error_class(status, code) is expected


@given(st.integers(-5, 2000), st.none() | st.text(max_size=20), st.binary(max_size=200))
def test_any_error_body_gives_a_typed_error(status: int, code: str | None, content: bytes) -> None:
    error = error_class(status, code)(status, content=content)
    assert isinstance(error, errors.APIStatusError)
    assert str(error)
    assert pickle.loads(pickle.dumps(error)).message == error.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "type", "message", "param", "request_id", "x"]), inner)
    ),
    max_leaves=10,
)


@given(json_values)
def test_error_envelopes_of_any_form_are_read(document: Any) -> None:
    body = ErrorBody.of(document)
    for name in ("type", "code", "message", "param", "doc_url", "request_id"):
        assert getattr(body, name) is None or isinstance(getattr(body, name), str)


def test_error_tree_in_the_docstring_is_true() -> None:
    drawn: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^( {4}[│├└─ ]*)(\w+Error)", line)
        if match:
            depth, name = len(match[1]), match[2]
            stack = [*(above for above in stack if above[0] < depth), (depth, name)]
            drawn[name] = stack[-2][1] if len(stack) > 1 else "Exception"
    known = {
        name: kind.__mro__[1].__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.AurousError)
    }
    assert drawn == known


def samples() -> list[errors.AurousError]:
    answered = {"headers": {"aurous-request-id": "req_1"}, "attempts": ATTEMPTS, "retry_after": 3.0}
    body = b'{"error": {"code": "some_code", "message": "Some message.", "param": "messages[0]"}}'
    shape: dict[str, Any] = {"path": ("choices", 0), "status_code": 200, "headers": {}, "content": b"{}"}
    broken: dict[str, Any] = {"completion_id": "cmp_1", "text": "Hel", "end": "cut"}
    instances: list[errors.AurousError] = [
        errors.AurousError("plain"),
        errors.ConfigurationError("settings"),
        errors.BudgetExceededError("spent"),
        errors.APIResponseValidationError("odd", attempts=ATTEMPTS, **shape),
        errors.IncompleteCompletionError("there is no end", completion_id="cmp_1", text="Hel"),
    ]
    for kind in vars(errors).values():
        if not inspect.isclass(kind) or kind in {type(error) for error in instances}:
            continue
        if issubclass(kind, errors.APIStatusError):
            instances.append(kind(400, content=body, **answered))  # type: ignore[arg-type]
        elif issubclass(kind, errors.StreamInterruptedError):
            instances.append(kind("it broke", **broken))
        elif issubclass(kind, errors.APIConnectionError):
            instances.append(kind("no answer", attempts=ATTEMPTS, sent=False))
    return instances


@pytest.mark.parametrize("error", samples(), ids=lambda error: type(error).__name__)
class TestTravel:
    def test_every_error_pickles_and_copies(self, error: errors.AurousError) -> None:
        error.completion_id, error.text = "cmp_1", "Hel"
        error.add_note("a note")
        copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(6)]
        for copied in [*copies, copy.copy(error), copy.deepcopy(error)]:
            assert type(copied) is type(error)
            assert (str(copied), repr(copied), copied.args) == (str(error), repr(error), error.args)
            assert vars(copied) == vars(error)

    def test_every_error_is_exported(self, error: errors.AurousError) -> None:
        assert getattr(aurous, type(error).__name__) is type(error)
        assert type(error).__doc__


def test_every_error_class_has_a_sample() -> None:
    known = {kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.AurousError)}
    assert {type(error) for error in samples()} == known


def _fail(number: int) -> None:
    raise samples()[number]


@pytest.mark.slow
def test_errors_survive_a_process_pool() -> None:
    # An error that cannot be unpickled leaves the pool waiting for ever.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for number, error in enumerate(samples()):
            with pytest.raises(type(error), match=re.escape(str(error).splitlines()[0])):
                pool.apply(_fail, (number,))


def test_non_api_errors_of_a_call_pickle() -> None:
    fault = pickle.loads(pickle.dumps(ParseError("a string", 7, ("choices", 0))))
    assert str(fault) == "choices[0]: expected a string, found 7"
    assert str(pickle.loads(pickle.dumps(aurous.EncodeError("no")))) == "no"


def test_error_messages_have_cause_attempts_and_advice() -> None:
    error = errors.BalanceTooLowError(
        402,
        headers={"aurous-request-id": "req_1"},
        content=b'{"error": {"code": "balance_too_low", "message": "1.5 of 2.0.", "doc_url": "https://d/errors#b"}}',
        attempts=ATTEMPTS,
        retry_after=12.0,
    )
    assert str(error) == (
        "HTTP 402 balance_too_low: 1.5 of 2.0. (request req_1, retry after 12 s)"
        " [2 attempts: the response was cut short after 0.25 s; HTTP 503 provider_unavailable after 0.50 s]\n"
        "Add credits, or lower max_tokens: it sets how much is held before a call. See https://d/errors#b"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no message"),
        (b"<html>\n <h1>Bad   Gateway</h1>", "<html> <h1>Bad Gateway</h1>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"error": "one word"}', "one word"),
        (b'{"message": "flat"}', "flat"),
        (b"x" * 500, "x" * 120 + "..."),
    ],
)
def test_error_body_that_is_no_envelope_is_quoted(content: bytes, message: str) -> None:
    error = errors.ServerError(502, content=content)
    assert (error.message, error.code, error.type) == (message, None, None)


def test_large_error_body_is_quoted_and_not_decoded() -> None:
    document = json.dumps(envelope("seed_out_of_range")).encode()
    largest, larger = document.ljust(MAX_SIZE), document.ljust(MAX_SIZE + 1)
    assert errors.APIStatusError(400, content=largest).code == "seed_out_of_range"
    error = errors.APIStatusError(400, content=larger)
    assert (error.code, error.content) == (None, larger)
    assert error.message.startswith('{"error": {"type": "invalid_request", "code": "seed_out_of_range"')
    assert len(error.message) < 200


def test_error_body_of_many_objects_takes_little_memory() -> None:
    content = b"[" + b"{},".join([b""] * (4 << 20 >> 1)) + b"{}]"
    tracemalloc.start()
    try:
        errors.APIStatusError(500, content=content)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_request_id_of_the_body_is_used_without_the_header() -> None:
    body = str(envelope("x")).replace("'", '"').encode()
    assert errors.ServerError(500, content=body).request_id == "req_01HXMQ7Z3K8Y2ABCDEFGHJKM"


@given(st.text())
def test_error_message_is_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    assert len(shown) <= 1003


def test_stream_timeout_has_the_attributes_of_other_timeouts() -> None:
    error = errors.IdleTimeoutError("nothing", completion_id=None, text="", end="cut")
    assert isinstance(error, errors.APITimeoutError)
    assert (error.attempts, error.sent) == ((), True)
